"""modules - runs folders of unittest modules, each module in a process of its own, two at a time.

The child writes a JSON line to a pipe as each test ends; a module that dies or stops making
progress is a failure that names the test it was in. This file is also what the child runs.
"""
import importlib.util
import json
import os
import selectors
import signal
import subprocess
import sys
import time
import traceback
import unittest

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process

AT_A_TIME = 2
TEST_SECONDS = 300
SILENT_SECONDS = 360  # beyond what the test under way has: setting up and tearing down


def find(folder):
    path = os.path.join(process.ROOT, "tests", folder)
    if not os.path.isdir(path):
        return []
    return [os.path.join(path, name) for name in sorted(os.listdir(path))
            if name.startswith("test_") and name.endswith(".py")]


def names_in(path, mark=None):
    """The tests of a module, as test_flow.FlowTest.test_delete; what is wrong if it won't load.
    With a mark only those whose method carries it."""
    return [_short(test) for test in _tests(unittest.defaultTestLoader.loadTestsFromModule(
        _load(path))) if mark is None or _is_marked(test, mark)]


def _is_marked(test, mark):
    return getattr(getattr(test, test._testMethodName, None), mark, False)


def weight(path, name):
    """Whether its class must stay in one child, and about how many seconds it takes."""
    class_name, _, method = name.partition(".")[2].partition(".")
    kind = getattr(sys.modules.get(name.partition(".")[0]) or _load(path), class_name)
    return getattr(kind, "together", False), getattr(getattr(kind, method), "about_seconds", 15)


def _load(path):
    name = os.path.basename(path)[:-3]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _tests(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _tests(test)
        else:
            yield test


def _short(test):
    return test.id()


class Child:
    """A module being run."""

    def __init__(self, suite, path, names, environment):
        self.suite = suite
        self.path = path
        self.names = list(names)
        self.current = None
        self.patience = TEST_SECONDS + SILENT_SECONDS
        self.rest = b""
        folder = process.private_folder("m")
        self.log = os.path.join(folder, "output")
        self.heard = time.monotonic()
        # Its folders lie in ours, which goes even if the module dies without a word.
        environment = dict(environment, TMPDIR=folder)
        self.process = process.start([sys.executable, os.path.abspath(__file__), path] + names,
                                     log=self.log, stdout=subprocess.PIPE, env=environment)

    def lines(self):
        data = os.read(self.process.stdout.fileno(), 1 << 16)
        self.rest += data
        *lines, self.rest = self.rest.split(b"\n")
        self.heard = time.monotonic()
        return bool(data), [json.loads(line) for line in lines]


def run(plan, report, environment, at_a_time=AT_A_TIME):
    """`plan` is [(suite, path, names)]. Adds every test to the report."""
    selector = selectors.DefaultSelector()
    waiting = list(plan)
    running = 0
    while waiting or running:
        while waiting and running < at_a_time:
            child = Child(*waiting.pop(0), environment)
            selector.register(child.process.stdout, selectors.EVENT_READ, child)
            running += 1
        for key, _ in selector.select(1):
            if not _hear(key.data, report):
                selector.unregister(key.fileobj)
                _finish(key.data, report)
                running -= 1
        for key in list(selector.get_map().values()):
            if time.monotonic() - key.data.heard > key.data.patience:
                key.data.process.kill()


def _hear(child, report):
    more, lines = child.lines()
    for line in lines:
        if "start" in line:
            child.current = line["start"]
            child.patience = line["seconds"] + SILENT_SECONDS
            continue
        child.current = None
        if line["name"] in child.names:
            child.names.remove(line["name"])
        report.add(child.suite, line["name"], line["seconds"], line.get("problem"),
                   skip=line.get("skip"), notes=line.get("notes"))
    return more


def _finish(child, report):
    code = child.process.wait()
    child.process.stdout.close()
    output = process.tail(child.log)
    if child.names:
        where = child.current or child.names[0]
        report.add(child.suite, where, 0, "the module ended with %d; not run: %s\n%s" %
                   (code, ", ".join(child.names), output), failures=len(child.names),
                   checks=len(child.names))


class Result(unittest.TestResult):
    """Says on the pipe what happens; adds the logs of a test to its failure."""

    def __init__(self, pipe):
        super().__init__()
        self._pipe = pipe
        self._line = {}

    def _say(self, line):
        self._pipe.write(json.dumps(line) + "\n")
        self._pipe.flush()

    def startTest(self, test):
        super().startTest(test)
        self._started = time.monotonic()
        self._line = {"name": _short(test)}
        seconds = getattr(test, "seconds", TEST_SECONDS)
        self._say({"start": _short(test), "seconds": seconds})
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def stopTest(self, test):
        signal.setitimer(signal.ITIMER_REAL, 0)
        super().stopTest(test)
        self._line["seconds"] = time.monotonic() - self._started
        self._line["notes"] = getattr(test, "notes", [])
        self._say(self._line)

    def _problem(self, test, error):
        logs = test.logs() if hasattr(test, "logs") and hasattr(test, "_logs") else ""
        text = _trace(error) + logs
        self._line["problem"] = self._line.get("problem", "") + text

    def addError(self, test, err):
        if not isinstance(test, unittest.TestCase) or self._line.get("name") != _short(test):
            self._say({"name": _short(test), "seconds": 0,
                       "problem": _trace(err)})
            return
        self._problem(test, err)

    def addFailure(self, test, err):
        self._problem(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self._line["problem"] = self._line.get("problem", "") + subtest.id() + "\n"
            self._problem(test, err)

    def addSkip(self, test, reason):
        if self._line.get("name") == _short(test):
            self._line["skip"] = reason
        else:
            self._say({"name": _short(test), "seconds": 0, "skip": reason})

    def addUnexpectedSuccess(self, test):
        self._line["problem"] = "it was expected to fail, and did not"


def _trace(error):
    """The traceback without unittest's own frames."""
    report = traceback.TracebackException(*error)
    report.stack = traceback.StackSummary.from_list(
        [frame for frame in report.stack if os.sep + "unittest" + os.sep not in frame.filename])
    return "".join(report.format())


def _too_long(number, frame):
    raise process.Failed("the test took longer than it may")


def child_main(path, names):
    # The pipe is standard output; whatever the tests print goes where the runner keeps their log.
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    signal.signal(signal.SIGALRM, _too_long)
    suite = unittest.defaultTestLoader.loadTestsFromModule(_load(path))
    chosen = unittest.TestSuite(test for test in _tests(suite) if _short(test) in names)
    chosen.run(Result(pipe))


if __name__ == "__main__":
    child_main(sys.argv[1], sys.argv[2:])
