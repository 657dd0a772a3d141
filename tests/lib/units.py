"""units - the suite `unit`: every libcheck program of the build, some at a time: many only wait.

What libcheck counts is read from its TAP log, not from what it prints. A program that ends
otherwise than its log says (a crash, no check at all) is a failure.
"""
import concurrent.futures
import glob
import os
import re
import tempfile
import time

from lib import process

TAP_LINE = re.compile(r"^(not )?ok (\d+) - (.*)$")
PROGRAM_SECONDS = 300
AT_A_TIME = 3


def find(build):
    return sorted(glob.glob(os.path.join(build, "tests", "unit", "*", "test_*")))


def run(build, report, wanted):
    paths = [path for path in find(build) if os.access(path, os.X_OK) and
             "." not in os.path.basename(path) and wanted(_name(path))]
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        for outcome in pool.map(_run_one, paths):
            report.add("unit", *outcome)


def _name(path):
    return "/".join(path.split(os.sep)[-2:])


def _run_one(path):
    """What the report is told of a program: name, seconds, problem, checks, failures."""
    name = _name(path)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "tap")
        # What the runner tells its own modules is no setting of the program.
        env = {name: value for name, value in os.environ.items()
               if not name.startswith("UNSTALE_")}
        env["CK_TAP_LOG_FILE_NAME"] = log
        try:
            code, out, err = process.run([os.path.abspath(path)], env=env, timeout=PROGRAM_SECONDS,
                                         cwd=process.ROOT)
        except process.Failed as error:
            return name, time.monotonic() - started, str(error), 1, None
        passed, failed = _read_tap(log)
    problem = None
    failures = len(failed)
    if failed:
        problem = "\n".join(failed) + ("\n" + err if err else "")
    elif code != 0 or not passed:
        failures = 1
        problem = "ended with %d after %d checks\n%s%s" % (code, passed, out, err)
    checks = passed + failures
    return name, time.monotonic() - started, problem, checks, failures


def _read_tap(path):
    """(number of checks that passed, lines of those that failed)"""
    passed, failed = 0, []
    if not os.path.exists(path):
        return passed, failed
    for line in process.read(path).splitlines():
        match = TAP_LINE.match(line)
        if match is None:
            continue
        if match.group(1):
            failed.append(match.group(3))
        else:
            passed += 1
    return passed, failed
