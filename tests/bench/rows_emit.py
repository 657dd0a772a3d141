"""rows_emit - what publishing an event costs its application, in C and in Python."""
import os
import re

from lib import venv
from stack import call, process

EVENTS = 40000
GOALS = {
    "emit-calling-thread": (1.3, 2.4, "unstale_publish() / rd_kafka_produce(), CPU of the caller"),
    "emit-calling-time": (1.3, False, "the same, time of the caller"),
    "emit-total-cpu": (1.1, 1.5, "the same, CPU of all threads until confirmed"),
}
PYTHON = os.path.join("bus", "python", "tests", "bench_emit.py")
LINE = re.compile(r"(.{20}) +([0-9.]+) us  \[([0-9.]+)-([0-9.]+)\]")


def emit(stack):
    stack.kafka.topics.create("emitted", 4)
    output = call("emit", stack.kafka.brokers, "emitted", EVENTS, max(stack.rounds, 1))
    stack.ratio_rows(output, {name: 17 for name in GOALS}, GOALS)
    _python(stack)


def _python(stack):
    """What bus/python's own bench says in its last line, where an environment for it was made."""
    try:
        python = venv.venv("django52")
    except process.Failed as error:
        stack.say("emit() from Python is not measured: %s" % error)
        return
    code, out, err = process.run([python, PYTHON, stack.kafka.brokers, "emitted"], timeout=600,
                                 env=venv.environment({"PYTHONPATH": venv.PACKAGE}))
    if code != 0:
        raise process.Failed("bench_emit.py: " + err)
    for line in out.splitlines():
        found = LINE.match(line)
        if found:
            name, middle, low, high = found.groups()
            stack.table.add("Python, " + name.strip(), [float(low), float(middle), float(high)],
                            "us/event", digits=1)
