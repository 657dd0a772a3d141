"""The documents against the program: examples that work, tables that are complete, links that lead."""
import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import json_lines, unstale
from lib.suite import BusTest, main

JSON_BLOCK = re.compile(r"^```json\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
DOCS = os.path.join(process.ROOT, "docs")
SHIPPED = os.path.join(process.ROOT, "config", "rules")
# Kinds of sample that Prometheus' format adds to a histogram's name.
SUFFIX = re.compile(r"_(bucket|sum|count)$")
ALL = [{"name": "all", "when": {"model": "shop.Product"},
        "do": {"delete": "p:{pk}", "purge": "list:*"}},
       {"name": "shadow", "mode": "shadow", "when": {"model": "shop.Product"},
        "do": {"delete": "q:{pk}"}}]


def document(name):
    return process.read(os.path.join(DOCS, name))


class DocsTest(unittest.TestCase):
    def test_rules_in_the_documents_pass_check(self):
        blocks = JSON_BLOCK.findall(document("rules.md"))
        self.assertGreaterEqual(len(blocks), 3)
        for block in blocks:
            code, out, err = unstale("check", "--strict", "-", input=block)
            self.assertEqual(code, 0, block + out + err)

    def test_events_in_the_documents_are_events(self):
        blocks = JSON_BLOCK.findall(document("events.md"))
        self.assertGreaterEqual(len(blocks), 6)
        for block in blocks:
            line = json.dumps(json.loads(block)) + "\n"
            _, out, err = unstale("explain", "--rules", SHIPPED, "--format", "json", "-",
                                  input=line)
            told, = json_lines(out)
            self.assertIsNotNone(told["event"], block + out + err)

    def test_targets_in_the_document_are_settings(self):
        blocks = JSON_BLOCK.findall(document("redis.md"))
        self.assertGreaterEqual(len(blocks), 4)
        for block in blocks:
            path = os.path.join(process.private_folder("settings"), "unstale.json")
            with open(path, "w", encoding="utf-8") as file:
                file.write(block)
            code, out, err = unstale("settings", "--config", path)
            self.assertEqual(code, 0, block + out + err)

    def test_the_tests_in_the_document_say_what_is_printed_there(self):
        text = document("testing-rules.md")
        rules, tests = JSON_BLOCK.findall(text)[:2]
        printed = re.search(r"^```text\n\$ unstale test\n(.*?)^```$", text, re.M | re.S).group(1)
        folder = process.private_folder("tests")
        for name, block in (("rules.json", rules), ("rules_test.json", tests)):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(block)
        code, out, err = unstale("test", "rules.json", cwd=folder)
        self.assertEqual((code, out), (1, printed), err)

    def test_every_member_of_a_test_is_in_a_table(self):
        schema = json.loads(process.read(os.path.join(process.ROOT, "schemas",
                                                      "tests.v1.schema.json")))
        text = document("testing-rules.md")
        for kind in ("test", "test_expect"):
            for member in schema["$defs"][kind]["properties"]:
                self.assertIn("| `%s`" % member, text, kind)

    def test_every_code_is_in_the_table(self):
        code, out, err = unstale("list", "codes", "--format", "json")
        self.assertEqual(code, 0, err)
        codes = [(item["name"], item["description"])
                 for item in map(json.loads, out.splitlines())]
        self.assertGreater(len(codes), 30)
        table = re.findall(r"^\| ([EW]\d{3}) \| (.*) \|$", document("rules.md"), re.M)
        self.assertEqual(table, codes)

    def test_every_member_of_the_language_is_named(self):
        schema = json.loads(process.read(os.path.join(process.ROOT, "schemas",
                                                      "rules.v1.schema.json")))
        text = document("rules.md")
        for kind in ("rule", "cache", "delete", "purge", "bump", "refresh"):
            for member in schema["$defs"][kind]["properties"]:
                self.assertIn("| `%s`" % member, text, kind)
        for name in schema["$defs"]["operator"]["properties"]:
            self.assertIn('{"%s"' % name, text)

    def test_every_member_of_an_event_is_in_the_table(self):
        schema = json.loads(process.read(os.path.join(process.ROOT, "schemas",
                                                      "event.v1.schema.json")))
        table = document("events.md").split("## Members")[1].split("\n\n")[1]
        cells = [row.split(" | ")[0] for row in table.splitlines()[2:]]
        named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
        self.assertEqual(named, set(schema["properties"]))

    def test_links_lead_somewhere(self):
        pages = [os.path.join(process.ROOT, name)
                 for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
        pages += [os.path.join(DOCS, name) for name in os.listdir(DOCS)]
        for page in pages:
            for link in LINK.findall(process.read(page)):
                target = os.path.join(os.path.dirname(page), link)
                self.assertTrue(os.path.exists(target), "%s: %s" % (page, link))


class MetricsTest(BusTest):
    def test_the_table_of_metrics_is_complete(self):
        redis = self.redis()
        topic = self.topic()
        bus = self.unstale(redis, topic, ALL)
        self.emit_products(topic, [1])
        bus.wait_metric(lambda value: value == 1, "unstale_committed_offset")
        live = {}
        for name, samples in bus.metrics().items():
            live.setdefault(SUFFIX.sub("", name), set()).update(
                *[set(labels) - {"le"} for labels, _ in samples])
        typed = set(re.findall(r"^# TYPE (\S+)", bus.http("/metrics").text, re.M))
        table = re.findall(r"^\| `(unstale_\w+)(?:\{([\w,]+)\})?` \|", document("operating.md"),
                           re.M)
        self.assertEqual({name for name, _ in table}, typed)
        for name, labels in table:
            self.assertEqual(set(labels.split(",")) - {""}, live.get(name, set()), name)


if __name__ == "__main__":
    main()
