"""faults - how the suite of faults is spread over children, and the table of what it found.

Every test of tests/faults leaves a line in results.jsonl of the folder `faults` of the build; the
table is made of these, printed, and written beside them as table.md.
"""
import json
import os

from lib import modules, process

COLUMNS = ["row", "scenario", "events", "lost", "duplicates", "recovery s", "max lag"]


def folder():
    path = os.path.join(process.build_dir(), "faults")
    os.makedirs(path, exist_ok=True)
    return path


def forget():
    """What an earlier run found."""
    for name in os.listdir(folder()):
        os.unlink(os.path.join(folder(), name))


def note(result):
    with open(os.path.join(folder(), "results.jsonl"), "a", encoding="utf-8") as file:
        file.write(json.dumps(result) + "\n")


def parts(plan):
    """A part a test, so that no child is the last one for long; a class that has `together` set
    stays whole, as its servers are dear. Those that take longest go first."""
    found = []
    for suite, path, names in plan:
        groups = {}
        for name in names:
            together, seconds = modules.weight(path, name)
            groups.setdefault(name.rpartition(".")[0] if together else name, []).append(
                (seconds, name))
        found += [(sum(seconds for seconds, _ in group), (suite, path, [n for _, n in group]))
                  for group in groups.values()]
    return [part for _, part in sorted(found, key=lambda pair: -pair[0])]


def _cells(row):
    times = row["recovery_s"]
    return [str(row["row"]), row["scenario"], str(row["events"]),
            str(row["lost"]) if row["passed"] else "FAILED",
            str(row["duplicates"]), "%.1f" % max(times) if times else "-", str(row["max_lag"] or "-")]


def table():
    path = os.path.join(folder(), "results.jsonl")
    rows = [json.loads(line) for line in process.read(path).splitlines()] \
        if os.path.exists(path) else []
    cells = [COLUMNS, ["---"] * len(COLUMNS)] + [
        _cells(row) for row in sorted(rows, key=lambda row: (row["row"], row["scenario"]))]
    widths = [max(len(line[at]) for line in cells) for at in range(len(COLUMNS))]
    return ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |"
            for line in cells]


def print_table():
    lines = table()
    path = os.path.join(folder(), "table.md")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    print("\n%s\n(%s)" % ("\n".join(lines), os.path.relpath(path, process.ROOT)))
