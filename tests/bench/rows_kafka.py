"""rows_kafka - the pipeline from Kafka to Redis beside a bare consumer loop and raw UNLINKs."""
import random

from lib import process
from stack import CORES, DELETE, DELETES, FREE, LARGE_PAD, PARTITIONS, THREE, VERBS

IDS = 200000
TITLES = {"misses": "1 delete, misses", "hits": "1 delete, hits",
          "three": "delete + bump + refresh", "free": "the same, no guard",
          "verbs": "delete + bump + refresh + expire, no guard"}


def _round(stack, rules):
    topic = stack.topic("events")
    stack.redis.cmd("FLUSHALL")
    lines = {"consume": stack.floor_consume(), "misses": stack.flow(rules["misses"])}
    stack.fill()
    lines["unlink"] = stack.floor_unlink()
    stack.fill()
    lines["hits"] = stack.flow(rules["hits"])
    if stack.redis.cmd("DBSIZE") != 0 or lines["hits"]["keys_deleted"] != stack.events:
        raise process.Failed("the pipeline left keys over")
    for name in ("three", "free", "verbs"):
        stack.refill()
        lines[name] = stack.flow(rules[name], topic)
    return lines


def _busy(line):
    """CPU of pipeline, Redis and Kafka for each second of each core while it ran."""
    used = line["cpu_us"] + line["redis_us"] + line["kafka_us"]
    return used * line["rate"] / 1e6 / CORES


def _add_goals(table, rounds):
    def each(function):
        return [function(one) for one in rounds]
    table.add("misses / bare consume",
              each(lambda one: one["misses"]["rate"] / one["consume"]["rate"]), "x", number=5,
              least=0.90, claim=0.50)
    table.add("hits / min(bare consume, raw UNLINK)", each(
        lambda one: one["hits"]["rate"] / min(one["consume"]["rate"], one["unlink"]["rate"])),
              "x", number=6, least=0.60)
    table.add("hits, share of all cores' time that is work of pipeline, Kafka and Redis",
              each(lambda one: _busy(one["hits"])), "x", number=6, least=0.85, claim=0.75)
    table.add("misses, CPU / bare consume", each(
        lambda one: one["misses"]["cpu_us"] / one["consume"]["cpu_us"]), "x", number=7,
              most=1.4, claim=2.0)
    for name, title in TITLES.items():
        table.add("mallocs an event, " + title, each(lambda one: one[name]["mallocs_per_event"]),
                  number=10, most=0.001, digits=5)


def _add_figures(table, rounds):
    def each(name, what):
        return [one[name][what] for one in rounds]
    table.add("bare consume", [rate / 1e3 for rate in each("consume", "rate")], "k/s", digits=0)
    table.add("raw UNLINK, hits", [rate / 1e3 for rate in each("unlink", "rate")], "k/s", digits=0)
    for name, title in TITLES.items():
        table.add(title, [rate / 1e3 for rate in each(name, "rate")], "k/s", digits=0)
        table.add(title + ", CPU of all threads", each(name, "cpu_us"), "us/event")
        table.add(title + ", CPU of the pipeline's", each(name, "own_us"), "us/event")
        table.add(title + ", CPU of Redis", each(name, "redis_us"), "us/event")
        table.add(title + ", until committed", each(name, "committed_seconds"), "s")
    table.add("longest gap between polls", [
        max(one[name]["longest_gap_ms"] for name in TITLES) for one in rounds], "ms", digits=0)


def main(stack):
    rules = {name: stack.product_rules(name, do) for name, do in (
        ("misses", DELETE), ("hits", DELETE), ("three", THREE), ("free", FREE), ("verbs", VERBS))}
    rounds = stack.each_round("kafka", lambda: _round(stack, rules))
    _add_goals(stack.table, rounds)
    _add_figures(stack.table, rounds)


def zipf_ids(number):
    """Ids of a shop's traffic: the hottest of 200,000 has one event in thirteen."""
    draw = random.Random(1)
    return draw.choices(range(IDS), [(i + 1) ** -0.99 for i in range(IDS)], k=number)


def _topic_row(stack, title, topic, rules, events):
    def one():
        floor = stack.floor_consume(topic, events)
        line = stack.flow(rules, topic, events)
        return line["rate"] / 1e3, line["rate"] / floor["rate"], line["cpu_us"]
    rounds = stack.each_round(title, one, warm_up=False)
    stack.table.add(title, [rate for rate, _, _ in rounds], "k/s", digits=0)
    stack.table.add(title + " / bare consume", [ratio for _, ratio, _ in rounds], "x")
    stack.table.add(title + ", CPU of all threads", [cpu for _, _, cpu in rounds], "us/event")


def shapes(stack):
    stack.redis.cmd("FLUSHALL")
    one_rule = stack.product_rules("misses", DELETE)
    for partitions in (1, 64):
        name = stack.topic("events-%d" % partitions, partitions=partitions)
        _topic_row(stack, "misses, %d partition%s" % (partitions, "s" if partitions > 1 else ""),
                   name, one_rule, stack.events)
    large = max(stack.events // 3, 1000)
    _topic_row(stack, "misses, 2 KB, %d partitions" % PARTITIONS,
               stack.topic("large", large, pad=LARGE_PAD), one_rule, large)
    for others in (9, 199):
        _topic_row(stack, "misses, %d rules" % (others + 1), stack.topic("events"),
                   stack.product_rules("rules-%d" % others, DELETE, others), stack.events)
    zipf = stack.zipf_topic("zipf", zipf_ids(stack.events))
    _topic_row(stack, "1 delete, Zipf 0.99", zipf, one_rule, stack.events)
    _topic_row(stack, "3 deletes, Zipf 0.99", zipf, stack.product_rules("deletes", DELETES),
               stack.events)
    _topic_row(stack, "delete + bump + refresh, no guard, Zipf 0.99", zipf,
               stack.product_rules("free", FREE), stack.events)
