"""table - rows of goal and measurement, for people and as Markdown.

A row has the number of its goal, the goal itself, and what this build claims where that is less: a median
that misses the goal is marked "missed", one that misses the claim is "MISSED" and makes the bench fail.
"""
import statistics


class Table:
    def __init__(self):
        self.rows = []
        self.missed = []

    def section(self, title):
        self.rows.append(("", "**%s**" % title, "", "", ""))

    def add(self, name, values, unit="", number="", least=None, most=None, claim=None, digits=2):
        """`claim` None: the goal is claimed; a number: that much is; False: shown, not judged."""
        middle = statistics.median(values)
        goal = _goal(least, most, unit)
        mark = ""
        if goal:
            mark = self._judge(name, middle, least, most, claim)
        self.rows.append((str(number), name, goal, _measured(values, middle, unit, digits), mark))

    def _judge(self, name, middle, least, most, claim):
        if _reaches(middle, least, most):
            return "ok"
        if claim is False:
            return "missed"
        if claim is not None and _reaches(middle, least and claim, most and claim):
            return "missed; claimed: %g" % claim
        self.missed.append(name)
        return "MISSED"

    def markdown(self):
        head = [("row", "what", "goal", "measured", ""), ("---",) * 5]
        rows = head + self.rows
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        return "".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) +
                       " |\n" for row in rows)


def _reaches(value, least, most):
    return (least is None or value >= least) and (most is None or value <= most)


def _goal(least, most, unit):
    if least is None and most is None:
        return ""
    text = ">= %g" % least if least is not None else "<= %g" % most
    return (text + " " + unit).strip()


def _measured(values, middle, unit, digits):
    text = "%.*f" % (digits, middle)
    if len(values) > 1:
        text += " [%.*f-%.*f]" % (digits, min(values), digits, max(values))
    return (text + " " + unit).strip()
