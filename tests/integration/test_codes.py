"""Codes of `check`: list, case folders and examples of `help` go together."""
import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import cases, process
from lib.program import json_lines, unstale
from lib.suite import main

EXAMPLES = re.compile(r"^wrong:\n\n((?:    .*\n)+)\nright:\n\n((?:    .*\n)+)", re.M)
# What these find is not in the rules alone: a sample of events that carry the right name.
SAMPLES = {"W410": {"event": "post_save", "model": "shop.Product", "pk": 42, "created": False,
                    "changed": ["price"]}}


def listed():
    code, out, err = unstale("list", "codes", "--format", "json")
    if code != 0:
        raise process.Failed("list codes ended with %d: %s" % (code, err))
    return [line["name"] for line in json_lines(out)]


def produced():
    """{code: the case folders that expect it}"""
    found = {}
    for name in cases.find():
        path = os.path.join(cases.FOLDER, name, "check.json")
        if os.path.exists(path):
            for diagnostic in json.loads(process.read(path)).get("diagnostics", []):
                found.setdefault(diagnostic.get("code"), []).append(name)
    return found


def checked(text, code):
    """The codes that `check` finds in an example."""
    folder = process.private_folder("codes")
    with open(os.path.join(folder, "rules.json"), "w", encoding="utf-8") as file:
        file.write(text)
    sample = []
    if code in SAMPLES:
        sample = ["--events", "events.jsonl"]
        with open(os.path.join(folder, "events.jsonl"), "w", encoding="utf-8") as file:
            file.write(json.dumps(SAMPLES[code]) + "\n")
    _, out, err = unstale("check", "--format", "json", *sample, "rules.json", cwd=folder)
    try:
        return {diagnostic["code"] for diagnostic in json.loads(out)["diagnostics"]}
    except ValueError:
        raise process.Failed("check of %s's example: %s%s" % (code, out, err)) from None


class CodesTest(unittest.TestCase):
    def test_every_code_is_produced_by_a_case_and_every_case_has_a_listed_code(self):
        names = listed()
        self.assertGreater(len(names), 40)
        self.assertEqual(set(names), set(produced()))

    def test_every_code_has_the_folder_of_its_name(self):
        found = produced()
        missing = [name for name in listed() if "codes/" + name not in found.get(name, [])]
        self.assertEqual(missing, [])

    def test_the_examples_of_help_are_true(self):
        for name in listed():
            with self.subTest(name):
                code, out, err = unstale("help", name)
                self.assertEqual(code, 0, err)
                wrong, right = EXAMPLES.search(out).groups()
                self.assertEqual(checked(wrong, name), {name})
                self.assertEqual(checked(right, name), set())


if __name__ == "__main__":
    main()
