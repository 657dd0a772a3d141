"""profile_flow - flame graphs of the pipeline, by `perf`, where it can be used."""
import os
import shutil

import flamegraph
from lib import process
from stack import DELETE, THREE

HERTZ = 4000
CHOICES = (("misses", "1 delete an event, the keys are not there", DELETE),
           ("hits", "1 delete an event, every key is there", DELETE),
           ("three", "delete + bump + refresh an event", THREE))


def flames(stack, folder):
    """Writes flame-misses.svg and its likes into the folder."""
    if shutil.which("perf") is None:
        raise process.Failed("perf is not installed: no flame graphs")
    stack.topic("events")
    for name, title, do in CHOICES:
        stack.refill()
        if name == "misses":
            stack.redis.cmd("FLUSHALL")
        script = _record(stack, stack.product_rules(name, do))
        flamegraph.make(script, os.path.join(folder, "flame-%s.svg" % name), title)


def _record(stack, rules):
    data, script = os.path.join(stack.folder, "perf.data"), os.path.join(stack.folder, "perf.txt")
    flow = [os.path.join(process.build_dir(), "tests", "bench", "flow"), stack.kafka.brokers,
            "events", stack.group(), stack.redis.url, rules, str(stack.events)]
    _perf("record", "-q", "-F", str(HERTZ), "--call-graph", "dwarf,8192", "-o", data, *flow)
    with open(script, "w", encoding="utf-8") as file:
        file.write(_perf("script", "-i", data))
    return script


def _perf(*words):
    code, out, err = process.run(["perf"] + list(words), timeout=600)
    if code != 0:
        raise process.Failed("perf %s: %s" % (words[0], err.strip()))
    return out
