"""demo_keys - the keys of the demo: filled as django-redis would, looked at, and judged.

Values are written as django-redis does with its JSONSerializer: integers as digits, everything else
as JSON. A look takes every key of the database with its value and its remaining life.
"""
import collections
import json

FILL_SECONDS = 3600
# Far above any counter that was ever incremented one by one: milliseconds since 1970 in 2020.
TIME_FLOOR = 1577836800000

Seen = collections.namedtuple("Seen", "text ttl_ms")
Verdict = collections.namedtuple("Verdict", "became problem")


def encode(value):
    return str(value) if isinstance(value, int) else json.dumps(value)


class Keys:
    """`contents` is {key: value} of all that the application ever puts there."""

    def __init__(self, redis, contents):
        self._redis = redis
        self._contents = contents

    def fill(self, names):
        """What the application does when it reads and misses."""
        self._redis.pipeline([("SET", name, encode(self._contents[name]), "EX", FILL_SECONDS)
                              for name in names])

    def look(self):
        names = self._redis.cmd("KEYS", "*")
        texts = self._redis.pipeline([("GET", name) for name in names])
        lives = self._redis.pipeline([("PTTL", name) for name in names])
        return {name: Seen(text, ttl_ms) for name, text, ttl_ms in zip(names, texts, lives)}


def became(before, after):
    """In one word, what happened to a key."""
    if after is None:
        return "absent" if before is None else "deleted"
    if before is not None and before.text == after.text:
        # A value that is written again starts its life anew.
        return "kept" if after.ttl_ms <= before.ttl_ms else "written"
    is_counter = after.text.isdigit() and int(after.text) >= TIME_FLOOR
    return "bumped" if is_counter else "written"


def judge(before, after, expected):
    """What happened, and what is wrong with it (None: nothing)."""
    word = became(before, after)
    if expected == "companion":
        fine = after is not None and after.ttl_ms > 0
        return Verdict("remembered" if fine else word, None if fine else "a version beside the key")
    if isinstance(expected, dict):
        return Verdict(word, _written_problem(word, after, expected))
    if expected == "kept" and word == "absent":
        return Verdict(word, None)
    if expected == "bumped" and word == "bumped":
        return Verdict(word, _bump_problem(before, after))
    return Verdict(word, None if word == expected else "to be %s" % expected)


def _written_problem(word, after, expected):
    wanted = "to hold %s" % json.dumps(expected["value"])
    if word not in ("written", "bumped"):
        return wanted
    try:
        if json.loads(after.text) != expected["value"]:
            return wanted
    except ValueError:
        return wanted
    if not 0 < after.ttl_ms <= expected["ttl_s"] * 1000:
        return "to live at most %d s" % expected["ttl_s"]
    return None


def _bump_problem(before, after):
    """A counter with a life would start again at a value that was used before."""
    if after.ttl_ms != -1:
        return "to live for ever"
    if before is not None and int(after.text) <= int(before.text):
        return "to grow"
    return None
