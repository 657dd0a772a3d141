#!/usr/bin/env python3
"""simulate - what coalescing saves, and how far the service falls behind and how it catches up, on paper.

  tests/bench/simulate.py [--seed N] [--rate N] [--keyspace M] [...] [size|coalescing|pause|burst]

Size: what a load needs, by division and multiplication alone: see the options for what goes in.
Coalescing: ids by Zipf's law (exponent 0.99 over 200,000 objects), cut into batches; of a batch each key is
sent once. Drawn from a seed, and beside it the closed form: a batch of B holds sum(1 - (1 - p)^B) keys.

Pause and burst: batch after batch, taken greedily as the pipeline takes them: whatever has arrived,
at most 1024. A batch costs a fixed part and a part an event, and what coalescing leaves of it at Redis. The figures
of the cost are those of docs/performance.md; the tables are those of docs/scaling.md. Nothing is measured here.
"""
import argparse
import bisect
import itertools
import math
import random

OBJECTS = 200000
EXPONENT = 0.99
BATCHES = (1, 64, 256, 1024, 4096)
LARGEST = 1024
SEED = 7
TURN_US = 120.0  # a wake-up here and one at Redis

# Microseconds an event: of the pipeline's thread, and of Redis' before coalescing.
WORK = {"1 delete, hits": (0.63, 1.17), "delete + bump + refresh": (1.44, 9.7)}
# The same of all threads of the service; bytes an event that go to Redis.
CPU_US = {"1 delete, hits": 0.92, "delete + bump + refresh": 1.87}
REDIS_BYTES = {"1 delete, hits": 32, "delete + bump + refresh": 600}
SCAN_US = 0.85  # a key
DUTY = 1 / 3
LOADS = ((10000, 10), (1000000, 100), (50000000, 1000))  # events/s, millions of keys


def shares():
    """The probability of each object, the most frequent first."""
    weights = [1.0 / (rank ** EXPONENT) for rank in range(1, OBJECTS + 1)]
    total = sum(weights)
    return [weight / total for weight in weights]


def draw(nr, seed=SEED):
    """`nr` objects, as ranks from 0."""
    ladder = list(itertools.accumulate(shares()))
    numbers = random.Random(seed)
    return [min(bisect.bisect(ladder, numbers.random()), OBJECTS - 1) for _ in range(nr)]


def batches_of(ids, size):
    return [ids[first:first + size] for first in range(0, len(ids), size)]


def coalesced(ids, size):
    """Keys sent for these events, when they come in batches of `size`."""
    return sum(len(set(batch)) for batch in batches_of(ids, size))


def expected_keys(size, probabilities):
    return sum(1.0 - (1.0 - p) ** size for p in probabilities)


def coalescing_table(seed):
    probabilities = shares()
    ids = draw(1 << 18, seed)
    rows = []
    for size in BATCHES:
        drawn = len(ids) / coalesced(ids, size)
        rows.append(("%d" % size, "%.2f" % drawn,
                     "%.2f" % (size / expected_keys(size, probabilities))))
    return [("events in a batch", "events a key, drawn", "by the formula")] + rows


class Keys:
    """Keys of a batch of a size, between the sizes that were worked out."""

    def __init__(self):
        probabilities = shares()
        self.sizes = [1 << power for power in range(11)]
        self.keys = [expected_keys(size, probabilities) for size in self.sizes]

    def of(self, size):
        at = min(bisect.bisect_right(self.sizes, size), len(self.sizes) - 1)
        low, high = self.sizes[at - 1], self.sizes[at]
        part = (size - low) / (high - low)
        return self.keys[at - 1] + part * (self.keys[at] - self.keys[at - 1])


class Service:
    """One pipeline before one Redis. Two batches are in flight, so the slower of the two sets the pace."""

    def __init__(self, work, keys=None):
        self.pipeline_us, self.redis_us = WORK[work]
        self.keys = keys

    def batch_us(self, size):
        sent = self.keys.of(size) if self.keys else size
        return TURN_US + max(self.pipeline_us * size, self.redis_us * sent)

    def rate(self):
        return LARGEST / self.batch_us(LARGEST) * 1e6


def run(service, arrivals, until_us):
    """arrivals(time in us) says how many events came by then. Returns the largest lag in events, the oldest
    event's age in us, and when the lag was last above a batch."""
    time, done, most, oldest, behind_until = 0.0, 0, 0, 0.0, 0.0
    history = [(0.0, 0)]
    while time < until_us:
        come = arrivals(time)
        size = min(come - done, LARGEST)
        history.append((time, come))
        if size <= 0:
            time += 50.0
            continue
        most = max(most, come - done)
        if come - done > LARGEST:
            behind_until = time
        time += service.batch_us(size)
        done += size
        while len(history) > 1 and history[1][1] <= done - size:
            history.pop(0)
        oldest = max(oldest, time - history[0][0])
    return most, oldest, behind_until


def steady(rate, pause_us=0.0):
    """Events at a rate; those of a pause at its beginning stand there at once when it ends."""
    return lambda time: int((time + pause_us) * rate / 1e6)


def burst(rate, extra):
    return lambda time: int(time * rate / 1e6) + extra


def pause_table():
    rows = []
    keys = Keys()
    for work, rate, seconds in (("1 delete, hits", 10000, 60), ("1 delete, hits", 400000, 60),
                                ("delete + bump + refresh", 50000, 60)):
        for shown, service in (("uniform", Service(work)), ("Zipf", Service(work, keys))):
            backlog = rate * seconds
            horizon = backlog / max(service.rate() - rate, 1.0) * 1.2e6 + 1e6
            most, _, caught_up = run(service, steady(rate, seconds * 1e6), horizon)
            rows.append((work, shown, "%d" % (rate // 1000), "%.0f" % (service.rate() / 1000),
                         "%.2f" % (most / 1e6), "%.1f" % (caught_up / 1e6)))
    return [("work", "keys", "k events/s", "the most, k/s", "lag after 60 s, M", "caught up in, s")
            ] + rows


def burst_table():
    rows = []
    keys = Keys()
    for work, rate, extra in (("1 delete, hits", 10000, 100000), ("1 delete, hits", 400000, 1000000),
                              ("delete + bump + refresh", 50000, 100000)):
        for shown, service in (("uniform", Service(work)), ("Zipf", Service(work, keys))):
            horizon = extra / max(service.rate() - rate, 1.0) * 1.2e6 + 1e6
            _, _, caught_up = run(service, burst(rate, extra), horizon)
            _, oldest, _ = run(service, steady(rate), 2e5)
            rows.append((work, shown, "%d" % (rate // 1000), "%d" % (extra // 1000),
                         "%.2f" % (caught_up / 1e6), "%.2f" % (oldest / 1000)))
    return [("work", "keys", "k events/s", "at once, k", "caught up in, s",
             "oldest without the burst, ms")] + rows


def count_of(need):
    return max(1, math.ceil(need))


def size_row(work, rate, keyspace, given):
    """The arithmetic of docs/scaling.md: each figure is a product or a quotient of those above."""
    pipeline_us, redis_us = WORK[work]
    bytes_in = rate * given.event_bytes
    shards = count_of(rate * redis_us / 1e6 / given.load)
    cores = rate * CPU_US[work] / 1e6 / given.load
    lap = keyspace * 1e6 / shards * SCAN_US / 1e6 / DUTY
    return (work, "%d" % (rate // 1000), "%d" % count_of(rate * pipeline_us / 1e6 / given.load),
            "%.2f" % cores, "%d" % count_of(bytes_in / 1e6 / given.partition_mb), "%d" % shards,
            "%.1f" % (bytes_in * 8 / 1e6), "%.1f" % (rate * REDIS_BYTES[work] * 8 / 1e6),
            "%d" % keyspace, "%.0f" % lap, "%.2f" % ((cores + shards) * given.price))


def size_table(given):
    loads = ((given.rate, given.keyspace),) if given.rate else LOADS
    return [("work", "k events/s", "pipelines", "cores of the service", "partitions at least",
             "Redis shards", "Mbit/s from Kafka", "Mbit/s to Redis", "M keys", "lap of a purge, s",
             "cost an hour")
            ] + [size_row(work, rate, keys, given) for work in WORK for rate, keys in loads]


TABLES = {"size": size_table, "coalescing": lambda given: coalescing_table(given.seed),
          "pause": lambda given: pause_table(), "burst": lambda given: burst_table()}


def print_table(rows):
    print("| " + " | ".join(rows[0]) + " |")
    print("|" + "---|" * len(rows[0]))
    for row in rows[1:]:
        print("| " + " | ".join(row) + " |")


def options():
    parser = argparse.ArgumentParser(description="Coalescing and lag, on paper.")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--rate", type=int, default=0, help="events a second (default: three)")
    parser.add_argument("--keyspace", type=int, default=10, help="millions of keys, with --rate")
    parser.add_argument("--event-bytes", type=int, default=350)
    parser.add_argument("--load", type=float, default=0.6, help="how busy a core may be")
    parser.add_argument("--partition-mb", type=float, default=10,
                        help="megabytes a second that a partition takes")
    parser.add_argument("--price", type=float, default=0.05, help="of a core an hour")
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=", ".join(TABLES))
    return parser


def main():
    parser = options()
    arguments = parser.parse_args()
    for name in arguments.tables or TABLES:
        if name not in TABLES:
            parser.error("no table %s; there are %s" % (name, ", ".join(TABLES)))
        print_table(TABLES[name](arguments))
        print()


if __name__ == "__main__":
    main()
