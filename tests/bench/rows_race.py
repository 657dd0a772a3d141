"""rows_race - the program itself, beside what people write by hand, and what memory it takes.

Time of `unstale run` goes from the first key that is gone to its exit, which is after its last commit; it is
told to stop as soon as the last key is gone. CPU and peak of memory are the whole process's, its start and end
included.
"""
import resource
import time

from lib import process
from lib.program import QUICK_SESSIONS, Unstale
from lib.servers import wait_until
from rows_kafka import IDS, zipf_ids
from stack import DELETE, DELETES

SYNC_EVENTS = 20000
FAMILIES = {1: ("product",), 3: ("product", "list", "page")}
RULES = {1: DELETE, 3: DELETES}
GOAL_MB = 32
FLAT_MB = 2
SMALL_QUEUE = ";queued.max.messages.kbytes=4096;fetch.max.bytes=1048576"


def _children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _peak_mb(program, name="VmHWM"):
    lines = process.read("/proc/%d/status" % program.child.pid).splitlines()
    return int(dict(line.split(":", 1) for line in lines)[name].split()[0]) / 1024


def _await_size(stack, is_there, program):
    """When it is there. Looks as often as it can without taking a core for itself."""
    def has_come():
        if not program.running():
            raise process.Failed("it ended before\n" + program.tail())
        return is_there(stack.redis.cmd("DBSIZE"))

    process.wait_until(has_come, 120, lambda: "the keys are deleted\n" + program.tail(), 0.003)
    return time.monotonic()


def run_program(stack, operations, options=""):
    """`unstale run` over the whole topic."""
    stack.refill(*FAMILIES[operations])
    full, group = stack.redis.cmd("DBSIZE"), stack.group()
    program = Unstale(stack.kafka.brokers, stack.redis.url, topic="events", group=group,
                      rules=stack.product_rules("race-%d" % operations, RULES[operations]),
                      env={"UNSTALE_KAFKA_OPTIONS": QUICK_SESSIONS + options})
    began = _await_size(stack, lambda size: size < full, program)
    applied = _await_size(stack, lambda size: size == 0, program)
    peak, before = _peak_mb(program), _children_cpu()
    if program.stop() != 0:
        raise process.Failed("unstale run did not end well\n" + program.tail())
    ended, cpu = time.monotonic(), _children_cpu() - before
    if stack.kafka.topics.lag("events", group) != 0:
        raise process.Failed("unstale run left records that are not committed")
    return {"rate": stack.events / (ended - began), "cpu": cpu, "peak": peak,
            "applied_rate": stack.events / (applied - began)}


def run_careful(stack, operations):
    stack.refill(*FAMILIES[operations])
    line = stack.careful("batch", "events", stack.events, operations)
    if stack.redis.cmd("DBSIZE") != 0:
        raise process.Failed("the careful loop left keys over")
    return {"rate": line["rate"], "cpu": line["process_cpu_seconds"], "peak": line["peak_mb"],
            "applied_rate": line["rate"]}


def _add_race(stack, operations):
    rounds = stack.each_round("race, %d" % operations, lambda: (
        run_program(stack, operations), run_careful(stack, operations)), warm_up=False)
    add, title = stack.table.add, "%d delete%s an event" % (operations,
                                                            "s" if operations > 1 else "")
    for at, name in enumerate(("unstale run", "careful C")):
        lines = [one[at] for one in rounds]
        add("%s, %s, all applied" % (name, title), [line["applied_rate"] / 1e3 for line in lines],
            "k/s", digits=0)
        add("%s, %s, all committed and the program ended" % (name, title), [line["rate"] / 1e3 for line in lines], "k/s",
            digits=0)
        add("%s, %s, CPU of the process" % (name, title), [line["cpu"] for line in lines], "s")
        add("%s, %s, peak RSS" % (name, title), [line["peak"] for line in lines], "MB", digits=1)
    add("unstale run / careful C, %s, all applied" % title,
        [ours["applied_rate"] / theirs["applied_rate"] for ours, theirs in rounds], "x")


def _naive_round(stack, rules):
    """In memory, so that Kafka's cost is on neither side; the server has a core of its own."""
    stack.refill()
    with stack.apart():
        lines = {"ours": stack.memory(rules, stack.events)}
        for care, events in (("sync", min(SYNC_EVENTS, stack.events)), ("pipeline", stack.events)):
            stack.refill()
            lines[care] = stack.careful(care, None, events, 1)
    return lines


def _zipf_round(stack, topic, rules):
    stack.refill(*FAMILIES[3])
    ours = stack.flow(rules, topic)
    stack.refill(*FAMILIES[3])
    return ours["rate"] / stack.careful("pipeline", topic, stack.events, 3)["rate"]


def race(stack):
    stack.topic("events")
    for operations in (1, 3):
        _add_race(stack, operations)
    rounds = stack.each_round("naive", lambda: _naive_round(
        stack, stack.product_rules("hits", DELETE)), warm_up=False)
    add = stack.table.add
    add("1 delete, hits, in memory / jansson and a wait for each answer",
        [one["ours"]["rate"] / one["sync"]["rate"] for one in rounds], "x", number=8, least=80,
        claim=50, digits=0)
    add("1 delete, hits, in memory / jansson and a pipeline of commands",
        [one["ours"]["rate"] / one["pipeline"]["rate"] for one in rounds], "x", number=8, least=8,
        claim=5)
    add("3 deletes, Zipf 0.99 over %d ids / jansson and a pipeline of commands" % IDS,
        stack.each_round("naive, Zipf", lambda: _zipf_round(
            stack, stack.zipf_topic("zipf", zipf_ids(stack.events)),
            stack.product_rules("deletes", DELETES)), warm_up=False), "x", number=8, least=5,
        claim=3)


def _small_queue(stack):
    """What a queue of 4 MB instead of 8 saves of memory and costs of the rate."""
    stack.topic("events")
    rounds = stack.each_round("a queue of 4 MB", lambda: (
        run_program(stack, 1, SMALL_QUEUE), run_program(stack, 1)), warm_up=False)
    add = stack.table.add
    add("unstale run with a queue of 4 MB, peak RSS", [small["peak"] for small, _ in rounds], "MB",
        number=19, most=GOAL_MB, claim=48, digits=1)
    add("the same, rate / with the queue that it has unasked (8 MB)",
        [small["applied_rate"] / other["applied_rate"] for small, other in rounds], "x", number=19,
        least=0.75, claim=0.6)
    add("unstale run with the queue that it has unasked, peak RSS",
        [other["peak"] for _, other in rounds], "MB", digits=1)


def memory(stack):
    _small_queue(stack)
    _outage(stack)


def _outage(stack):
    """What an outage of Redis adds while records go on coming."""
    topic = stack.topic("outage")
    stack.refill()
    program = Unstale(stack.kafka.brokers, stack.redis.url, topic=topic, group=stack.group(),
                      rules=stack.product_rules("hits", DELETE))
    _await_size(stack, lambda size: size == 0, program)
    peak = _peak_mb(program)
    stack.redis.stop()
    program.wait_not_ready()
    stack.kafka.topics.generate(topic, stack.events, '{"event":"post_save","pk":{i},'
                                '"model":"shop.Product"}', key="shop.Product:{i}")
    wait_until(lambda: program.metric("unstale_consumer_lag") >= stack.events, 60,
               "the lag is seen")
    away = _peak_mb(program)
    stack.redis.start()
    program.wait_ready(60)
    wait_until(lambda: stack.kafka.topics.lag(topic, program.group) == 0, 120, "lag 0")
    after = _peak_mb(program)
    program.stop()
    stack.table.add("growth over an outage of Redis", [max(away, after) - peak], "MB", number=19,
                    most=FLAT_MB, claim=16, digits=1)
