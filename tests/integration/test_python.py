"""What Python reads back and prints itself: pickles, msgpack, compact JSON, dates in keys."""
import base64
import datetime
import json
import os
import pickle
import random
import sys
import unittest

import msgpack

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import json_lines, rules_file, unstale
from lib.suite import main

ROUNDS = 300
MODEL = "a.M"
INTEGERS = [sign * (1 << bits) + near for bits in (7, 8, 15, 16, 31, 32, 53, 62)
            for sign in (1, -1) for near in (-1, 0, 1)]
INTEGERS += [0, -32, -33, 2 ** 63 - 1, 2 ** 63, 2 ** 64 - 1, -2 ** 63]
LONG_INTEGERS = [2 ** 64, -2 ** 63 - 1, -2 ** 64, 10 ** 100, -(1 << 2047), 1 << 2047]
FLOATS = [0.0, -0.0, 0.1, 1 / 3, 12.5, 1e16, 1e22, 1e308, 1.7976931348623157e308, 5e-324,
          2.2250738585072014e-308, -2.5e-8, 123456789.123456789]
TEXTS = ["", "\0", "\U0001f600", "\U0010ffff\uffff", "\u2028\x7f\x1f", "a" * 31, "a" * 32,
         "\u00e9" * 128, "a" * 255, "a" * 256, "a" * 65535, "a" * 65536]
CONTAINERS = [[], {}, [[]], [{}], {"": {"": []}}, list(range(15)), list(range(16)),
              {str(i): i for i in range(16)}, list(range(70000)), [[[[[[[[[[1]]]]]]]]]]]


def rules(serializer, do):
    return {"version": 1, "caches": {"default": {"keys": "raw", "serializer": serializer}},
            "rules": [{"name": "r", "when": {"model": MODEL}, "do": do}]}


def edges(longest):
    """Every kind at the lengths and values where the next form of writing it begins."""
    found = [None, True, False] + INTEGERS + FLOATS + TEXTS + CONTAINERS
    return found + (LONG_INTEGERS if longest > 64 else [])


def random_value(dice, longest, depth=0):
    kind = dice.randrange(9 if depth < 4 else 7)
    if kind == 0:
        return dice.choice([None, True, False])
    if kind in (1, 2):
        return dice.choice([1, -1]) * dice.getrandbits(
            min(longest, dice.choice([3, 8, 16, 31, 32, 63, 64, 200])))
    if kind == 3:
        return dice.choice([0.5, -0.0, 1e300, 12.5, dice.random(), dice.uniform(-1e9, 1e9)])
    if kind in (4, 5, 6):
        return "".join(dice.choice("ab\"\\\n\t\x00\x1f\x7f\u00e9\u20ac\U0001f600/") for _ in
                       range(dice.randrange(12)))
    items = [random_value(dice, longest, depth + 1) for _ in range(dice.randrange(5))]
    if kind == 7:
        return items
    return {"k%d\u00e9" % i: item for i, item in enumerate(items)}


def random_datetime(dice):
    zone = dice.choice([None, 0, 60, -570, 845])
    return datetime.datetime(dice.randrange(1000, 9999), dice.randrange(1, 13),
                             dice.randrange(1, 29), dice.randrange(24), dice.randrange(60),
                             dice.randrange(60),
                             dice.choice([0, 1, 100000, dice.randrange(1000000)]),
                             zone if zone is None else
                             datetime.timezone(datetime.timedelta(minutes=zone)))


def stored(value):
    """The bytes of a value as explain prints it."""
    if isinstance(value, dict):
        return base64.b64decode(value["base64"])
    return value.encode()


class PythonTest(unittest.TestCase):
    def explain(self, document, rows):
        path = rules_file(document, os.path.join(process.private_folder("python"), "rules.json"))
        events = "".join(json.dumps({"event": "post_save", "model": MODEL, "pk": i,
                                     "created": True, "after": row}) + "\n"
                         for i, row in enumerate(rows))
        code, out, err = unstale("explain", "--rules", path, "--format", "json", "-", input=events)
        self.assertEqual(code, 0, err)
        return [line["ops"] for line in json_lines(out)]

    def written(self, serializer, longest=200):
        """Bytes and what they are to say, of values whose integers have so many bits at most."""
        dice = random.Random(7)
        rows = [{"v": value} for value in edges(longest)]
        rows += [{"v": random_value(dice, longest)} for _ in range(ROUNDS)]
        do = {"refresh": {"key": "k:{pk}", "value": {"v": "{after.v}", "t": "{pk}!", "n": 1},
                          "ttl": "1h"}}
        for i, (ops, row) in enumerate(zip(self.explain(rules(serializer, do), rows), rows)):
            value, = [op["value"] for op in ops]
            yield stored(value), {"v": row["v"], "t": "%d!" % i, "n": 1}

    def test_pickles(self):
        for value, want in self.written("pickle"):
            self.assertEqual(repr(pickle.loads(value)), repr(want))

    def test_msgpack(self):
        for value, want in self.written("msgpack", longest=63):
            self.assertEqual(repr(msgpack.unpackb(value)), repr(want))

    def test_json(self):
        for value, want in self.written("json"):
            self.assertEqual(repr(json.loads(value)), repr(want))
            self.assertNotIn(b" ", value)

    def test_constants_of_a_rule(self):
        # What a rule file may hold: integers of 64 bits, no NUL, and not a megabyte.
        constants = [None, True, False] + FLOATS + TEXTS[2:] + CONTAINERS[:8]
        constants += [value for value in INTEGERS if value < 2 ** 63]
        do = {"refresh": {"key": "k", "value": constants, "ttl": "1h"}}
        for serializer, read in (("pickle", pickle.loads), ("msgpack", msgpack.unpackb),
                                 ("json", json.loads), ("raw", json.loads)):
            with self.subTest(serializer=serializer):
                ops, = self.explain(rules(serializer, do), [{}])
                self.assertEqual(repr(read(stored(ops[0]["value"]))), repr(constants))

    def test_an_integer_is_its_digits(self):
        do = {"refresh": {"key": "k:{pk}", "value": "{after.v}", "ttl": "1h"}}
        for serializer in ("pickle", "json"):
            ops, = self.explain(rules(serializer, do), [{"v": 2 ** 70}])
            self.assertEqual(ops[0]["value"], str(2 ** 70))

    def test_dates(self):
        dice = random.Random(11)
        moments = [random_datetime(dice) for _ in range(ROUNDS)]
        form = "%Y-%m-%d %H:%M:%S.%f %y %j %b %B %a %A %p %I %u %w %U %W %G-%V %z"
        do = {"delete": ["{after.at|str}", "{after.at|timestamp}", "{after.at|date:%s}" % form]}
        for ops, moment in zip(self.explain(rules("raw", do),
                                            [{"at": at.isoformat()} for at in moments]), moments):
            utc = moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
            self.assertEqual([op["key"] for op in ops],
                             [str(moment), repr(utc.timestamp()), moment.strftime(form)])


if __name__ == "__main__":
    main()
