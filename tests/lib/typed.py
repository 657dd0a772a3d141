"""typed - the commands of a document, run as they are typed, in a copy of what they need.

A ```sh block is run by bash; a ```text block right after it is exactly what it must print. A block
succeeds unless a line of it says `# exit code N`. What a block exports, and the folder it goes to,
stay for the next ones. Lines of programs that are no dependency of ours (OPTIONAL) are left out
where they are not installed.
"""
import os
import re
import shutil
import signal

from lib import process
from lib.program import environment
from lib.suite import BusTest

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
EXIT_CODE = re.compile(r"# exit code (\d+)$", re.M)
OPTIONAL = ("curl", "redis-cli")
HTTP = "127.0.0.1:8089"
TEXT_SECONDS = 60
COPIED = ("bus", "tests", "schemas", "config")


def blocks(document, section=None):
    """[(commands, what they must print or None)] of the document's section of that heading."""
    text = process.read(os.path.join(process.ROOT, document))
    if section is not None:
        text = re.split(r"^#+ %s\n" % re.escape(section), text, flags=re.M)[1]
        text = re.split(r"^## ", text, flags=re.M)[0]
    found = [(match.group(1), match.group(2)) for match in BLOCK.finditer(text)]
    return [(body, found[i + 1][1] if found[i + 1:] and found[i + 1][0] == "text" else None)
            for i, (language, body) in enumerate(found) if language == "sh"]


class TypedTest(BusTest):
    """`replaced` is what stands in the document and what is typed instead; `env` is bash's."""

    def setUp(self):
        super().setUp()
        self.folder = process.private_folder("typed")
        self.state = os.path.join(self.folder, ".exported")
        self.port = process.free_port()
        self.replaced = {HTTP: "127.0.0.1:%d" % self.port}
        self.env = environment({"XDG_RUNTIME_DIR": process.private_folder("home"),
                                "UNSTALE_HTTP_LISTEN": "127.0.0.1:%d" % self.port})
        with open(self.state, "w", encoding="utf-8"):
            pass
        for name in COPIED:
            shutil.copytree(os.path.join(process.ROOT, name), os.path.join(self.folder, name),
                            ignore=shutil.ignore_patterns("__pycache__", "unit", "fuzz", "cases"))
        os.symlink(os.path.abspath(process.build_dir()), os.path.join(self.folder, "build"))

    def typed(self, block):
        for name, value in self.replaced.items():
            block = block.replace(name, value)
        for name in OPTIONAL:
            if not shutil.which(name) and re.search("^%s " % name, block, re.M):
                block = re.sub("^%s .*\n?" % name, "", block, flags=re.M)
                self.notes.append("not run: %s is not installed" % name)
        return block

    def bash(self, block):
        """The words that bash is started with for a block."""
        keep = "export -p >%s; echo cd \"$PWD\" >>%s" % (self.state, self.state)
        return ["bash", "-c", "set -e -o pipefail; . %s\ntrap '%s' EXIT\n%s" %
                (self.state, keep, self.typed(block))]

    def check(self, block, expected=None):
        code, out, err = process.run(self.bash(block), env=self.env, cwd=self.folder,
                                     timeout=TEXT_SECONDS)
        wanted = EXIT_CODE.search(block)
        self.assertEqual(code, int(wanted.group(1)) if wanted else 0, block + out + err)
        if expected is not None:
            self.assertEqual(out, expected, block)
        return out

    def start(self, block):
        """A block whose last command stays in the foreground until it is stopped."""
        log = os.path.join(self.folder, "log-%d" % len(self._logs))
        self.watch(block.strip().splitlines()[-1], log)
        child = process.start(self.bash(block), log=log, env=self.env, cwd=self.folder)
        self.addCleanup(self.end, child)
        return child, log

    @staticmethod
    def end(child):
        if child.poll() is None:
            for pid in process.children(child.pid):
                os.kill(pid, signal.SIGTERM)
            child.wait(30)
        process.kill(child)

    def wait_text(self, log, text):
        process.wait_until(lambda: text in process.read(log), 30, lambda: process.tail(log))
        return process.read(log)
