"""docs/python.md and the HTTP part of docs/operating.md, typed by a new user (lib/typed.py).

pip finds what the package needs in the environment that the package's own tests run in, so that no
index is asked.
"""
import glob
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process, typed, venv
from lib.suite import main

DOCUMENT = "docs/python.md"


class PythonDocsTest(typed.TypedTest):
    def setUp(self):
        super().setUp()
        python = venv.venv("django52")
        packages, = glob.glob(os.path.join(os.path.dirname(python), "..", "lib", "python3*",
                                           "site-packages"))
        programs = os.path.join(self.folder, ".programs")
        os.mkdir(programs)
        os.symlink(venv.find_python("django52"), os.path.join(programs, "python3"))
        # pip reads "no" settings the other way round: false is without a build of its own.
        self.env.update(PYTHONPATH=packages, PIP_NO_INDEX="1", PIP_NO_BUILD_ISOLATION="false",
                        PATH=programs + os.pathsep + os.environ["PATH"])

    def stay(self):
        """`make run` without its make, as tests/integration/test_readme.py starts it."""
        env = dict(self.env)
        for name in ("UNSTALE_HTTP_LISTEN", "PYTHONPATH"):
            del self.env[name]
        _, log = self.start("exec %s tests/demo/demo.py --build build --stay" % sys.executable)
        self.env = env
        return re.search(r"brokers +(\S+)", self.wait_text(log, "Ctrl-C")).group(1)

    def test_as_it_is_typed(self):
        blocks = typed.blocks(DOCUMENT)
        install, emit, run, by_http = [block for block, _ in blocks]
        self.check(install)
        installed = self.check("python -c 'import unstale; print(unstale.__file__)'")
        self.assertIn("/env/lib/", installed)
        self.replaced["=BROKERS"] = "=" + self.stay()
        self.check(emit, blocks[1][1])
        self.check("unset UNSTALE_KAFKA_BROKERS")
        _, log = self.start(run)
        self.wait_text(log, "partitions assigned")
        self.check(by_http, blocks[3][1])
        (curl, _), = typed.blocks("docs/operating.md", "Events over HTTP")
        if shutil.which("curl"):
            self.assertEqual(self.check("export UNSTALE_HTTP_TOKEN=sesame\n" + curl),
                             '{"sent":1}\n')

    def test_every_argument_and_method_is_in_a_table(self):
        text = process.read(os.path.join(process.ROOT, DOCUMENT))
        source = process.read(os.path.join(venv.PACKAGE, "unstale", "emitter.py"))
        source = source.split("class Emitter:")[1]
        signature = re.search(r"def __init__\(self, (.*?)\) -> None", source, re.S).group(1)
        arguments = re.findall(r"(\w+):", signature)
        self.assertGreater(len(arguments), 8)
        methods = set(re.findall(r"^    def ([a-z]\w+)\(self", source, re.M)) - {"finish", "forget"}
        rows = re.findall(r"^\| (.*?) \|", text, re.M)
        for name in arguments:
            self.assertTrue(any("`%s`" % name in row for row in rows), name)
        for name in methods:
            self.assertTrue(any("`%s(" % name in row for row in rows), name)


if __name__ == "__main__":
    main()
