"""The recipes: each file passes check alone, each rule is tested, the document names them all."""
import glob
import json
import os
import re
import sys
import unittest

try:
    import jsonschema
except ImportError:
    jsonschema = None

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import json_lines, unstale
from lib.suite import main

SHIPPED = os.path.join(process.ROOT, "config", "rules")
FOLDER = os.path.join(SHIPPED, "recipes")
DOCUMENT = os.path.join(process.ROOT, "docs", "recipes.md")
RULES = re.compile(
    r"^Rules?: \[`([\w-]+)\.json`\]\(\.\./config/rules/recipes/\1\.json\): (.*)$", re.M)
NAME = re.compile(r"`([a-z0-9._-]+)`")
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
# Keys that no recipe may take where it was not told to: a lock, a session, what others keep there.
STRANGERS = ("django.contrib.sessions.cache", ":lock", "other:1:", "_kombu")


def files():
    return sorted(path for path in glob.glob(os.path.join(FOLDER, "*.json"))
                  if not path.endswith("_test.json"))


def tests_of(path):
    return path[:-len(".json")] + "_test.json"


def load(path):
    return json.loads(process.read(path))


def names(path):
    return [rule["name"] for rule in load(path)["rules"]]


class RecipesTest(unittest.TestCase):
    def test_every_file_passes_check_alone(self):
        self.assertGreaterEqual(len(files()), 11)
        for path in files():
            code, out, err = unstale("check", "--strict", path)
            self.assertEqual(code, 0, out + err)

    @unittest.skipIf(jsonschema is None, "python3-jsonschema is not installed")
    def test_every_file_is_valid_by_its_schema(self):
        for path in glob.glob(os.path.join(FOLDER, "*.json")):
            body = load(path)
            schema = load(os.path.join(os.path.dirname(path), body["$schema"]))
            found = jsonschema.Draft202012Validator(schema).iter_errors(body)
            self.assertEqual([error.message for error in found], [], path)

    def test_every_file_is_laid_out(self):
        code, out, err = unstale("fmt", "--check", *glob.glob(os.path.join(FOLDER, "*.json")))
        self.assertEqual(code, 0, out + err)

    def test_every_rule_is_tested(self):
        for path in files():
            code, out, err = unstale("test", "--coverage", "--threshold", "100", tests_of(path))
            self.assertEqual(code, 0, out + err)

    def test_no_rule_can_be_taken_out_unseen(self):
        for path in files():
            for name in names(path):
                rules = load(path)
                rules["rules"] = [rule for rule in rules["rules"] if rule["name"] != name]
                self.red(path, rules, name)

    def test_no_key_can_be_widened_unseen(self):
        seen = 0
        for path in files():
            for at, verb, place, wide in widened(load(path)["rules"]):
                rules = load(path)
                what = rules["rules"][at]["do"]
                what[verb] = listed(what[verb])
                del what[verb][place]
                what["purge"] = listed(what.get("purge", [])) + [wide]
                if not what[verb]:
                    del what[verb]
                self.red(path, rules, "%s: %s" % (rules["rules"][at]["name"], wide))
                seen += 1
        self.assertGreater(seen, 20)

    def red(self, path, rules, what):
        """The tests of a recipe fail on these rules instead; one that does not load is no red."""
        folder = process.scratch()
        tests = os.path.join(folder, os.path.basename(tests_of(path)))
        write(tests, load(tests_of(path)))
        write(os.path.join(folder, os.path.basename(path)), rules)
        code, out, err = unstale("test", tests)
        self.assertEqual(code, 1, what + out + err)
        self.assertIn("FAIL", out, what + err)

    def test_every_test_keeps_what_is_not_the_rules_business(self):
        for path in files():
            for test in load(tests_of(path))["tests"]:
                for stranger in STRANGERS:
                    self.assertTrue(any(stranger in key for key in test["expect"]["kept"]),
                                    "%s: %s" % (test["name"], stranger))

    def test_every_rule_says_what_the_application_does(self):
        for path in files():
            for rule in load(path)["rules"]:
                self.assertGreater(len(rule["description"]), 25, rule["name"])

    def test_names_are_unique_over_all_files(self):
        every = [name for path in files() for name in names(path)]
        self.assertEqual(len(every), len(set(every)))

    def test_recipes_are_no_part_of_the_shipped_set(self):
        code, out, err = unstale("list", "rules", "--rules", SHIPPED, "--format", "json")
        self.assertEqual(code, 0, err)
        listed = {rule["name"] for rule in json_lines(out)}
        self.assertEqual(listed, load_names(SHIPPED))

    def test_the_document_names_every_rule_and_no_other(self):
        told = {}
        for name, rules in RULES.findall(process.read(DOCUMENT)):
            told.setdefault(name, []).extend(NAME.findall(rules))
        there = {os.path.basename(path)[:-len(".json")]: sorted(names(path)) for path in files()}
        self.assertEqual({name: sorted(rules) for name, rules in told.items()}, there)

    def test_the_python_of_the_document_is_python(self):
        blocks = PYTHON.findall(process.read(DOCUMENT))
        self.assertGreater(len(blocks), 15)
        for block in blocks:
            compile(block, DOCUMENT, "exec")


def listed(items):
    return list(items) if isinstance(items, list) else [items]


def widened(rules):
    """(rule, verb, place, pattern): each key or pattern with a field, cut off before the field."""
    for at, rule in enumerate(rules):
        for verb in ("delete", "purge"):
            for place, item in enumerate(listed(rule["do"].get(verb, []))):
                text = item if isinstance(item, str) else item.get("key", item.get("pattern", ""))
                if "{" in text:
                    yield at, verb, place, text[:text.index("{")] + "*"


def load_names(folder):
    paths = [path for path in glob.glob(os.path.join(folder, "*.json"))
             if not path.endswith("_test.json")]
    return {name for path in paths for name in names(path)}


def write(path, body):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(body, file)


if __name__ == "__main__":
    main()
