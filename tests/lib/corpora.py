"""corpora - the suite `fuzz`: every fuzz target over the inputs that are kept for it.

A corpus holds what once broke something and what reaches far into the code; an input counts as a
check. A target without a corpus, and a corpus without a target, are failures.
"""
import glob
import os
import re
import time

from lib import process

FOLDER = os.path.join(process.ROOT, "tests", "fuzz")
SECONDS = 300


def targets():
    return sorted(os.path.basename(path)[:-2]
                  for path in glob.glob(os.path.join(FOLDER, "fuzz_*.c")))


def run(build, report, wanted):
    names = set(targets()) | set(os.listdir(os.path.join(FOLDER, "corpus")))
    for name in sorted(names):
        if wanted(name):
            _run_one(os.path.join(build, "tests", "fuzz", name), name, report)


def _run_one(program, name, report):
    started = time.monotonic()
    corpus = os.path.join(FOLDER, "corpus", name)
    try:
        code, out, err = process.run([os.path.abspath(program), corpus], timeout=SECONDS)
    except (process.Failed, OSError) as error:
        report.add("fuzz", name, time.monotonic() - started, problem=str(error))
        return
    counted = re.search(r": (\d+) inputs$", out.strip())
    problem = None
    if code != 0 or not counted:
        problem = "ended with %d\n%s%s" % (code, out, err)
    report.add("fuzz", name, time.monotonic() - started, problem,
               checks=int(counted.group(1)) if counted and problem is None else 1)
