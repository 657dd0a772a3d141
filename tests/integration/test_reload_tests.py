"""The tests that stand in rule files: a red one lets nothing in, at a start or later."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import rules_file, unstale
from lib.suite import BusTest, main

TOKEN = "s3cret-token"


def rules(prefix, expected):
    """Rules that delete PREFIX:{pk}, and a test that wants EXPECTED:42 deleted."""
    return {
        "version": 1,
        "caches": {"default": {"keys": "raw"}},
        "rules": [{"name": "product", "when": {"model": "shop.Product"},
                   "do": {"delete": prefix + ":{pk}"}}],
        "tests": [{"name": "a product's key goes",
                   "given": {expected + ":42": "x", "other": "y"},
                   "event": {"event": "post_save", "model": "shop.Product", "pk": 42},
                   "expect": {"deleted": [expected + ":42"], "kept": ["other"]}}]}


class ReloadTestsTest(BusTest):
    def setUp(self):
        super().setUp()
        self.store = self.redis()
        self.events = self.topic()

    def start(self, wanted):
        return self.unstale(self.store, self.events, wanted, env={"UNSTALE_HTTP_TOKEN": TOKEN})

    def gone_after(self, pk):
        """Which of a:PK and b:PK an event deletes."""
        keys = ["a:%d" % pk, "b:%d" % pk]
        self.store.fill(keys)
        self.emit_products(self.events, [pk])
        self.wait_lag(self.events, self.name)
        return sorted(set(keys) - set(self.store.existing(keys)))

    def test_a_red_test_refuses_the_reload(self):
        bus = self.start(rules("a", "a"))
        self.assertEqual(self.gone_after(1), ["a:1"])
        rules_file(rules("b", "a"), bus.rules_path)
        answer = bus.http("/-/reload", "POST", token=TOKEN)
        self.assertNotEqual(answer.status, 200, answer.text)
        self.assertIn("E310", answer.text)
        self.assertIn("a product's key goes", answer.text)
        self.assertIn("a:42: expected to be deleted, still there", answer.text)
        bus.wait_metric(lambda value: value == 0, "unstale_rules_last_reload_successful")
        self.assertEqual(bus.http("/readyz").status, 200)
        self.assertEqual(self.gone_after(2), ["a:2"])
        rules_file(rules("b", "b"), bus.rules_path)
        self.assertEqual(bus.http("/-/reload", "POST", token=TOKEN).status, 200)
        self.assertEqual(self.gone_after(3), ["b:3"])

    def test_a_red_test_refuses_the_start(self):
        path = rules_file(json.dumps(rules("b", "a"), indent=1),
                          os.path.join(process.private_folder("rules"), "rules.json"))
        code, out, err = unstale("run", "--rules", path, timeout=20)
        self.assertEqual(code, 78, out + err)
        self.assertRegex(err, r"rules\.json:\d+:\d+: error\[E310\]: test \"a product's key goes\"")

    def test_a_file_of_tests_beside_the_rules_is_no_rule_file(self):
        bus = self.start(rules("a", "a"))
        rules_file('{"tests": []}', os.path.join(os.path.dirname(bus.rules_path), "x_test.json"))
        self.assertEqual(bus.http("/-/reload", "POST", token=TOKEN).status, 200)
        self.assertEqual(self.gone_after(1), ["a:1"])


if __name__ == "__main__":
    main()
