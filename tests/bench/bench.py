#!/usr/bin/env python3
"""bench - what the pipeline reaches of what is possible, as a table.

  tests/bench/bench.py [--build DIR] [--rows NAME,NAME...] [--quick] [--markdown FILE] [--flames DIR]
                       [--events N] [--rounds N] [--keys N]

Starts a real Kafka and a real Redis of its own. Floors and pipeline run in turn on the same topic; each
round gives one ratio of every kind, and the median counts: absolute figures wander on a shared
machine, ratios of one round far less. A row whose median misses what this build claims makes the exit
code 1. --rows picks groups of rows: their names are in GROUPS below; --quick is one round of 50,000;
--flames also writes flame graphs of the pipeline, by `perf`.
"""
import argparse
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import profile_flow
import rows_emit
import rows_kafka
import rows_latency
import rows_memory
import rows_purge
import rows_race
from stack import Stack
from table import Table
from lib import process

# In the order of the table: name, title, what adds its rows.
GROUPS = (
    ("decode", "Decoding and planning, in memory", rows_memory.decode),
    ("redis", "Redis, events in memory", rows_memory.redis),
    ("coalesce", "Coalescing, events in memory", rows_memory.coalesce),
    ("guard", "What a guard costs Redis", rows_memory.guard),
    ("kafka", "Kafka to Redis, 8 partitions, 350 bytes", rows_kafka.main),
    ("shapes", "Kafka to Redis, other shapes", rows_kafka.shapes),
    ("race", "Beside what people write by hand", rows_race.race),
    ("latency", "Latency", rows_latency.latency),
    ("memory", "Memory of the program", rows_race.memory),
    ("purge", "Purges", rows_purge.purge),
    ("emit", "Emitting", rows_emit.emit),
)


def parse():
    parser = argparse.ArgumentParser(description="Floors and pipeline in turn, as ratios.")
    parser.add_argument("--build", default="build", help="the folder of the built programs")
    parser.add_argument("--rows", default="", help="groups of rows: " +
                        ", ".join(name for name, _, _ in GROUPS))
    parser.add_argument("--quick", action="store_true", help="one round of few events")
    parser.add_argument("--markdown", help="the table goes there as well")
    parser.add_argument("--flames", help="a folder for flame graphs of the pipeline")
    parser.add_argument("--events", type=int, default=300000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keys", type=int, default=1000000, help="of the purges")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.events, arguments.rounds, arguments.keys = 50000, 1, 100000
    return arguments


def chosen(words):
    names = [name for name in words.replace(",", " ").split() if name]
    unknown = set(names) - {name for name, _, _ in GROUPS}
    if unknown:
        raise process.Failed("no rows are named %s" % ", ".join(sorted(unknown)))
    return [group for group in GROUPS if not names or group[0] in names]


def run(arguments, table):
    groups = chosen(arguments.rows)
    stack = Stack(arguments, table)
    stack.say("%d events, %d rounds; load %.1f" % (stack.events, stack.rounds,
                                                   os.getloadavg()[0]))
    for name, title, add_rows in groups:
        began = time.monotonic()
        table.section(title)
        add_rows(stack)
        stack.say("%s took %.0f s" % (name, time.monotonic() - began))
    if arguments.flames:
        profile_flow.flames(stack, arguments.flames)


def main():
    arguments = parse()
    os.chdir(process.ROOT)
    os.environ["UNSTALE_TEST_BUILD"] = arguments.build
    table = Table()
    run(arguments, table)
    text = table.markdown()
    print(text, end="")
    for name in table.missed:
        print("missed: " + name)
    if arguments.markdown:
        with open(arguments.markdown, "w", encoding="utf-8") as file:
            file.write(text)
    return 1 if table.missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except process.Failed as error:
        print("bench: %s" % error, file=sys.stderr)
        sys.exit(2)
