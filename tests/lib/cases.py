"""cases - the suite `cases`: folders of rules, events and what must come of them.

tests/cases/README.md says what is in a folder. What an expectation does not mention is not
compared; arrays are compared whole, element by element.
"""
import json
import os
import time

from lib import process
from lib.program import json_lines, unstale

FOLDER = os.path.join(process.ROOT, "tests", "cases")


def find():
    """Every folder with an expectation in it, by its path below tests/cases."""
    found = []
    for path, _, files in os.walk(FOLDER):
        if {"expected.jsonl", "check.json", "tested.jsonl"} & set(files):
            found.append(os.path.relpath(path, FOLDER))
    return sorted(found)


def run(report, wanted):
    for name in find():
        if not wanted(name):
            continue
        started = time.monotonic()
        try:
            problems = _run_one(os.path.join(FOLDER, name))
        except (process.Failed, OSError, ValueError) as error:
            problems = ["%s: %s" % (type(error).__name__, error)]
        report.add("cases", name, time.monotonic() - started,
                   "\n".join(problems) if problems else None)


def _run_one(folder):
    names = os.listdir(folder)
    rules = "rules" if "rules" in names else "rules.json"
    problems = []
    if "check.json" in names:
        problems += _check(folder, rules, _arguments(folder, names))
    if "expected.jsonl" in names:
        problems += _explain(folder, rules, _arguments(folder, names))
    if "tested.jsonl" in names:
        problems += _test(folder, rules)
    return problems


def _arguments(folder, names):
    if "args" not in names:
        return []
    return [word for word in process.read(os.path.join(folder, "args")).split("\n") if word]


def _test(folder, rules):
    wanted = json_lines(process.read(os.path.join(folder, "tested.jsonl")))
    code, out, err = unstale("test", "--format", "json", rules, cwd=folder)
    try:
        found = json_lines(out)
    except ValueError:
        return ["test ended with %d and no JSON: %s%s" % (code, out, err)]
    if len(found) != len(wanted):
        return ["test ended with %d and %d lines, not %d\n%s%s" %
                (code, len(found), len(wanted), out, err)]
    problems = []
    for number, (want, have) in enumerate(zip(wanted, found), 1):
        problems += compare(want, have, "line %d" % number)
    if code != (1 if found[-1]["failed"] else 0):
        problems.append("test ended with %d and %s failed" % (code, found[-1]["failed"]))
    if problems:
        problems.append("it said: " + out)
    return problems


def _check(folder, rules, arguments):
    wanted = json.loads(process.read(os.path.join(folder, "check.json")))
    code, out, err = unstale("check", "--format", "json", *arguments, rules, cwd=folder)
    try:
        found = json.loads(out)
    except ValueError:
        return ["check ended with %d and no JSON: %s%s" % (code, out, err)]
    problems = compare(wanted, found, "check")
    if code != (1 if found.get("errors") else 0):
        problems.append("check ended with %d and %s errors" % (code, found.get("errors")))
    if problems:
        problems.append("it said: " + json.dumps(found, ensure_ascii=False))
    return problems


def _explain(folder, rules, arguments):
    wanted = json_lines(process.read(os.path.join(folder, "expected.jsonl")))
    code, out, err = unstale("explain", "--rules", rules, "--format", "json", *arguments,
                             "events.jsonl", cwd=folder)
    try:
        found = json_lines(out)
    except ValueError as error:
        return ["explain ended with %d and a line that is no JSON (%s): %s%s" %
                (code, error, out, err)]
    if len(found) != len(wanted):
        return ["explain ended with %d and %d lines for %d events\n%s%s" %
                (code, len(found), len(wanted), out, err)]
    problems = []
    for number, (want, have) in enumerate(zip(wanted, found), 1):
        different = compare(want, have, "line %d" % number)
        problems += different
        if different:
            problems.append("it said: " + json.dumps(have, ensure_ascii=False))
    aside = any(line.get("dead_letter") for line in found)
    if code != (1 if aside else 0):
        problems.append("explain ended with %d, events set aside: %s\n%s" % (code, aside, err))
    return problems


def compare(want, have, path):
    """What differs, as lines. Members that `want` lacks are free; true is not 1, 1 is not 1.0."""
    if isinstance(want, dict) and isinstance(have, dict):
        problems = []
        for name, value in want.items():
            if name not in have:
                problems.append("%s.%s: want %s, have nothing" % (path, name, _show(value)))
            else:
                problems += compare(value, have[name], "%s.%s" % (path, name))
        return problems
    if isinstance(want, list) and isinstance(have, list):
        if len(want) != len(have):
            return ["%s: want %d elements %s, have %d %s" % (path, len(want), _show(want),
                                                             len(have), _show(have))]
        problems = []
        for index, (one, other) in enumerate(zip(want, have)):
            problems += compare(one, other, "%s[%d]" % (path, index))
        return problems
    if type(want) is not type(have) or want != have:
        return ["%s: want %s, have %s" % (path, _show(want), _show(have))]
    return []


def _show(value):
    return json.dumps(value, ensure_ascii=False)
