"""rows_latency - from a record's arrival to Redis' answer, at several rates.

In memory a record arrives when its time has come; from Kafka it was made when its producer says so. No
row is judged while an idle GET's p99 shows that the machine is not calm.
"""
import json
import os

from lib import process
from lib.servers import wait_until
from stack import DELETE, PARTITIONS

RATES = (1000, 50000, 200000)
SECONDS = 2
CALM_MS = 5
P99_LEAST_MS = 5


def _in_memory(stack, rules, rate, idle):
    line = stack.memory(rules, rate * SECONDS, "rate=%d" % rate)
    return line["p50_ms"], line["p99_ms"], line["p50_ms"] / idle["ping_p50_ms"]


def _program(stack, name, *words):
    return process.start([os.path.join(process.build_dir(), "tests", "bench", name)] +
                         [str(word) for word in words], log=os.path.join(stack.folder, name))


def _is_read(stack, topic, group):
    try:
        return stack.kafka.topics.lag(topic, group) == 0
    except process.Failed:
        return False  # the first group of a broker: it is still making its own topic


def _from_kafka(stack, rules, rate):
    """The pipeline has joined and waits before the producer begins."""
    topic, group, events = stack.group(), stack.group(), rate * SECONDS
    stack.kafka.topics.create(topic, PARTITIONS)
    stack.kafka.topics.produce(topic, [{"key": "first", "value": {
        "event": "post_save", "model": "shop.Product", "pk": 1}}], partition=0)
    flow = _program(stack, "flow", stack.kafka.brokers, topic, group, stack.redis.url, rules,
                    events + 1, "latency")
    wait_until(lambda: _is_read(stack, topic, group) or flow.poll() is not None, 60,
               "the pipeline reads")
    pace = _program(stack, "pace", stack.kafka.brokers, topic, rate, events)
    for name, child in (("pace", pace), ("flow", flow)):
        wait_until(lambda child=child: child.poll() is not None, 60 + 2 * SECONDS, name + " ends")
        if child.returncode != 0:
            raise process.Failed("%s: %s" % (name, process.tail(os.path.join(stack.folder, name))))
    stack.kafka.topics.delete(topic)
    return dict(_said(stack, "flow"), made_rate=_said(stack, "pace")["rate"])


def _said(stack, name):
    """The last line of JSON in its log."""
    lines = process.read(os.path.join(stack.folder, name)).splitlines()
    return json.loads([line for line in lines if line.startswith("{")][-1])


def _round(stack, rules):
    with stack.apart():
        idle = stack.redis_call("ping", 2000)
        memory = {rate: _in_memory(stack, rules, rate, idle) for rate in RATES}
    return idle, memory, {rate: _from_kafka(stack, rules, rate) for rate in RATES}


def latency(stack):
    stack.redis.cmd("FLUSHALL")
    rules = stack.product_rules("misses", DELETE)
    rounds = stack.each_round("latency", lambda: _round(stack, rules), warm_up=False,
                              most=3)
    add = stack.table.add
    idle_p99 = sorted(idle["get_p99_ms"] for idle, _, _ in rounds)[len(rounds) // 2]
    claim = None if idle_p99 <= CALM_MS else False
    add("PING, one after another, p50", [idle["ping_p50_ms"] for idle, _, _ in rounds], "ms",
        digits=3)
    add("GET, idle, 200/s, p99", [idle["get_p99_ms"] for idle, _, _ in rounds], "ms", digits=3)
    for rate in RATES:
        title = "%d events/s in memory, arrival to answer" % rate
        add(title + ", p50 / PING", [memory[rate][2] for _, memory, _ in rounds], "x", number=18,
            most=6, claim=claim)
        add(title + ", p50", [memory[rate][0] for _, memory, _ in rounds], "ms", digits=3)
        add(title + ", p99", [memory[rate][1] for _, memory, _ in rounds], "ms", number=18,
            most=max(P99_LEAST_MS, 3 * idle_p99), claim=claim, digits=3)
    for rate in RATES:
        title = "%d events/s from Kafka" % rate
        add(title + ", the rate that its producer kept",
            [kafka[rate]["made_rate"] / 1e3 for _, _, kafka in rounds], "k/s", digits=1)
        for name, what in (("handed", "handed out to applied"), ("made", "produced to applied")):
            for quantile in ("p50", "p99"):
                add("%s, %s, %s" % (title, what, quantile),
                    [kafka[rate]["%s_%s_ms" % (name, quantile)] for _, _, kafka in rounds], "ms",
                    digits=3)
