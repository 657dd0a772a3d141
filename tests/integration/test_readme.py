"""The README's commands, run in order as they are typed, in a copy of what they need.

A ```sh block is run by bash; a ```text block right after it is exactly what it must print. A block
succeeds unless a line of it says `# exit code N`. What a block exports stays for the next ones.
What is not run here stands in NOT_RUN, with the reason; every other command is. Lines of programs
that are no dependency of ours (OPTIONAL) are left out where they are not installed.
"""
import os
import re
import shutil
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import QUICK_SESSIONS, environment
from lib.suite import BusTest, main

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
EXIT_CODE = re.compile(r"# exit code (\d+)$", re.M)
NOT_RUN = {
    "make demo": "test_demo runs what it runs",
    "make test": "it is what runs this test",
    "docker": "no Docker engine is taken for granted; make test-image checks image and compose file",
}
OPTIONAL = ("curl", "redis-cli")
HTTP = "127.0.0.1:8089"
TEXT_SECONDS = 60


def why_not(line):
    for command, reason in NOT_RUN.items():
        if line == command or (command == "docker" and "docker compose" in line):
            return reason
    return None


def blocks(section):
    """[(commands, what they must print or None)] of the README's section of that heading."""
    text = process.read(os.path.join(process.ROOT, "README.md"))
    part = text if section is None else text.split("\n## %s\n" % section)[1].split("\n## ")[0]
    found = [(match.group(1), match.group(2)) for match in BLOCK.finditer(part)]
    return [(body, found[i + 1][1] if found[i + 1:] and found[i + 1][0] == "text" else None)
            for i, (language, body) in enumerate(found) if language == "sh"]


class ReadmeTest(BusTest):
    def setUp(self):
        super().setUp()
        self.folder = process.private_folder("readme")
        self.state = os.path.join(self.folder, ".exported")
        self.port = process.free_port()
        self.replaced = {HTTP: "127.0.0.1:%d" % self.port}
        self.env = environment({"XDG_RUNTIME_DIR": process.private_folder("home"),
                                "UNSTALE_HTTP_LISTEN": "127.0.0.1:%d" % self.port})
        with open(self.state, "w", encoding="utf-8"):
            pass
        for name in ("bus", "tests", "schemas", "config"):
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
        return ["bash", "-c", "set -e -o pipefail; . %s\ntrap 'export -p >%s' EXIT\n%s" %
                (self.state, self.state, self.typed(block))]

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

    def test_the_first_two_commands(self):
        (block, _), = blocks(None)[:1]
        for line in block.splitlines():
            self.assertIn(line, NOT_RUN)
        makefile = process.read(os.path.join(process.ROOT, "Makefile"))
        self.assertRegex(makefile, r"(?m)^demo: all .*\n\t@.*tests/demo/demo\.py --build")
        self.assertRegex(makefile, r"(?m)^test: ")

    def test_who_sends_events(self):
        run, emit, look, build = [block for block, _ in
                                  blocks("You send events from an application")]
        self.assertEqual(run, "make run\n")
        del self.env["UNSTALE_HTTP_LISTEN"]
        _, log = self.start("exec %s tests/demo/demo.py --build build --stay" % sys.executable)
        text = self.wait_text(log, "Ctrl-C")
        self.assertIn(emit, text)
        self.check(emit)
        port = re.search(r"redis://127\.0\.0\.1:(\d+)/1", text).group(1)
        brokers = re.search(r"brokers +(\S+)", text).group(1)
        self.replaced = {"-p PORT": "-p " + port, "BROKERS": brokers}
        if shutil.which("redis-cli"):
            wanted = '{"id":42,"name":"Mug","price":"9.50"}\n0\n'
            process.wait_until(lambda: self.check(look) == wanted, 20,
                               lambda: "the keys are as the README says: " + self.check(look))
        self.assertRegex(self.check(build), r"partition \d, offset \d")

    def test_who_runs_the_consumer(self):
        docker, run, ask = [block for block, _ in blocks("You run the consumer")]
        for line in docker.splitlines():
            self.assertEqual(why_not(line), NOT_RUN["docker"], line)
        redis = self.redis()
        self.replaced.update({"127.0.0.1:9092": self.broker.brokers,
                              "redis://127.0.0.1:6379/1": redis.url})
        # The topics and the group are this test's own: others share the broker.
        self.env.update({"UNSTALE_KAFKA_TOPICS": self.name, "UNSTALE_KAFKA_GROUP": self.name,
                         "UNSTALE_KAFKA_DEAD_LETTER_TOPIC": self.name + ".dlq",
                         "UNSTALE_KAFKA_OPTIONS": QUICK_SESSIONS})
        keys = ["myapp:1:products:category:7", "myapp:1:product_42"]
        redis.fill(keys)
        *exports, doctor, program = run.splitlines()
        self.assertEqual(program, "build/unstale run")
        self.check("\n".join(exports + [doctor]))
        _, log = self.start(program)
        self.wait_text(log, "partitions assigned")
        emit, *rest = ask.splitlines()
        self.check(emit)
        self.wait_gone(redis, keys)
        out = self.check("\n".join(rest))
        if shutil.which("curl"):
            self.assertIn('{"ready":true}', out)
            self.assertIn('unstale_events_total{model="shop.Product",op="update"} 1', out)

    def test_who_edits_the_rules(self):
        found = blocks("You edit the rules")
        self.assertEqual(len(found), 2)
        for block, expected in found:
            self.assertIsNotNone(expected)
            self.check(block, expected)

    def test_every_command_is_run_or_named(self):
        sections = ("You send events from an application", "You run the consumer",
                    "You edit the rules")
        self.assertEqual(sum(len(blocks(section)) for section in sections) + 1, len(blocks(None)))
        self.notes += ["not run: %s: %s" % item for item in NOT_RUN.items()]


if __name__ == "__main__":
    main()
