"""report - what a run prints: a line a test, the output of what failed, the closing line; JUnit."""
import sys
import xml.etree.ElementTree as xml

# Of a failure's text when it is shown again at the end: where it was, and what was found.
LINES_AGAIN = 12

class Report:
    """`passed`, `failed` and `skipped` count checks: a unit program brings many."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.skipped = []
        self._entries = []

    def heading(self, text):
        print("\n%s" % text, flush=True)

    def note(self, text):
        print("  %s" % text, flush=True)

    def add(self, suite, name, seconds, problem=None, checks=1, failures=None, skip=None,
            notes=None):
        """`problem` is the text to show of a failure; `failures` how many checks it stands for."""
        bad = 0 if problem is None else (1 if failures is None else failures)
        self.failed += bad
        self._entries.append((suite, name, seconds, problem, skip))
        if skip is not None:
            self.skipped.append("%s: %s" % (name, skip))
            mark = "-"
        else:
            self.passed += max(0, checks - bad)
            mark = "✗" if bad else "✓"
        many = " (%d)" % checks if checks > 1 else ""
        print("  %s %s%s  %.2f s" % (mark, name, many, seconds), flush=True)
        for note in notes or []:
            print("      " + note, flush=True)
        if problem is not None:
            print(_indented(problem), flush=True)

    def close(self):
        """Prints what was skipped and what failed again, where a log that was cut still has it,
        and the closing line; returns the exit code."""
        print()
        for reason in self.skipped:
            print("skipped %s" % reason)
        for suite, name, _, problem, _ in self._entries:
            if problem is not None:
                print("FAILED %s %s\n%s" % (suite, name, _indented(problem, LINES_AGAIN)))
        if self.passed + self.failed == 0:
            print("no test ran", file=sys.stderr)
        more = ", %d skipped" % len(self.skipped) if self.skipped else ""
        print("%d passed, %d failed%s" % (self.passed, self.failed, more), flush=True)
        return 0 if self.failed == 0 and self.passed > 0 else 1

    def junit(self, path):
        root = xml.Element("testsuites")
        suites = {}
        for suite, name, seconds, problem, skip in self._entries:
            if suite not in suites:
                suites[suite] = xml.SubElement(root, "testsuite", name=suite)
            case = xml.SubElement(suites[suite], "testcase", classname=suite, name=name,
                                  time="%.3f" % seconds)
            if problem is not None:
                xml.SubElement(case, "failure").text = _printable(problem)
            if skip is not None:
                xml.SubElement(case, "skipped", message=_printable(skip))
        xml.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _indented(text, most=None):
    lines = text.rstrip().splitlines()
    if most is not None and len(lines) > most:
        lines = ["..."] + lines[-most:]
    return "\n".join("      " + line for line in lines)


def _printable(text):
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)
