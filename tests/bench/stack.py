"""stack - the servers of a bench, its topics and rules, and the bench programs as calls.

One Kafka and one Redis, started for the run. Every call of a program gives its JSON line as a dict; what
a program says with `#` is passed on.
"""
import contextlib
import json
import os
import sys
import time

from lib import process
from lib.servers import KafkaBroker, RedisServer

PARTITIONS = 8
CORES = os.cpu_count()

EVENT = ('{"event":"post_save","model":"shop.Product","pk":{i},"created":false,'
         '"id":"01J9ZC7Q6W3M5T8B2N4K","ts":{now},"version":1795341600123456,'
         '"changed":["price","category_id"],"before":{"price":"12.50","category_id":3},'
         '"after":{"id":{i},"name":"Caf\\u00e9 table{pad}","slug":"cafe-table","price":"9.90",'
         '"category_id":{i%100},"stock":12,"is_active":true},"tenant":"acme"}')
LARGE_PAD = "x" * 1650

CACHE = {"keys": "django", "prefix": "myapp", "serializer": "json"}
DELETE = {"delete": "product:{pk}"}
DELETES = {"delete": ["product:{pk}", "list:{pk}", "page:{pk}"]}
REFRESH = {"key": "product:{pk}:data", "ttl": "1h",
           "value": {"id": "{pk}", "name": "{after.name}", "price": "{after.price|str}"}}
FREE_REFRESH = dict(REFRESH, guard=False)
THREE = {"delete": "product:{pk}", "bump": "products:version:{after.category_id}",
         "refresh": REFRESH}
FREE = dict(THREE, refresh=FREE_REFRESH)
FOUR = {"delete": ["product:{pk}", "list:{pk}"], "bump": "products:version:{after.category_id}",
        "refresh": FREE_REFRESH}
VERBS = {"delete": "product:{pk}", "bump": "products:version:{after.category_id}",
         "refresh": FREE_REFRESH, "expire": {"key": "list:{pk}", "ttl": "10m"}}
PURGES = {"purge": ["products:list:*", "products:category:*"]}


def event_format(pad=""):
    return EVENT.replace("{now}", str(int(time.time() * 1000))).replace("{pad}", pad)


def call(program, *words, timeout=600, folder="bench"):
    """A program's output."""
    path = os.path.join(process.build_dir(), "tests", folder, program)
    code, out, err = process.run([path] + [str(word) for word in words], timeout=timeout)
    if code != 0:
        raise process.Failed("%s %s ended with %d: %s" % (program, words, code, err.strip()))
    if err.strip():
        print(err.strip(), file=sys.stderr)
    return out


def rated(line):
    """The line with events a second and microseconds an event."""
    line["rate"] = line["events"] / line["seconds"]
    line["cpu_us"] = line["cpu_seconds"] / line["events"] * 1e6
    line["own_us"] = line["own_cpu_seconds"] / line["events"] * 1e6
    return line


def cpu_of(pid):
    """CPU seconds of a process so far."""
    times = process.read("/proc/%d/stat" % pid).rpartition(")")[2].split()
    return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


class Stack:
    def __init__(self, arguments, table):
        self.events = arguments.events
        self.rounds = arguments.rounds
        self.keys = arguments.keys
        self.table = table
        self.folder = process.private_folder("bench")
        self.kafka = KafkaBroker()
        self.redis = RedisServer(db=0)
        self._groups = 0
        self._topics = set()

    def say(self, text):
        print("# " + text, flush=True)

    def each_round(self, name, one, warm_up=True, most=99):
        """The values of the rounds, of which there is one more where it warms up."""
        values, first = [], 0 if warm_up else 1
        for number in range(first, min(self.rounds, most) + 1):
            began = time.monotonic()
            values.append(one())
            self.say("%s, round %d%s: %.1f s" % (name, number, "" if number else " (warm-up)",
                                                 time.monotonic() - began))
        return values[1 - first:]

    def group(self):
        self._groups += 1
        return "bench-%d" % self._groups

    def topic(self, name, events=None, partitions=PARTITIONS, pad=""):
        """Made and filled by the first who asks."""
        events = events or self.events
        if name not in self._topics:
            self._topics.add(name)
            self.kafka.topics.create(name, partitions)
            made = self.kafka.topics.generate(name, events, event_format(pad),
                                              key="shop.Product:{i}")
            if made != events:
                raise process.Failed("%d records of %d were written" % (made, events))
        return name

    def zipf_topic(self, name, ids):
        if name not in self._topics:
            self._topics.add(name)
            self.kafka.topics.create(name, PARTITIONS)
            text = event_format().replace("{i%100}", "7").split("{i}")
            self.kafka.topics.produce(name, ({"key": "shop.Product:%d" % i,
                                              "value": str(i).join(text)} for i in ids))
        return name

    def rules(self, name, *rules):
        path = os.path.join(self.folder, name + ".json")
        if not os.path.exists(path):
            with open(path, "w", encoding="utf-8") as file:
                json.dump({"version": 1, "caches": {"default": CACHE},
                           "rules": [{"name": "rule-%d" % i, "do": do,
                                      "when": {"model": model, "op": ["create", "update"]}}
                                     for i, (model, do) in enumerate(rules)]}, file)
        return path

    def product_rules(self, name, do, others=0):
        """One rule for the events' model among others of other models."""
        return self.rules(name, *[("other.Model%d" % i, DELETE) for i in range(others)],
                          ("shop.Product", do))

    def fill(self, number=None, *names):
        for name in names or ("product",):
            call("floor", "fill", "127.0.0.1", self.redis.port, number or self.events, name)

    def refill(self, *names):
        self.redis.cmd("FLUSHALL")
        self.fill(None, *names)

    @contextlib.contextmanager
    def apart(self):
        """Redis on one core, what is called on another: on one core a PING wakes nobody up."""
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(self.redis.child.pid, cores[:1])
        os.sched_setaffinity(0, cores[1:] or cores)
        try:
            yield
        finally:
            os.sched_setaffinity(0, cores)
            os.sched_setaffinity(self.redis.child.pid, cores)

    def server_cpu(self):
        return sum(float(self.redis.info("cpu", "used_cpu_" + kind)) for kind in ("sys", "user"))

    def with_server_cpu(self, function):
        """What it returns, with the server's CPU seconds meanwhile."""
        before = self.server_cpu()
        line = function()
        line["server_seconds"] = self.server_cpu() - before
        return line

    def floor_consume(self, topic="events", events=None):
        return rated(json.loads(call("floor", "consume", self.kafka.brokers, topic,
                                     events or self.events)))

    def floor_unlink(self):
        line = json.loads(call("floor", "unlink", "127.0.0.1", self.redis.port, self.events))
        if line["deleted"] not in (0, self.events):
            raise process.Failed("the floor deleted %(deleted)d keys" % line)
        return rated(line)

    def redis_call(self, verb, *words):
        return json.loads(call("redis", verb, "127.0.0.1", self.redis.port, *words))

    def memory(self, rules, events, *words):
        line = rated(json.loads(call("memory", self.redis.url, rules, events, *words)))
        return line

    def flow(self, rules, topic="events", events=None):
        group = self.group()
        events = events or self.events
        before = cpu_of(self.redis.child.pid), cpu_of(self.kafka.child.pid)
        line = rated(json.loads(call("flow", self.kafka.brokers, topic, group, self.redis.url,
                                     rules, events)))
        line["redis_us"] = (cpu_of(self.redis.child.pid) - before[0]) / events * 1e6
        line["kafka_us"] = (cpu_of(self.kafka.child.pid) - before[1]) / events * 1e6
        lag = self.kafka.topics.lag(topic, group)
        if lag != 0:
            raise process.Failed("%s: %d records were not committed" % (group, lag))
        return line

    def careful(self, care, topic, events, operations):
        """`topic` None: the events lie in memory."""
        brokers = self.kafka.brokers if topic else "-"
        return rated(json.loads(call("careful", care, brokers, topic or "-", self.group(),
                                     "127.0.0.1", self.redis.port, events, operations)))

    def ratio_rows(self, output, numbers, goals):
        """Lines `NAME RATIO [MIN-MAX] goal GOAL` of a bench program as rows; `goals` by name are
        (most, claim, title)."""
        for line in output.splitlines():
            if line.startswith("#"):
                self.say(line[2:])
                continue
            name, ratio, spread = line.split()[:3]
            low, high = spread.strip("[]").split("-")
            most, claim, title = goals.get(name, (None, None, name))
            # The middle one of three is the median of the program's own rounds.
            self.table.add(title, [float(low), float(ratio), float(high)], "x",
                           number=numbers.get(name, ""), most=most, claim=claim, digits=3)
