"""docs/django.md, typed by a new user with a fresh project (lib/typed.py); its tables are complete.

pip finds what is to be installed in the environment that the package's own tests run in, so that no
index is asked.
"""
import glob
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process, typed, venv
from lib.suite import main

DOCUMENT = "docs/django.md"
REDIS = "127.0.0.1:6379"


class DjangoDocsTest(typed.TypedTest):
    def prepare(self):
        python = venv.venv("django52")
        packages, = glob.glob(os.path.join(os.path.dirname(python), "..", "lib", "python3*",
                                           "site-packages"))
        programs = os.path.join(self.folder, ".programs")
        os.mkdir(programs)
        os.symlink(venv.find_python("django52"), os.path.join(programs, "python3"))
        # pip reads "no" settings the other way round: false is without a build of its own.
        self.env.update(PYTHONPATH=packages, PIP_NO_INDEX="1", PIP_NO_BUILD_ISOLATION="false",
                        PATH=programs + os.pathsep + os.environ["PATH"])

    def test_as_it_is_typed(self):
        self.prepare()
        redis = self.redis()
        self.replaced[REDIS] = "127.0.0.1:%d" % redis.port
        blocks = typed.blocks(DOCUMENT, "In ten minutes")
        self.assertEqual(len(blocks), 7)
        for block, expected in blocks[:4]:
            self.check(block, expected)
        listen = self.env["UNSTALE_HTTP_LISTEN"]
        _, log = self.start(blocks[4][0])
        self.wait_text(log, "partitions assigned")
        # The application's own terminal knows nothing of the service's settings.
        del self.env["UNSTALE_HTTP_LISTEN"]
        self.check("unset UNSTALE_HTTP_LISTEN UNSTALE_HTTP_TOKEN")
        for block, expected in blocks[5:]:
            self.check(block, expected)
        self.assertIn(listen, self.typed(blocks[2][0]))

    def test_every_setting_is_in_the_table(self):
        source = process.read(os.path.join(venv.PACKAGE, "unstale", "django", "conf.py"))
        members = re.findall(r'^    "([A-Z][A-Z0-9_]+)": Member\(', source, re.M)
        self.assertGreater(len(members), 15)
        text = process.read(os.path.join(process.ROOT, DOCUMENT)).split("\n## Settings\n")[1]
        rows = re.findall(r"^\| (.*?) \|", text.split("\n## ")[0], re.M)
        for name in members:
            self.assertTrue(any("`%s`" % name in row for row in rows), name)

    def test_every_name_that_tests_import_is_told(self):
        source = process.read(os.path.join(venv.PACKAGE, "unstale", "testing.py"))
        names = re.search(r"__all__ = \[(.*?)\]", source).group(1)
        text = process.read(os.path.join(process.ROOT, DOCUMENT))
        for name in re.findall(r'"([a-z]\w+)"', names):
            self.assertIn(name, text)


if __name__ == "__main__":
    main()
