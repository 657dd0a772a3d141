"""schemas/asyncapi.json: up to date, valid by AsyncAPI's own schema, and true of the examples."""
import copy
import glob
import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import jsonschema

from lib import node, process
from lib.suite import main

FOLDER = os.path.join(process.ROOT, "schemas")
DOCUMENT = os.path.join(FOLDER, "asyncapi.json")
SCHEMA = os.path.join("@asyncapi", "specs", "schemas", "3.0.0.json")
HEADER = re.compile(r'"((?:__connect\.errors|unstale)\.[\w.]+)"')


def load(path):
    return json.loads(process.read(path))


def refs(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for member in value.values():
            yield from refs(member)
    elif isinstance(value, list):
        for element in value:
            yield from refs(element)


def found(document, ref):
    for name in ref[2:].split("/"):
        document = document[name.replace("~1", "/").replace("~0", "~")]
    return document


def examples(kind):
    paths = sorted(glob.glob(os.path.join(FOLDER, "examples", "event", kind, "*.json")))
    return [(os.path.basename(path), load(path)) for path in paths]


class AsyncApiTest(unittest.TestCase):
    def setUp(self):
        self.document = load(DOCUMENT)

    def payload(self):
        """The payload's schema as a validator, with the document's components to refer to."""
        schema = {"$ref": "#/components/schemas/event", "components": self.document["components"]}
        return jsonschema.Draft202012Validator(schema)

    def test_it_is_up_to_date(self):
        tool = os.path.join(process.ROOT, "tests", "tools", "asyncapi.py")
        code, out, err = process.run([sys.executable, tool, "--check"])
        self.assertEqual(code, 0, out + err)

    def test_it_is_valid(self):
        schema = load(os.path.join(node.modules(os.path.join(process.ROOT, "tests", "editor")),
                                   SCHEMA))
        validator = jsonschema.Draft7Validator(schema)
        self.assertEqual(["%s: %s" % (list(error.path), error.message)
                          for error in validator.iter_errors(self.document)], [])
        broken = copy.deepcopy(self.document)
        broken["operations"]["readModelEvents"]["action"] = "read"
        self.assertFalse(validator.is_valid(broken))

    def test_what_it_refers_to_is_there(self):
        found_refs = list(refs(self.document))
        self.assertGreater(len(found_refs), 10)
        for ref in found_refs:
            self.assertIsInstance(found(self.document, ref), dict, ref)

    def test_its_payload_is_that_of_the_event_schema(self):
        validator = self.payload()
        for kind, is_valid in (("valid", True), ("invalid", False)):
            self.assertGreaterEqual(len(examples(kind)), 20)
            for name, event in examples(kind):
                with self.subTest(name):
                    self.assertEqual(validator.is_valid(event), is_valid)

    def test_its_headers_are_those_that_are_written(self):
        headers = self.document["components"]["messages"]["deadLetter"]["headers"]["properties"]
        text = process.read(os.path.join(process.ROOT, "consumers", "kafka", "dead_letter.c"))
        written = set(HEADER.findall(text))
        self.assertEqual(set(headers), written - {"unstale.replayed"})


if __name__ == "__main__":
    main()
