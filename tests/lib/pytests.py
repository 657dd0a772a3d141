"""pytests - the suite `python`: pytest over bus/python/tests and tests/recipes, on each Django.

A job is one folder in one environment, in a process of its own, three at a time; its JUnit file
is read back into the report, so that each test counts. What lies in bus/python/tests itself has nothing
to do with Django and is run in one environment; its folders are jobs of their own. A job has a
PostgreSQL database and what it starts itself, and all share the broker. What it finds in its
environment:

  UNSTALE_TEST_BROKERS    the Kafka of this run
  UNSTALE_TEST_POSTGRES   URL of an empty database of this job's own, with a superuser
  UNSTALE_TEST_BUILD      folder of the built programs, absolute
  UNSTALE_TEST_SHORT      set on Djangos beside the two that are supported everywhere: a folder may
                          leave out what differs in nothing but the cache's backend
  PYTHONPATH              the package as it lies in the tree

Djangos that no Python is found for are named and left out, unless they are needed.
"""
import collections
import glob
import os
import re
import time
import xml.etree.ElementTree as xml

from lib import process, venv
from lib.postgres import PostgresServer

# They wait more than they compute.
AT_A_TIME = 3
JOB_SECONDS = 600
TEST_SECONDS = 120
NOTHING_COLLECTED = 5
MAKING_SECONDS = 900
FOR_ONE = "django52"
# Folders that take their time and hardly depend on Django: not on those beside the two.
FOR_NEEDED = ("outbox",)

# What is to be run: pytest's arguments in a folder, in one environment or in each.
Part = collections.namedtuple("Part", "name folder arguments is_for_one")
Job = collections.namedtuple("Job", "name child log junit started")


def parts():
    """The longest first, so that none is left over at the end."""
    package = os.path.join(process.ROOT, "bus", "python")
    recipes = os.path.join(process.ROOT, "tests", "recipes")
    inner = sorted(os.path.dirname(path) for path in glob.glob(package + "/tests/*/conftest.py"))
    found = [Part("recipes", recipes, [], False)]
    found += [Part(os.path.basename(path), package, [path], False) for path in inner]
    found.append(Part("package", package, ["tests"] + ["--ignore=" + path for path in inner], True))
    return found


def run(report, text, broker):
    """`text` is what a test's name must have; `broker` gives the address, once it is wanted."""
    pythons = _environments(report)
    wanted = [(environment, part) for part in parts() for environment in pythons
              if _is_wanted(environment, part)]
    if not wanted:
        return
    server = PostgresServer()
    try:
        _run_jobs(wanted, pythons, report, text, server, broker().brokers)
    finally:
        server.stop()


def _is_wanted(environment, part):
    if part.is_for_one:
        return environment == FOR_ONE
    return environment in venv.NEEDED or part.name not in FOR_NEEDED


def _environments(report):
    """{name: interpreter} of those that can be had."""
    found = {}
    for name in venv.NEEDED + venv.OTHERS:
        found[name] = venv.find_python(name)
        if found[name] is None and name in venv.OTHERS:
            report.note("%s is not run: no %s on this machine" % (name, venv.range_of(name)))
            del found[name]
    started = time.monotonic()
    logs = {name: os.path.join(process.private_folder("venv"), "log") for name in found}
    making = {name: venv.start(name, logs[name]) for name in found}
    process.wait_until(lambda: all(child.poll() is not None for child in making.values()),
                       MAKING_SECONDS, "the environments are made")
    for name, child in making.items():
        if process.kill(child) != 0:
            report.add("python", name, time.monotonic() - started, process.tail(logs[name]))
            del found[name]
    for name, base in found.items():
        report.note("%s: %s" % (name, base))
    report.note("made or found in %.0f s" % (time.monotonic() - started))
    return {name: venv.venv(name) for name in found}


def _run_jobs(wanted, pythons, report, text, server, brokers):
    waiting = list(wanted)
    running = []
    while waiting or running:
        while waiting and len(running) < AT_A_TIME:
            environment, part = waiting.pop(0)
            running.append(_start(environment, part, pythons[environment], text, server, brokers))
        process.wait_until(lambda: any(_ended(job) for job in running), JOB_SECONDS + 60,
                           "a job ends")
        for job in [job for job in running if _ended(job)]:
            running.remove(job)
            _read_back(job, report, text)


def _start(environment, part, python, text, server, brokers):
    private = process.private_folder("py")
    junit = os.path.join(private, "junit.xml")
    database = server.database("%s_%s" % (environment, part.name))
    env = venv.environment({
        "UNSTALE_TEST_BROKERS": brokers, "UNSTALE_TEST_POSTGRES": database,
        "UNSTALE_TEST_BUILD": os.path.abspath(process.build_dir()), "TMPDIR": private,
        "PYTHONPATH": venv.PACKAGE, "PYTHONDONTWRITEBYTECODE": "1"})
    if environment in venv.OTHERS:
        env["UNSTALE_TEST_SHORT"] = "1"
    command = [python, "-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider", "--junitxml=" + junit,
               "-o", "junit_family=xunit2", "-o", "faulthandler_timeout=%d" % TEST_SECONDS]
    if text:
        command += ["-k", text]
    log = os.path.join(private, "output")
    child = process.start(command + part.arguments, log=log, env=env, cwd=part.folder)
    return Job("%s %s" % (environment, part.name), child, log, junit, time.monotonic())


def _ended(job):
    if job.child.poll() is None and time.monotonic() - job.started > JOB_SECONDS:
        job.child.kill()
    return job.child.poll() is not None


def _read_back(job, report, text):
    code = process.kill(job.child)
    failed = 0
    for case in xml.parse(job.junit).iter("testcase") if os.path.exists(job.junit) else []:
        problem, skip = _outcome(case)
        failed += problem is not None
        report.add("python", "%s %s" % (job.name, _name(case)), float(case.get("time", 0)),
                   problem, skip=skip)
    if code == NOTHING_COLLECTED and text:
        return
    if (code != 0) != (failed > 0) or code not in (0, 1, 2):
        report.add("python", job.name, time.monotonic() - job.started,
                   "pytest ended with %d\n%s" % (code, process.tail(job.log)))


def _name(case):
    return "%s.%s" % (re.sub(r"^tests\.", "", case.get("classname", "")), case.get("name"))


def _outcome(case):
    """(problem, reason to skip), None where there is none."""
    problems = [part for kind in ("failure", "error") for part in case.findall(kind)]
    if problems:
        return "\n".join("%s\n%s" % (part.get("message", ""), part.text or "")
                         for part in problems), None
    skipped = case.find("skipped")
    return None, None if skipped is None else skipped.get("message") or "skipped"
