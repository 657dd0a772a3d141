"""What Django itself wrote and read, recorded, against what rules come to: tests/data/django-vectors.json.

Every vector is the call that was made and the keys or bytes that Redis then held. The call's
arguments go through an event, and a rule must name the same keys, or write bytes that Django read.
"""
import ast
import base64
import datetime
import decimal
import fnmatch
import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import json_lines, rules_file, unstale
from lib.suite import main

with open(os.path.join(process.ROOT, "tests", "data", "django-vectors.json"),
          encoding="utf-8") as vectors_file:
    VECTORS = json.load(vectors_file)["vectors"]

URL_HASH = re.compile(r"\.[0-9a-f]{32}")


def vectors(*starts):
    found = [vector for vector in VECTORS if vector["id"].startswith(starts)]
    assert found, starts
    return found


def cache_of(vector, **more):
    settings = vector.get("settings", {})
    cache = {"keys": "django", "prefix": settings.get("KEY_PREFIX", ""),
             "version": settings.get("VERSION", 1)}
    if "KEY_FUNCTION" in settings:
        assert settings["KEY_FUNCTION"] == "'%s|v%s|%s' % (prefix, version, key)"
        cache["key_function"] = "{prefix}|v{version}|{key}"
    cache.update(more)
    return cache


def ops(cache, do, meta=None):
    path = rules_file({"version": 1, "caches": {"default": cache},
                       "rules": [{"name": "r", "when": {"model": "a.M", "op": "update"},
                                  "do": do}]}, os.path.join(process.scratch(), "django.json"))
    event = {"event": "post_save", "created": False, "model": "a.M", "pk": 1, "meta": meta or {}}
    code, out, err = unstale("explain", "--rules", path, "--format", "json", "-",
                             input=json.dumps(event))
    assert code == 0, (out, err)
    return json_lines(out)[0]["ops"]


def keys(found):
    return [op["key"] for op in found if "key" in op]


def escape(text):
    return text.replace("{", "{{").replace("}", "}}")


def call_arguments(call):
    """The arguments of the call that a vector records, as Python values."""
    node = next(node for node in ast.walk(ast.parse(call)) if isinstance(node, ast.Call) and
                not isinstance(node.func, ast.Call))
    names = {"datetime": datetime, "Decimal": decimal.Decimal, "decimal": decimal}
    return [eval(compile(ast.Expression(argument), "call", "eval"), names)
            for argument in node.args]


def sent(value):
    """As an emitter sends it: dates in full ISO form, decimals as text."""
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    return str(value) if isinstance(value, decimal.Decimal) else value


class KeysTest(unittest.TestCase):
    def test_plain_keys(self):
        for vector in vectors("key.", "op.dr.add", "op.dr.lock", "enc."):
            if "keys" not in vector:
                continue
            key = escape(str(call_arguments(vector["call"])[0]))
            with self.subTest(vector["id"]):
                self.assertEqual(keys(ops(cache_of(vector), {"delete": key})), vector["keys"])

    def test_a_lock_goes_with_its_key(self):
        for vector in vectors("op.dr.add"):
            suffix = vector["keys"][0][len(":1:expensive_data"):]
            cache = cache_of(vector, lock_suffix=suffix)
            do = {"delete": {"key": "expensive_data", "unlock": True, "again_after": "1s"}}
            with self.subTest(vector["id"]):
                self.assertIn(vector["keys"][0], keys(ops(cache, do)))

    def test_fragments(self):
        for vector in vectors("fragment.key."):
            name, arguments = call_arguments(vector["call"])
            arguments = arguments or []
            meta = {"a%d" % i: sent(value) for i, value in enumerate(arguments)}
            vary = ["{meta.a%d|str}" % i for i in range(len(arguments))]
            with self.subTest(vector["call"]):
                self.assertIn(vector["keys"][0], keys(ops(
                    cache_of(vector), {"delete": {"fragment": name, "vary": vary}}, meta)))

    def test_fragments_of_the_tag(self):
        vary = {"user": ["{meta.id}"], "undefined": ["{meta.nope|default:}"], "literal": ["x", "3"]}
        for vector in vectors("fragment.tag."):
            do = {"fragment": "sidebar", "vary": vary.get(vector["id"].split(".")[2], [])}
            with self.subTest(vector["id"]):
                self.assertIn(vector["keys"][0],
                              keys(ops(cache_of(vector), {"delete": do}, {"id": 5})))

    def test_every_fragment_of_a_name(self):
        for vector in vectors("fragment.tag."):
            found = ops(cache_of(vector), {"delete": {"fragment": "sidebar", "vary": True}})
            self.assertTrue(fnmatch.fnmatchcase(vector["keys"][0], found[0]["pattern"]))

    def test_sessions(self):
        for vector in vectors("session."):
            found = ops(cache_of(vector), {"delete": {"session": "{meta.keys[]}"}},
                        {"keys": ["abcdefghijklmnopqrstuvwxyz012345"]})
            with self.subTest(vector["id"]):
                self.assertIn(vector["keys"][0], keys(found))


class PagesTest(unittest.TestCase):
    def suffix(self, vector):
        header = next(key for key in vector["keys"] if "cache_header" in key)
        return URL_HASH.split(header)[-1].lstrip(".")

    def test_exact_pages(self):
        for vector in vectors("page."):
            if "vary" in vector["id"] or "middleware" in vector["id"]:
                continue
            prefix = "dashboard" if "key_prefix" in vector["id"] else ""
            do = {"page": "{meta.url}", "page_prefix": prefix}
            found = keys(ops(cache_of(vector, i18n=[self.suffix(vector)]), {"delete": do},
                             {"url": vector["absolute_uri"]}))
            with self.subTest(vector["id"]):
                self.assertLessEqual(set(vector["keys"]), set(found))

    def test_pages_that_vary_and_those_of_unknown_languages(self):
        for vector in vectors("page."):
            if "middleware" in vector["id"]:
                continue
            prefix = "dashboard" if "key_prefix" in vector["id"] else ""
            do = {"page": vector["absolute_uri"], "page_prefix": prefix, "vary": True}
            found = ops(cache_of(vector, i18n=[self.suffix(vector)]), {"delete": do})
            patterns = [op["pattern"] for op in found if "pattern" in op]
            for key in vector["keys"]:
                with self.subTest(key):
                    self.assertTrue(key in keys(found) or any(
                        fnmatch.fnmatchcase(key, pattern) for pattern in patterns))
            self.assertFalse([key for key in keys(found) if "cache_page" in key])

    def test_the_middleware_has_a_prefix_of_its_own(self):
        for vector in vectors("page.middleware"):
            found = ops(cache_of(vector, i18n=[""]), {"delete": [
                {"page": "http://testserver/products/", "page_prefix": "site"},
                {"page": "http://testserver/other/"}]})
            self.assertLessEqual(set(vector["keys"]), set(keys(found)))


class ValuesTest(unittest.TestCase):
    def written(self, vector, value, serializer):
        do = {"refresh": {"key": "k", "value": "{meta.v}", "ttl": "1m", "guard": False}}
        found = ops(cache_of(vector, serializer=serializer), do, {"v": value})[0]["value"]
        return base64.b64decode(found["base64"]) if isinstance(found, dict) else found.encode()

    def test_bytes_that_django_reads(self):
        for vector in vectors("write."):
            serializer = vector.get("serializer", "pickle")
            with self.subTest(vector["id"]):
                self.assertEqual(
                    self.written(vector, ast.literal_eval(vector["result"]), serializer).hex(),
                    vector["written_hex"])

    def test_integers_are_digits_as_django_writes_them(self):
        for vector in vectors("enc."):
            serializer = vector.get("serializer", "pickle")
            with self.subTest(vector["id"]):
                self.assertEqual(self.written(vector, int(vector["result"]), serializer).hex(),
                                 vector["value_hex"])


class PatternsTest(unittest.TestCase):
    def test_values_in_patterns_are_escaped(self):
        vector = vectors("behaviour.pattern.injection")[0]
        found = ops(cache_of(vector), {"purge": "user:{meta.v}:*"}, {"v": "*"})
        self.assertEqual(found[0]["pattern"], ":1:user:\\*:*")

    def test_prefix_and_version_stand_before_patterns(self):
        vector = vectors("behaviour.pattern.recipe2")[0]
        found = ops(cache_of(vector), {"purge": "products:*"})
        self.assertTrue(fnmatch.fnmatchcase(vector["keys"][0], found[0]["pattern"]))

    def test_memo_keys(self):
        at = datetime.datetime(2025, 1, 2, 3, 4, 5, 123456, tzinfo=datetime.timezone.utc)
        meta = {"call": {"kwargs": {"carrier": "ups"}, "args": [2.5, "Lis\u00e9e"]},
                "at": at.isoformat(), "day": "2025-01-02"}
        found = keys(ops({"keys": "raw"}, {"delete": [
            "calculations:calculate_shipping:{meta.call|pyjson|md5}",
            "nav:html:5:{meta.at|timestamp}", "stats:daily:{meta.day|date:%Y-%m-%d}",
            "User:5:get_order_stats"]}, meta))
        recorded = " ".join(vector["result"] for vector in vectors("recipe2."))
        for key in found:
            with self.subTest(key):
                self.assertIn("'%s'" % key, recorded)


if __name__ == "__main__":
    main()
