"""Rules, settings and events in an editor: what VS Code's language service offers, underlines.

In the documents `|` is where the cursor stands.
"""
import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import node, process
from lib.program import json_lines, unstale
from lib.suite import main

FOLDER = os.path.join(process.ROOT, "tests", "editor")
NAMES = ("rules", "settings", "event", "tests")

RULES = """{
  "version": 1,
  "caches": { "default": { "keys": "django", "prefix": "myapp", "serializer": "pickle" } },
  "rules": [
    {
      "name": "prices",
      "when": { "model": "shop.Product", "changed": ["price"] },
      "do": { "delete": { "key": "product:{pk}", "again_after": "2s" } }
    }
  ]
}
"""
SETTINGS = """{
  "kafka": { "brokers": "127.0.0.1:9092", "group": "unstale" },
  "redis": { "default": { "url": "redis://127.0.0.1:6379/1" } },
  "http": { "listen": "127.0.0.1:8089" },
  "drain_timeout": "20s"
}
"""
EVENT = """{
  "event": "post_save",
  "model": "shop.Product",
  "pk": 42,
  "created": false,
  "before": { "price": 9 },
  "after": { "price": 10 }
}
"""
# schema, document with the cursor in it, what completion must offer there
COMPLETIONS = [
    ("rules", RULES.replace('"do": { "delete"', '"do": { |"delete"'),
     {"bump", "refresh", "expire", "purge_tag", "purge"}),
    ("rules", RULES.replace('"again_after": "2s"', '|'), {"again_after", "unlock", "guard"}),
    ("rules", RULES.replace('"changed": ["price"]', '|'),
     {"op", "changed", "before", "after", "$or", "tenant", "m2m"}),
    ("rules", RULES.replace('["price"]', '{ | }'),
     {"prefix", "suffix", "equals-ignore-case", "wildcard", "anything-but"}),
    ("rules", RULES.replace('"keys": "django"', '"keys": |'), {'"raw"', '"django"'}),
    ("rules", RULES.replace('"name": "prices",', '"name": "prices", | '),
     {"unless", "mode", "cache", "ignore", "max_keys", "description"}),
    ("settings", SETTINGS.replace('"group": "unstale"', '|'),
     {"group", "topics", "dead_letter_topic", "options"}),
    ("settings", SETTINGS.replace('"drain_timeout"', '|\n "drain_timeout"'),
     {"rules", "workers", "on_gap", "log"}),
    ("settings", SETTINGS.replace('"drain_timeout"', '"on_gap": |, "drain_timeout"'),
     {'"stop"', '"continue"', '"purge"'}),
    ("event", EVENT.replace('"created": false,', '|'),
     {"changed", "created", "version", "tenant", "m2m", "meta", "id", "ts"}),
    ("event", EVENT.replace('"pk": 42,', '"pk": 42, "m2m": { "action": | },'),
     {'"add"', '"remove"', '"clear"'}),
]
# schema, document, a part of what is told of what the cursor is on
HOVERS = [
    ("rules", RULES.replace('"again_after"', '"again|_after"'), "Delete once more after this long"),
    ("rules", RULES.replace('"changed"', '"chan|ged"'), "Names of changed fields"),
    ("rules", RULES.replace('"do"', '"d|o"'), "Executed in the order"),
    ("rules", RULES.replace('"prefix"', '"pre|fix"'), "A template"),
    ("settings", SETTINGS.replace('"drain_timeout"', '"drain|_timeout"'), "longest wait for Redis"),
    ("settings", SETTINGS.replace('"brokers"', '"bro|kers"'), "bootstrap brokers"),
    ("settings", SETTINGS.replace('"url"', '"u|rl"'), "redis://"),
    ("event", EVENT.replace('"created"', '"cre|ated"'), "true is a create"),
    ("event", EVENT.replace('"before"', '"be|fore"'), "Columns before the change"),
]
# schema, a mistaken document, what is underlined
SQUIGGLES = [
    ("rules", RULES.replace('"again_after"', '"again_aftr"'), '"again_aftr"'),
    ("rules", RULES.replace('"delete"', '"delte"'), '"delte"'),
    ("rules", RULES.replace('"2s"', '"2 s"'), '"2 s"'),
    ("rules", RULES.replace('"django"', '"djnago"'), '"djnago"'),
    ("rules", RULES.replace('"changed"', '"chnaged"'), '"chnaged"'),
    ("settings", SETTINGS.replace('"drain_timeout"', '"drain_timout"'), '"drain_timout"'),
    ("settings", SETTINGS.replace('"redis://127', '"http://127'), '"http://127.0.0.1:6379/1"'),
    ("event", EVENT.replace('"created": false', '"created": "no"'), '"no"'),
    ("event", EVENT.replace('"pk": 42', '"pk": 4.5'), "4.5"),
]
# A snippet's placeholders, ${1:text} and ${1|one,other|}, and what a backslash stands before.
PLACEHOLDER = re.compile(r"\$\{\d+(?::((?:\\.|[^\\}])*)|\|([^,|]*)[^}]*)\}")
# schema, document, labels of snippets offered at the cursor
SNIPPETS = [
    ("rules", "|", ["rules"]),
    ("rules", RULES.replace('"rules": [\n', '"rules": [ |,\n'),
     ["delete", "changed", "purge", "bump", "refresh", "m2m"]),
    ("rules", RULES.replace('{ "key": "product:{pk}", "again_after": "2s" }', '|'),
     ["key", "key, again after a while", "fragment", "page", "session"]),
    ("rules", RULES.replace('"delete": { "key": "product:{pk}", "again_after": "2s" }',
                            '"purge": |'), ["pattern"]),
    ("rules", RULES.replace('"delete": { "key": "product:{pk}", "again_after": "2s" }',
                            '"expire": |'), ["key", "pattern"]),
    ("rules", RULES.replace('{ "keys": "django", "prefix": "myapp", "serializer": "pickle" }', '|'),
     ["django", "raw"]),
    ("settings", SETTINGS.replace('{ "url": "redis://127.0.0.1:6379/1" }', '|'),
     ["standalone", "tls"]),
    ("event", "|", ["save", "delete", "m2m", "bulk update"]),
]


def accepted(snippet):
    """What is left of a snippet whose every placeholder is left as it is."""
    return PLACEHOLDER.sub(lambda match: re.sub(r"\\(.)", r"\1", match.group(1))
                           if match.group(1) is not None else match.group(2), snippet)


class EditorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.modules = node.modules(FOLDER)
        cls.schemas = {"urn:" + name: json.loads(process.read(os.path.join(
            process.ROOT, "schemas", name + ".v1.schema.json"))) for name in NAMES}

    def ask(self, documents):
        """An answer for each (schema, document)."""
        asks = [{"schema": "urn:" + schema, "text": document.replace("|", "", 1),
                 "offset": max(0, document.find("|"))} for schema, document in documents]
        code, out, err = process.run(
            ["node", os.path.join(FOLDER, "ask.js")],
            input=json.dumps({"schemas": self.schemas, "asks": asks}),
            env=dict(os.environ, NODE_PATH=self.modules))
        self.assertEqual(code, 0, err)
        answers = json_lines(out)
        self.assertEqual(len(answers), len(asks))
        return answers

    def test_good_documents_have_no_squiggle(self):
        for answer in self.ask([("rules", RULES), ("settings", SETTINGS), ("event", EVENT)]):
            self.assertEqual(answer["problems"], [])

    def test_the_documents_are_good_to_the_program_too(self):
        code, out, err = unstale("check", "--strict", "-", input=RULES)
        self.assertEqual(code, 0, out + err)

    def test_completion(self):
        answers = self.ask([row[:2] for row in COMPLETIONS])
        for (schema, document, wanted), answer in zip(COMPLETIONS, answers):
            with self.subTest(document):
                self.assertLessEqual(wanted, set(answer["labels"]))

    def test_hover(self):
        answers = self.ask([row[:2] for row in HOVERS])
        for (schema, document, wanted), answer in zip(HOVERS, answers):
            with self.subTest(document):
                self.assertIn(wanted, answer["hover"] or "")

    def test_squiggles(self):
        answers = self.ask([row[:2] for row in SQUIGGLES])
        for (schema, document, wanted), answer in zip(SQUIGGLES, answers):
            with self.subTest(document):
                self.assertIn(wanted, [problem["text"] for problem in answer["problems"]])

    def test_snippets_make_good_documents(self):
        answers = self.ask([row[:2] for row in SNIPPETS])
        made = []
        for (schema, document, labels), answer in zip(SNIPPETS, answers):
            for label in labels:
                self.assertIn(label, answer["labels"], document)
                made.append((schema, document.replace("|", accepted(answer["inserts"][label]))))
        for (schema, document), answer in zip(made, self.ask(made)):
            with self.subTest(document):
                self.assertEqual(answer["problems"], [])
                json.loads(document)
                self._is_good_to_the_program(schema, document)

    def _is_good_to_the_program(self, schema, document):
        if schema == "rules":
            code, out, err = unstale("check", "-", input=document)
            self.assertEqual(code, 0, out + err)
        elif schema == "event":
            code, out, err = unstale("explain", "--rules", self.rules(), "--format", "json", "-",
                                     input=json.dumps(json.loads(document)))
            self.assertEqual(code, 0, out + err)

    @staticmethod
    def rules():
        path = os.path.join(process.private_folder("editor"), "rules.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(RULES)
        return path


if __name__ == "__main__":
    main()
