"""The rest of what was recorded of Django: tests/data/django-more-vectors.json.

Each vector is held against what a rule does, or stands in UNSAID with the reason why no rule says it.
"""
import base64
import fnmatch
import json
import os
import pickle
import re
import sys
import unittest
import zlib

import msgpack

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import json_lines, rules_file, unstale
from lib.suite import main

with open(os.path.join(process.ROOT, "tests", "data", "django-more-vectors.json"),
          encoding="utf-8") as vectors_file:
    VECTORS = {vector["id"]: vector for vector in json.load(vectors_file)["vectors"]}

READERS = {"pickle": pickle.loads, "json": json.loads, "msgpack": msgpack.unpackb}
DELETES = r"op\.(dr|bi)\.delete(_many)?$"
PATTERNS = r"op\.dr\.(delete_pattern(_itersize|_globprefix)?|keys_colonprefix)$"
VALUES = r"enc\.(dict\.(json|prod|builtin)|(true|none|float|str|digits_str|list|empty_dict)\..*)$"
BUMPS = r"behaviour\.version\.incr_after_set\..*$"
UNSAID = {
    r"op\.(dr|bi)\.(clear|get_many|get_or_set|incr.*|iter_keys|keys|set_many|touch|ttl.*|"
    r"expire_persist)$": "what the application does itself; no rule does it",
    r"op\.(dr\.delete_pattern_anyversion|bi\.delete_pattern)$":
        "deletes nothing in Django, so there is nothing to be equal to",
    r"behaviour\.version\.(raw_incr|resurrection)$":
        "what goes wrong with INCR alone; bump takes the clock and keeps no TTL (test_guard.py)",
    r"behaviour\.(json\.model_instance|passthrough.*)$":
        "pickled model instances, which only Python can make",
    r"enc\.(bytes\..*|json\..*)$": "objects of Python that no event holds",
    r"enc\.(threshold\..*|dict\.json_zstd)$|write\.(json_zlib_l1|pickle_zlib)\..*$":
        "compressed; values are written as they are, which every compressor's reader takes",
    r"write\.pickle_(date|datetime|decimal).*$": "needs a global in the pickle; none is ever written",
    r"write\.(json|pickle_p2_small|scalar_null|scalar_empty)\..*$":
        "the wrong serializer, which the cache's own setting rules out",
    r"write\.(scalar_(bom|int_.*|jsonstr_digits|float)|msgpack_int49)\..*$":
        "a form of a value that is never written (test_forms_that_are_never_written)",
    r"ring\..*$": "ShardClient's ring: name each server as a target of its own",
}


def chosen(pattern):
    found = [vector for name, vector in VECTORS.items() if re.match(pattern, name)]
    assert found, pattern
    return found


def operations(vector, do, meta=None):
    settings = vector.get("settings", {})
    cache = {"keys": "django", "prefix": settings.get("KEY_PREFIX", ""),
             "version": settings.get("VERSION", 1), "serializer": vector["serializer"],
             "allow_broad": True}
    path = rules_file({"version": 1, "caches": {"default": cache},
                       "rules": [{"name": "r", "when": {"model": "a.M", "op": "update"},
                                  "do": do}]}, os.path.join(process.scratch(), "more.json"))
    event = {"event": "post_save", "created": False, "model": "a.M", "pk": 1, "meta": meta or {}}
    code, out, err = unstale("explain", "--rules", path, "--format", "json", "-",
                             input=json.dumps(event))
    assert code == 0, (out, err)
    return json_lines(out)[0]["ops"]


def written(vector, value):
    do = {"refresh": {"key": "k", "value": "{meta.v}", "ttl": "1m", "guard": False}}
    found = operations(vector, do, {"v": value})[0]["value"]
    return base64.b64decode(found["base64"]) if isinstance(found, dict) else found.encode()


def recorded(vector):
    raw = bytes.fromhex(vector["value_hex"])
    return READERS[vector["serializer"]](zlib.decompress(raw) if raw[:1] == b"\x78" else raw)


class MoreTest(unittest.TestCase):
    def test_every_vector_is_tested_or_has_a_reason(self):
        patterns = [DELETES, PATTERNS, VALUES, BUMPS, *UNSAID]
        for name in VECTORS:
            with self.subTest(name):
                self.assertEqual(sum(bool(re.match(each, name)) for each in patterns), 1)

    def test_deletes(self):
        for vector in chosen(DELETES):
            with self.subTest(vector["id"]):
                names = re.findall(r"'([^']*)'", vector["call"])
                deleted = [key for command in vector["commands"] for key in command[1:]]
                found = operations(vector, {"delete": names})
                self.assertEqual([op["key"] for op in found], deleted)

    def test_patterns(self):
        for vector in chosen(PATTERNS):
            with self.subTest(vector["id"]):
                pattern, = re.findall(r"'([^']*\*)'", vector["call"])
                commands = vector["commands"]
                gone = [key for command in commands if command[0] == "DEL" for key in command[1:]]
                kept = vector["keys"]
                if commands[0][0] == "KEYS":
                    gone, kept = kept, []
                found, = operations(vector, {"purge": {"pattern": pattern, "allow": "broad"}})
                # Redis takes a backslash before a special character, fnmatch takes brackets.
                as_python = re.sub(r"\\(.)", r"[\1]", found["pattern"])
                self.assertTrue(all(fnmatch.fnmatchcase(key, as_python) for key in gone), found)
                self.assertFalse([key for key in kept if fnmatch.fnmatchcase(key, as_python)])

    def test_values_are_read_as_what_django_wrote(self):
        for vector in chosen(VALUES):
            with self.subTest(vector["id"]):
                value = recorded(vector)
                read = READERS[vector["serializer"]](written(vector, value))
                self.assertEqual((read, type(read)), (value, type(value)))

    def test_a_counter_is_the_key_that_was_set(self):
        for vector in chosen(BUMPS):
            with self.subTest(vector["id"]):
                found, = operations(vector, {"bump": "v"})
                self.assertEqual(["bump", vector["keys"]], [found["op"], [found["key"]]])

    def test_forms_that_are_never_written(self):
        """Readers take them for something, but no value of an event is written so."""
        for vector in chosen(r"write\.(scalar_(bom|int_.*)|msgpack_int49)\..*$"):
            odd = bytes.fromhex(vector["written_hex"])
            for value in ("+3", " 7 ", "1_000", 3, 7, 1000, 49, 1):
                with self.subTest(vector["id"], value=value):
                    mine = written(vector, value)
                    if mine == odd:
                        self.assertEqual(odd, str(value).encode())


if __name__ == "__main__":
    main()
