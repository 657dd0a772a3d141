#!/usr/bin/env python3
"""soak - an hour of load with a fault a minute: does the one process that serves it grow?

  tests/faults/soak.py [--build DIR] [--minutes 60] [--out docs/soak.svg]

A real Kafka, a real Redis behind a proxy, and a generator whose every event has a key in Redis
first. What they reach together is measured at the start; 60 % of that is the load. Each minute has
one fault, drawn by the seed that is printed (UNSTALE_TEST_SEED repeats it), and each second one
sample of the process. It fails when something grows (see `growth`), a key or a version is left
behind, or a record is unaccounted.
"""
import argparse
import os
import random
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import plot

from lib import process
from lib.process import wait_until
from lib.program import Unstale, rules_file
from lib.proxy import Proxy
from lib.redis import RedisError, RedisServer
from lib.servers import KafkaBroker

PARTITIONS, TOPIC, GROUP = 4, "soak", "soak"
SHARE = 0.6
MEASURE_SECONDS, MEASURE_CHUNK = 20, 20000
FAULT_SECONDS = 60.0
CALM_FROM = 40  # seconds after a fault: it was mended long before, and what it held up is done
BEHIND_SECONDS = 30  # of load: further behind than this the generator waits, and says so
OBJECTS, COUNTERS = 100, 20
VALUES_A_CHUNK, STORM, POISONED = 200, 200, 200
WRITERS = 3  # chunks on their way to Kafka at a time
SETTLE_SECONDS = 300
# The log is cut by size, so that an hour needs no more disk than ten minutes.
BOUNDS = {"retention.bytes": 256 << 20, "segment.bytes": 64 << 20, "file.delete.delay.ms": 1000}
RULES = {
    "version": 1, "caches": {"default": {"keys": "raw", "serializer": "raw"}},
    "rules": [
        {"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}},
        {"name": "store", "when": {"model": "shop.Item"},
         "do": {"refresh": {"key": "o:{pk}", "value": "{after.name}", "ttl": "3h"}}},
        {"name": "count", "when": {"model": "shop.Counter"}, "do": {"bump": "n:{pk}"}},
        {"name": "lists", "when": {"model": "shop.List"}, "do": {"purge": "list:{pk}:*"}}]}
FILL = "for i=0,ARGV[2]-1 do redis.call('SET','p:'..ARGV[1]..'-'..i,'x') end return 0"
VALUE = '{"event":"post_save","model":"shop.Product","pk":"%d-{i}","created":false}'


def event(model, pk, **members):
    return {"key": "%s:%s" % (model, pk), "value": dict(
        {"event": "post_save", "model": model, "pk": pk, "created": False}, **members)}


class Stack:
    """Everything that runs."""

    def __init__(self):
        self.kafka = KafkaBroker()
        self.topics = self.kafka.topics
        self.topics.create(TOPIC, PARTITIONS, **BOUNDS)
        self.topics.create(TOPIC + ".dlq", 1)
        self.redis = RedisServer(db=0)
        self.proxy = Proxy(lambda: ("127.0.0.1", self.redis.port))
        self.bus = self.member()
        self.rules_nr = 0

    def member(self):
        path = os.path.join(process.private_folder("settings"), "unstale.json")
        rules_file({"redis": {"default": {"url": "redis://127.0.0.1:%d/0" % self.proxy.port,
                                          "rewind": "10s"}}}, path)
        member = Unstale(self.kafka.brokers, "", topic=TOPIC, group=GROUP, rules=RULES,
                         start=False, arguments=["--config", path])
        del member.env["UNSTALE_REDIS_URL"]  # it would stand above the file
        return member.start().wait_ready()

    def stop(self):
        self.bus.stop()
        self.proxy.stop()
        self.redis.stop()
        self.kafka.stop()


class Generator(threading.Thread):
    """Chunk by chunk, its keys in Redis first. `pace` is seconds a chunk, 0: at full speed."""

    def __init__(self, stack, random_, samples):
        super().__init__(daemon=True)
        self.stack, self.random, self.samples = stack, random_, samples
        self.feeder = stack.topics.feed(TOPIC)
        self.lock = threading.Lock()
        self.values, self.counters, self.letters = {}, {}, set()
        self.sent = self.chunks = self.version = self.waited_seconds = 0
        self.size, self.pace = MEASURE_CHUNK, 0
        self.writers = []
        self.problem = None
        self._over = threading.Event()

    def run(self):
        due = time.monotonic()
        try:
            while not self._over.is_set():
                self._chunk()
                due = max(due + self.pace, time.monotonic() - BEHIND_SECONDS)
                self._over.wait(max(0, due - time.monotonic()))
                self._let_it_follow()
            # Here, since a child is killed when the thread that started it ends.
            for child in self.writers:
                self._confirm(child)
        except Exception as error:  # told by finish(), in the thread that judges
            self.problem = error

    def _let_it_follow(self):
        since = time.monotonic()
        while self.pace and not self._over.is_set() and \
                self.samples.lag > BEHIND_SECONDS * self.size / self.pace:
            self._over.wait(0.2)
        self.waited_seconds += time.monotonic() - since if self.pace else 0

    def _chunk(self):
        number, self.chunks = self.chunks, self.chunks + 1
        wait_until(lambda: self._filled(number), 120, "Redis takes keys")
        self.writers.append(process.start(self.stack.topics._tool(
            "produce", TOPIC, "--generate", self.size, "--format", VALUE % number, "--key",
            "shop.Product:%d-{i}" % number), stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        self.send([self._one() for _ in range(VALUES_A_CHUNK)])
        self.sent += self.size
        while len(self.writers) > WRITERS:
            self._confirm(self.writers.pop(0))

    @staticmethod
    def _confirm(child):
        out, error = child.communicate(timeout=300)
        process.kill(child)
        if child.returncode != 0:
            raise process.Failed("a chunk ended with %d: %s %s" % (child.returncode, out, error))

    def _filled(self, number):
        try:
            client = self.stack.redis.connect(timeout=20)
        except OSError:
            return False
        try:
            return client.cmd("EVAL", FILL, 0, number, self.size) == 0
        except (OSError, RedisError):
            return False
        finally:
            client.close()

    def _one(self):
        self.version += 1
        if self.version % 5:
            pk = self.random.randrange(OBJECTS)
            self.values["o:%d" % pk] = "v%d" % self.version
            return event("shop.Item", pk, version=self.version,
                         after={"name": "v%d" % self.version})
        pk, now = self.random.randrange(COUNTERS), int(time.time() * 1000)
        self.counters["n:%d" % pk] = now
        return event("shop.Counter", pk, ts=now)

    def send(self, records):
        with self.lock:
            self.feeder.send(records)
            self.sent += len(records)

    def poison(self):
        texts = [b"no event %d" % self.random.randrange(1 << 60) for _ in range(POISONED)]
        self.letters.update(texts)
        self.send([{"key": text, "value": text} for text in texts])

    def finish(self):
        self._over.set()
        self.join(SETTLE_SECONDS)
        if self.problem:
            raise self.problem
        if self.is_alive():
            raise process.Failed("the generator does not end")
        # What a Redis that came back empty no longer holds is written once more.
        self.send([self._one() for _ in range(50 * OBJECTS)])
        self.feeder.close()


class Samples(threading.Thread):
    """A row a second: minute, RSS in MiB, descriptors, threads, lag, records a second."""

    def __init__(self, bus):
        super().__init__(daemon=True)
        self.bus, self.pid = bus, bus.child.pid
        self.rows, self.lag, self.began = [], 0, time.monotonic()
        self._over = threading.Event()
        self._last = None

    def minute(self):
        return (time.monotonic() - self.began) / 60

    def run(self):
        while not self._over.wait(1):
            try:
                self.rows.append(self._sample())
            except (OSError, process.Failed):
                if not self.bus.running():
                    return

    def _sample(self):
        status = dict(line.split(":", 1) for line in
                      process.read("/proc/%d/status" % self.pid).splitlines())
        descriptors = len(os.listdir("/proc/%d/fd" % self.pid))
        found = self.bus.metrics()
        read = sum(value for _, value in found["unstale_records_total"])
        self.lag = sum(max(0, value) for _, value in found.get("unstale_consumer_lag", []))
        now = time.monotonic()
        last, self._last = self._last or (now - 1, read), (now, read)
        rate = (read - last[1]) / max(0.1, now - last[0])
        return (self.minute(), int(status["VmRSS"].split()[0]) / 1024, descriptors,
                int(status["Threads"]), self.lag, rate)

    def begin(self):
        """From here on it counts."""
        self.rows, self.began = [], time.monotonic()

    def stop(self):
        self._over.set()
        self.join()


class Nemesis:
    def __init__(self, stack, generator, random_):
        self.stack, self.generator, self.random = stack, generator, random_
        self.left = []

    def next(self):
        """Every kind once, in random order, then again."""
        if not self.left:
            self.left = [(name[3:].replace("_", " "), getattr(self, name)) for name in dir(self)
                         if name.startswith("do_")]
            self.random.shuffle(self.left)
        return self.left.pop()

    def _for(self, begin, end, seconds):
        begin()
        time.sleep(seconds)  # how long the fault lasts, not a wait for something
        end()

    def do_redis_cut(self):
        for _ in range(5):
            self._for(self.stack.proxy.cut, self.stack.proxy.mend, 0.5)

    def do_redis_stalled_8_s(self):
        self._for(self.stack.proxy.stall, self.stack.proxy.mend, 8)

    def do_redis_reset_mid_pipeline(self):
        for _ in range(10):
            nr = self.random.randrange(1, 200)
            self._for(lambda nr=nr: self.stack.proxy.truncate(nr), self.stack.proxy.mend, 0.3)

    def do_redis_kill_9(self):
        self._for(self.stack.redis.kill, self.stack.redis.start, 2)

    def do_broker_restart(self):
        self.stack.kafka.restart()

    def do_broker_frozen_8_s(self):
        self._for(self.stack.kafka.freeze, self.stack.kafka.thaw, 8)

    def do_rules_reload(self):
        """Five times, each another set."""
        for _ in range(5):
            self.stack.rules_nr += 1
            more = [{"name": "more-%d" % n, "when": {"model": "shop.More%d" % n},
                     "do": {"delete": "more:{pk}"}} for n in range(self.stack.rules_nr % 50)]
            rules_file(dict(RULES, rules=RULES["rules"] + more), self.stack.bus.rules_path)
            self._for(self.stack.bus.reload, lambda: None, 1)

    def do_purge_storm(self):
        self.generator.send([event("shop.List", self.random.randrange(1 << 40))
                             for _ in range(STORM)])

    def do_poison(self):
        self.generator.poison()

    def do_member_joins_and_leaves(self):
        other = self.stack.member()
        self._for(lambda: None, other.stop, 10)


def measure(generator, samples):
    """Events a second from generator to Redis at full speed."""
    began = time.monotonic()
    generator.start()
    time.sleep(MEASURE_SECONDS)  # the length of the measurement
    generator.size, generator.pace = 1, 1.0
    wait_until(lambda: samples.lag < 1000, SETTLE_SECONDS, "the first load is applied")
    return generator.sent / (time.monotonic() - began)


def attack(nemesis, samples, minutes):
    """One fault a minute; the marks."""
    marks = []
    for number in range(minutes):
        wait_until(lambda: samples.minute() * 60 >= number * FAULT_SECONDS, 120, "the next minute")
        name, action = nemesis.next()
        marks.append((samples.minute(), name))
        print("%5.1f min  %-28s %s" % (samples.minute(), name, samples.rows[-1:]), flush=True)
        action()
    wait_until(lambda: samples.minute() >= minutes, 120, "the last minute")
    return marks


def wrong(stack, generator):
    """What is not as it must be, in words."""
    client, found = stack.redis.connect(), []
    cursor, left = "0", 0
    while True:
        cursor, keys = client.cmd("SCAN", cursor, "MATCH", "p:*", "COUNT", 10000)
        left += len(keys)
        if cursor == "0":
            break
    if left:
        found.append("%d keys are left" % left)
    for key, value in generator.values.items():
        now = client.cmd("GET", key)
        if now != value:
            found.append("%s holds %r, its last event says %r" % (key, now, value))
    for key, ts in generator.counters.items():
        now = client.cmd("GET", key)
        if now is None or int(now) < ts:
            found.append("counter %s is %s, behind %d" % (key, now, ts))
    client.close()
    return found


def settle(stack, generator):
    generator.finish()
    wait_until(lambda: all((row.committed or 0) == row.high for row in
                           stack.topics.offsets(TOPIC, GROUP)), SETTLE_SECONDS,
               lambda: "all is committed: %s\n%s" % (stack.topics.offsets(TOPIC, GROUP),
                                                     stack.bus.tail()))
    wait_until(lambda: not wrong(stack, generator), 30,
               lambda: "\n".join(wrong(stack, generator)[:20]))
    letters = {letter.value for letter in stack.topics.consume(TOPIC + ".dlq")}
    if letters != generator.letters:
        raise process.Failed("%d dead letters, %d expected" % (len(letters),
                                                               len(generator.letters)))


def quarter(rows, number, column):
    """The median of a quarter's calm seconds."""
    size = len(rows) // 4
    part = rows[number * size:(number + 1) * size]
    calm = [row[column] for row in part if row[0] * 60 % FAULT_SECONDS >= CALM_FROM]
    return statistics.median(calm)


def slope(rows):
    """KiB an hour of RSS by least squares, without the first quarter."""
    rows = rows[len(rows) // 4:]
    middle_x = statistics.fmean(row[0] for row in rows)
    middle_y = statistics.fmean(row[1] for row in rows)
    across = sum((row[0] - middle_x) ** 2 for row in rows)
    return sum((row[0] - middle_x) * (row[1] - middle_y) for row in rows) / across * 60 * 1024


def growth(rows):
    """What grew from the second quarter to the last: RSS by over a tenth, threads at all,
    descriptors by over two (librdkafka opens and closes connections to one broker as it likes)."""
    found = []
    for name, column, factor, more in (("RSS", 1, 1.10, 0), ("descriptors", 2, 1, 2),
                                       ("threads", 3, 1, 0)):
        before, after = quarter(rows, 1, column), quarter(rows, 3, column)
        if after > before * factor + more:
            found.append("%s grew from %.1f to %.1f" % (name, before, after))
    return found


def parse():
    parser = argparse.ArgumentParser(description="Load with a fault a minute.")
    parser.add_argument("--build", default="build", help="the folder of the built programs")
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--out", default="docs/soak.svg")
    arguments = parser.parse_args()
    os.environ["UNSTALE_TEST_BUILD"] = os.path.abspath(arguments.build)
    return arguments


def summary(rows, full, generator, marks):
    column = [[row[at] for row in rows] for at in range(6)]
    return ("%d min, %d faults, %d events at %d/s (full load %d/s), generator held back %.0f s; "
            "RSS %.1f -> %.1f MiB (calm medians of quarters 2 and 4, most %.1f, slope %+.0f KiB/h),"
            " "
            "descriptors %d -> %d, threads %d -> %d, largest lag %d" % (
                round(rows[-1][0]), len(marks), generator.sent, SHARE * full, full,
                generator.waited_seconds, quarter(rows, 1, 1), quarter(rows, 3, 1), max(column[1]),
                slope(rows), quarter(rows, 1, 2), quarter(rows, 3, 2), quarter(rows, 1, 3),
                quarter(rows, 3, 3), max(column[4])))


def draw(out, rows, marks, title):
    names = ["RSS, MiB", "file descriptors", "threads", "lag, records", "records a second"]
    plot.save(out, title, [(name, [(row[0], row[at]) for row in rows])
                           for at, name in enumerate(names, 1)], marks)


def main():
    arguments = parse()
    seed = int(os.environ.get("UNSTALE_TEST_SEED") or random.randrange(1 << 32))
    print("seed %d" % seed, flush=True)
    stack = Stack()
    samples = Samples(stack.bus)
    samples.start()
    generator = Generator(stack, random.Random(seed + 1), samples)
    full = measure(generator, samples)
    generator.size = int(SHARE * full)
    print("full load %d events/s; %d of them from now on" % (full, generator.size), flush=True)
    samples.begin()
    marks = attack(Nemesis(stack, generator, random.Random(seed)), samples, arguments.minutes)
    samples.stop()
    title = "%d minutes at %d events a second with a fault a minute: one process" % (
        arguments.minutes, generator.size)
    draw(arguments.out, samples.rows, marks, title)
    grown = growth(samples.rows)
    print(summary(samples.rows, full, generator, marks), flush=True)
    settle(stack, generator)
    print("every event accounted for, lost 0")
    if not stack.bus.running() or stack.bus.child.pid != samples.pid:
        grown.append("the process that was watched has ended")
    print("\n".join(grown) or "nothing grew", flush=True)
    stack.stop()
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
