#!/usr/bin/env python3
"""bench - what the pipeline reaches of what is possible, as a table.

  tests/bench/bench.py [--build DIR] [--events N] [--rounds N] [--keys N]

Starts a real Kafka and a real Redis of its own. Floors and pipeline run in turn on the same topic; each
round gives one ratio of every kind, and the median counts: absolute figures wander on a shared
machine, ratios of one round far less. A row with a goal that its median misses makes the exit code 1.
The purge rows compare latencies of one run and judge only when the machine is calm: see CALM_MS.
"""
import argparse
import json
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import Unstale
from lib.servers import KafkaBroker, RedisServer, wait_until

PARTITIONS = 8
RSS_WALL_MB = 64
CALM_MS = 5  # with an idle GET p99 above it, what a purge adds to latency cannot be told

EVENT = ('{"event":"post_save","model":"shop.Product","pk":{i},"created":false,'
         '"id":"01J9ZC7Q6W3M5T8B2N4K","ts":{now},"version":1795341600123456,'
         '"changed":["price","category_id"],"before":{"price":"12.50","category_id":3},'
         '"after":{"id":{i},"name":"Caf\\u00e9 table","slug":"cafe-table","price":"9.90",'
         '"category_id":{i%100},"stock":12,"is_active":true},"tenant":"acme"}')

CACHE = {"keys": "django", "prefix": "myapp", "serializer": "json"}
DELETE = {"delete": "product:{pk}"}
REFRESH = {"key": "product:{pk}:data", "ttl": "1h",
           "value": {"id": "{pk}", "name": "{after.name}", "price": "{after.price|str}"}}
THREE = {"delete": "product:{pk}", "bump": "products:version:{after.category_id}",
         "refresh": REFRESH}
FREE = dict(THREE, refresh=dict(REFRESH, guard=False))
TITLES = {"misses": "1 delete, misses", "hits": "1 delete, hits",
          "three": "delete + bump + refresh", "free": "the same, no guard"}
PURGES = {"purge": ["products:list:*", "products:category:*"]}


# Of the ratios in memory those that are promised; the others are shown.
CLAIMED = {"decode_350_vs_jansson": 0.08, "explain_10000_rules_vs_10": 1.5,
           "load_10000_rules_vs_1s": 1.0}


class Table:
    """Rows of name, goal, measurement; `missed` names those whose median missed their goal."""

    def __init__(self):
        self.rows = []
        self.missed = []

    def add(self, name, values, unit="", least=None, most=None, digits=2):
        middle = statistics.median(values)
        good = (least is None or middle >= least) and (most is None or middle <= most)
        goal = ">= %g" % least if least is not None else "<= %g" % most if most is not None else ""
        measured = "%.*f" % (digits, middle)
        if len(values) > 1:
            measured += " [%.*f-%.*f]" % (digits, min(values), digits, max(values))
        mark = "" if not goal else "ok" if good else "MISSED"
        self.rows.append((name, goal and (goal + " " + unit).strip(), (measured + " " + unit).strip(),
                          mark))
        if not good:
            self.missed.append(name)

    def print(self):
        rows = [("what", "goal", "measured", ""), ("---", "---", "---", "---")] + self.rows
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        for row in rows:
            print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")


def event_format():
    return EVENT.replace("{now}", str(int(time.time() * 1000)))


def call(program, *words, timeout=600):
    """A bench program's one line, read."""
    path = os.path.join(process.build_dir(), "tests", "bench", program)
    code, out, err = process.run([path] + [str(word) for word in words], timeout=timeout)
    if code != 0:
        raise process.Failed("%s %s ended with %d: %s" % (program, words, code, err.strip()))
    if err.strip():
        print(err.strip(), file=sys.stderr)
    return out


class Bench:
    def __init__(self, arguments):
        self.events = arguments.events
        self.rounds = arguments.rounds
        self.keys = arguments.keys
        self.folder = process.private_folder("bench")
        self.table = Table()
        self.groups = 0
        self.kafka = KafkaBroker()
        self.redis = RedisServer(db=0)

    def say(self, text):
        print("# " + text, flush=True)

    def make_topic(self, name, events):
        self.kafka.topics.create(name, PARTITIONS)
        made = self.kafka.topics.generate(name, events, event_format(),
                                          key="shop.Product:{i}")
        if made != events:
            raise process.Failed("%d records of %d were written" % (made, events))

    def rules(self, name, *rules):
        path = os.path.join(self.folder, name + ".json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"version": 1, "caches": {"default": CACHE},
                       "rules": [{"name": "rule-%d" % i, "do": do,
                                  "when": {"model": model, "op": ["create", "update"]}}
                                 for i, (model, do) in enumerate(rules)]}, file)
        return path

    def fill(self, number, name="product"):
        call("floor", "fill", "127.0.0.1", self.redis.port, number, name)

    def floor_consume(self):
        return json.loads(call("floor", "consume", self.kafka.brokers, "events", self.events))

    def floor_unlink(self):
        line = json.loads(call("floor", "unlink", "127.0.0.1", self.redis.port, self.events))
        if line["deleted"] not in (0, self.events):
            raise process.Failed("the floor deleted %(deleted)d keys" % line)
        return line

    def flow(self, rules, topic="events", events=None):
        self.groups += 1
        group = "bench-%d" % self.groups
        line = json.loads(call("flow", self.kafka.brokers, topic, group, self.redis.url, rules,
                               events or self.events))
        lag = self.kafka.topics.lag(topic, group)
        if lag != 0:
            raise process.Failed("%s: %d records were not committed" % (group, lag))
        return line

    def round(self, delete, three, free):
        self.redis.cmd("FLUSHALL")
        lines = {"consume": self.floor_consume(), "misses": self.flow(delete)}
        self.fill(self.events)
        lines["unlink"] = self.floor_unlink()
        self.fill(self.events)
        lines["hits"] = self.flow(delete)
        if self.redis.cmd("DBSIZE") != 0 or lines["hits"]["keys_deleted"] != self.events:
            raise process.Failed("the pipeline left keys over")
        for name, rules in (("three", three), ("free", free)):
            self.redis.cmd("FLUSHALL")
            self.fill(self.events)
            lines[name] = self.flow(rules)
        return {name: dict(line, rate=line["events"] / line["seconds"],
                           cpu_us=line["cpu_seconds"] / line["events"] * 1e6,
                           own_us=line["own_cpu_seconds"] / line["events"] * 1e6)
                for name, line in lines.items()}

    def run_rounds(self):
        delete = self.rules("delete", ("shop.Product", DELETE))
        three = self.rules("three", ("shop.Product", THREE))
        free = self.rules("free", ("shop.Product", FREE))
        rounds = []
        for number in range(self.rounds + 1):
            one = self.round(delete, three, free)
            self.say("round %d%s: %s" % (number, " (warm-up)" if number == 0 else "", ", ".join(
                "%s %.0f k/s %.2f us" % (name, line["rate"] / 1e3, line["cpu_us"])
                for name, line in one.items())))
            rounds.append(one)
        return rounds[1:]

    def add_rounds(self, rounds):
        def each(function):
            return [function(one) for one in rounds]

        def rates(name):
            return each(lambda one: one[name]["rate"] / 1e3)
        add = self.table.add
        add("misses / bare consume", each(lambda one: one["misses"]["rate"] / one["consume"]["rate"]),
            "x", least=0.80)
        add("hits / min(bare consume, raw UNLINK)", each(
            lambda one: one["hits"]["rate"] / min(one["consume"]["rate"], one["unlink"]["rate"])),
            "x", least=0.55)
        add("misses, CPU / bare consume", each(
            lambda one: one["misses"]["cpu_us"] / one["consume"]["cpu_us"]), "x")
        for name in ("misses", "hits", "three", "free"):
            add("mallocs an event, " + TITLES[name],
                each(lambda one: one[name]["mallocs_per_event"]), most=0.001, digits=5)
        add("bare consume", rates("consume"), "k/s", digits=0)
        add("raw UNLINK, hits", rates("unlink"), "k/s", digits=0)
        for name, title in TITLES.items():
            add(title, rates(name), "k/s", digits=0)
            add(title + ", CPU of all threads", each(lambda one: one[name]["cpu_us"]), "us/event")
            add(title + ", CPU of the pipeline's", each(lambda one: one[name]["own_us"]),
                "us/event")
            add(title + ", until committed", each(lambda one: one[name]["committed_seconds"]), "s")
        add("longest gap between polls", each(
            lambda one: max(one[name]["longest_gap_ms"] for name in TITLES)), "ms", digits=0)

    def run_in_memory(self):
        for program in ("decode", "plan", "rules"):
            for line in call(program).splitlines():
                if line.startswith("#"):
                    self.say(line[2:])
                    continue
                name, ratio, spread, _, goal = line.split()
                claimed = CLAIMED.get(name)
                low, high = spread.strip("[]").split("-")
                # The middle one of three is the median of the program's own rounds.
                self.table.add(name, [float(low), float(ratio), float(high)], "x", most=claimed,
                               digits=3)

    def run_service(self):
        """The program itself, for its memory and CPU under full load."""
        self.groups += 1
        group = "service-%d" % self.groups
        self.redis.cmd("FLUSHALL")
        self.fill(self.events)
        program = Unstale(self.kafka.brokers, self.redis.url, topic="events", group=group,
                          rules=self.rules("service", ("shop.Product", DELETE)))
        wait_until(lambda: self.redis.cmd("DBSIZE") == 0, 120,
                   lambda: "every key is deleted\n" + program.tail())
        wait_until(lambda: self.kafka.topics.lag("events", group) == 0, 30, "lag 0")
        status = dict(line.split(":", 1)
                      for line in process.read("/proc/%d/status" % program.child.pid).splitlines())
        times = process.read("/proc/%d/stat" % program.child.pid).rpartition(")")[2].split()
        ticks = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
        program.stop()
        self.table.add("unstale run, peak RSS", [int(status["VmHWM"].split()[0]) / 1024], "MB",
                       most=RSS_WALL_MB, digits=1)
        self.table.add("unstale run, CPU", [ticks / self.events * 1e6], "us/event")

    def run_purge(self):
        """GETs beside a walk, and the server's own time for our commands."""
        values = {}
        for line in call("purge", "--keys", self.keys).splitlines():
            name, value, _ = line.split()
            values[name] = float(value)
        is_calm = values["get_idle_p99"] <= CALM_MS
        if not is_calm:
            self.say("idle GET p99 is %.1f ms: latency rows are shown, not judged" %
                     values["get_idle_p99"])
        add = self.table.add
        add("purge of %d keys, 2 patterns" % self.keys, [values["purge_seconds"]], "s")
        add("GET p50 idle, 200/s", [values["get_idle_p50"]], "ms", digits=3)
        add("GET p50 beside the purge, less idle",
            [values["get_purge_p50"] - values["get_idle_p50"]], "ms", most=1 if is_calm else None,
            digits=3)
        add("server time of our commands, p99", [values["server_time_p99"]], "ms",
            most=2 if is_calm else None, digits=3)
        add("server time of our commands, max", [values["server_time_max"]], "ms", digits=3)

    def run_purge_flow(self):
        """A purge by way of the pipeline while other events go on: the poll loop does not wait."""
        topic, share = "purged", self.keys // 10
        self.redis.cmd("FLUSHALL")
        for number, name in ((share, "products:list"), (share, "products:category"),
                             (8 * share, "sessions:user")):
            self.fill(number, name)
        self.make_topic(topic, self.events)
        self.kafka.topics.produce(topic, [{"key": "shop.Catalogue:1", "value": {
            "event": "post_save", "model": "shop.Catalogue", "pk": 1}}], partition=0)
        self.kafka.topics.generate(topic, self.events, event_format(),
                                   key="shop.Product:{i}")
        rules = self.rules("purge", ("shop.Product", DELETE), ("shop.Catalogue", PURGES))
        line = self.flow(rules, topic, 2 * self.events + 1)
        left = self.redis.cmd("DBSIZE")
        if left != 8 * share:
            raise process.Failed("%d keys are left of %d" % (left, 8 * share))
        self.table.add("purge by way of the pipeline", [line["seconds"]], "s")
        self.table.add("longest gap between polls meanwhile", [line["longest_gap_ms"]], "ms",
                       digits=0)

    def run(self):
        self.say("%d events, %d rounds, %d partitions; load %.1f" %
                 (self.events, self.rounds, PARTITIONS, os.getloadavg()[0]))
        self.make_topic("events", self.events)
        self.add_rounds(self.run_rounds())
        self.run_service()
        self.run_purge_flow()
        self.run_in_memory()
        self.run_purge()
        self.table.print()
        for name in self.table.missed:
            print("missed: " + name)
        return 1 if self.table.missed else 0


def parse():
    parser = argparse.ArgumentParser(description="Floors and pipeline in turn, as ratios.")
    parser.add_argument("--build", default="build", help="the folder of the built programs")
    parser.add_argument("--events", type=int, default=300000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keys", type=int, default=1000000, help="of the purge")
    return parser.parse_args()


def main():
    arguments = parse()
    os.chdir(process.ROOT)
    os.environ["UNSTALE_TEST_BUILD"] = arguments.build
    return Bench(arguments).run()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except process.Failed as error:
        print("bench: %s" % error, file=sys.stderr)
        sys.exit(2)
