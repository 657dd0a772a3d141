"""The schemas of schemas/ against their examples; the decoder reads the same ones in its unit tests."""
import glob
import json
import os
import unittest

from lib import process

try:
    import jsonschema
except ImportError:
    jsonschema = None

FOLDER = os.path.join(process.ROOT, "schemas")


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def examples(name, kind):
    """(file name, document) of every example of a schema; kind is valid or invalid."""
    paths = sorted(glob.glob(os.path.join(FOLDER, "examples", name, kind, "*.json")))
    return [(os.path.basename(path), load(path)) for path in paths]


def shipped(is_tests):
    """Rule files of config/, or their files of tests."""
    paths = sorted(glob.glob(os.path.join(process.ROOT, "config", "rules", "*.json")))
    found = [path for path in paths if path.endswith("_test.json") == is_tests]
    assert found
    return found


@unittest.skipIf(jsonschema is None, "python3-jsonschema is not installed")
class EventSchemaTest(unittest.TestCase):
    def setUp(self):
        schema = load(os.path.join(FOLDER, "event.v1.schema.json"))
        jsonschema.Draft202012Validator.check_schema(schema)
        self.validator = jsonschema.Draft202012Validator(schema)

    def test_valid_examples_are_valid(self):
        found = examples("event", "valid")
        self.assertGreaterEqual(len(found), 20)
        for name, document in found:
            with self.subTest(name):
                self.assertEqual([error.message for error in self.validator.iter_errors(document)],
                                 [])

    def test_invalid_examples_are_invalid(self):
        found = examples("event", "invalid")
        self.assertGreaterEqual(len(found), 50)
        for name, document in found:
            with self.subTest(name):
                self.assertFalse(self.validator.is_valid(document))

    def test_every_member_is_described(self):
        for name, member in self.validator.schema["properties"].items():
            described = self.validator.schema["$defs"]["pk"] if name == "pk" else member
            with self.subTest(name):
                self.assertIn("description", described)


@unittest.skipIf(jsonschema is None, "python3-jsonschema is not installed")
class RulesSchemaTest(unittest.TestCase):
    def setUp(self):
        schema = load(os.path.join(FOLDER, "rules.v1.schema.json"))
        jsonschema.Draft202012Validator.check_schema(schema)
        self.validator = jsonschema.Draft202012Validator(schema)

    def test_valid_examples_are_valid(self):
        found = examples("rules", "valid")
        self.assertGreaterEqual(len(found), 20)
        for name, document in found:
            with self.subTest(name):
                self.assertEqual([error.message for error in self.validator.iter_errors(document)],
                                 [])

    def test_invalid_examples_are_invalid(self):
        found = examples("rules", "invalid")
        self.assertGreaterEqual(len(found), 100)
        for name, document in found:
            with self.subTest(name):
                self.assertFalse(self.validator.is_valid(document))

    def test_the_rules_that_are_shipped_are_valid(self):
        for path in shipped(is_tests=False):
            with self.subTest(path):
                self.assertEqual([error.message for error in self.validator.iter_errors(load(path))],
                                 [])

    def test_tests_are_the_same_in_both_schemas(self):
        other = load(os.path.join(FOLDER, "tests.v1.schema.json"))["$defs"]
        self.assertEqual(other, {name: self.validator.schema["$defs"].get(name) for name in other})


@unittest.skipIf(jsonschema is None, "python3-jsonschema is not installed")
class TestsSchemaTest(unittest.TestCase):
    def setUp(self):
        schema = load(os.path.join(FOLDER, "tests.v1.schema.json"))
        jsonschema.Draft202012Validator.check_schema(schema)
        self.validator = jsonschema.Draft202012Validator(schema)

    def test_valid_examples_are_valid(self):
        found = examples("tests", "valid")
        self.assertGreaterEqual(len(found), 12)
        for name, document in found:
            with self.subTest(name):
                self.assertEqual([error.message for error in self.validator.iter_errors(document)],
                                 [])

    def test_invalid_examples_are_invalid(self):
        found = examples("tests", "invalid")
        self.assertGreaterEqual(len(found), 40)
        for name, document in found:
            with self.subTest(name):
                self.assertFalse(self.validator.is_valid(document))

    def test_the_tests_that_are_shipped_are_valid(self):
        for path in shipped(is_tests=True):
            with self.subTest(path):
                self.assertEqual([error.message for error in self.validator.iter_errors(load(path))],
                                 [])


@unittest.skipIf(jsonschema is None, "python3-jsonschema is not installed")
class SettingsSchemaTest(unittest.TestCase):
    def setUp(self):
        schema = load(os.path.join(FOLDER, "settings.v1.schema.json"))
        jsonschema.Draft202012Validator.check_schema(schema)
        self.validator = jsonschema.Draft202012Validator(schema)

    def test_valid_examples_are_valid(self):
        found = examples("settings", "valid")
        self.assertGreaterEqual(len(found), 10)
        for name, document in found:
            with self.subTest(name):
                self.assertEqual([error.message for error in self.validator.iter_errors(document)],
                                 [])

    def test_invalid_examples_are_invalid(self):
        found = examples("settings", "invalid")
        self.assertGreaterEqual(len(found), 30)
        for name, document in found:
            with self.subTest(name):
                self.assertFalse(self.validator.is_valid(document))

    def test_the_file_that_is_shipped_is_valid(self):
        document = load(os.path.join(process.ROOT, "config", "unstale.json"))
        self.assertEqual([error.message for error in self.validator.iter_errors(document)], [])


if __name__ == "__main__":
    unittest.main()
