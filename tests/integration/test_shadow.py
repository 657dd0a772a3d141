"""Rules that only look, rules that forgive, and rules that ask for too much."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.program import rules_file
from lib.suite import BusTest, main


def product(pk, **after):
    return {"event": "post_save", "model": "shop.Product", "pk": pk, "created": False,
            "before": {}, "after": after}


class ShadowTest(BusTest):
    RULES = [
        {"name": "live", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}},
        {"name": "shadow", "mode": "shadow", "when": {"model": "shop.Product"},
         "do": {"delete": ["s:{pk}", "sku:{sku}"], "bump": "ver", "purge": "list:*"}},
    ]

    def start(self, rules):
        self.store = self.redis()
        self.events = self.topic()
        return self.unstale(self.store, self.events, rules)

    def send(self, *events):
        self.topics.produce(self.events, [{"value": event} for event in events])
        self.wait_lag(self.events, self.name)

    def letters(self):
        return [dict(letter.headers) for letter in self.topics.consume(self.events + ".dlq")]

    def test_it_is_counted_and_has_no_effect(self):
        bus = self.start(self.RULES)
        kept = ["s:1", "s:2", "sku:a", "list:1"]
        self.store.fill(kept + ["p:1", "p:2"])
        self.send(product(1, sku="a"), product(2, name="no sku"))
        self.assertEqual(self.store.existing(kept + ["p:1", "p:2", "ver"]), kept)
        self.assertEqual(self.letters(), [])
        self.assertEqual(bus.metric("unstale_dead_letters_total"), 0)
        self.assertEqual(bus.metric("unstale_rule_matches_total", rule="shadow", mode="shadow"), 2)
        shadow = "unstale_shadow_operations_total"
        self.assertEqual(bus.metric(shadow, rule="shadow", verb="delete"), 3)
        self.assertEqual(bus.metric(shadow, rule="shadow", verb="bump"), 2)
        self.assertEqual(bus.metric(shadow, rule="shadow", verb="purge"), 2)
        self.assertEqual(bus.metric("unstale_operations_total", rule="shadow"), 0)
        self.assertEqual(bus.metric("unstale_operations_total"), 2)
        self.assertEqual(bus.metric("unstale_purge_seconds_count"), 0)

    def test_it_holds_no_offset(self):
        rules = [self.RULES[0], {"name": "shadow", "mode": "shadow",
                                 "when": {"model": "shop.Product"},
                                 "do": {"delete": {"key": "s:{pk}", "again_after": "60s"}}}]
        bus = self.start(rules)
        self.send(product(1))
        self.assertEqual(bus.metric("unstale_records_held"), 0)

    def test_a_reload_makes_it_live(self):
        bus = self.start(self.RULES)
        self.store.fill(["s:1", "s:2"])
        self.send(product(1, sku="a"))
        (labels, _), = bus.metrics()["unstale_rules_info"]
        rules_file([self.RULES[0], dict(self.RULES[1], mode="live")], bus.rules_path)
        bus.reload()
        bus.wait_metric(lambda value: value == 0, "unstale_rules_info", hash=labels["hash"])
        self.send(product(2, sku="a"))
        self.assertEqual(self.store.existing(["s:1", "s:2"]), ["s:1"])
        matches = "unstale_rule_matches_total"
        self.assertEqual(bus.metric(matches, rule="shadow", mode="shadow"), 1)
        self.assertEqual(bus.metric(matches, rule="shadow", mode="live"), 1)

    def test_on_missing_skip(self):
        rules = [{"name": "forgiving", "on_missing": "skip", "when": {"model": "shop.Product"},
                  "do": {"delete": ["sku:{sku}", "p:{pk}"]}}]
        bus = self.start(rules)
        self.store.fill(["p:1", "p:2", "sku:a", "sku:b"])
        self.send(product(1, name="no sku"), product(2, sku="a"))
        self.assertEqual(self.store.existing(["p:1", "p:2", "sku:a", "sku:b"]), ["sku:b"])
        self.assertEqual(self.letters(), [])
        self.assertEqual(bus.metric("unstale_dead_letters_total"), 0)

    def test_max_keys_executes_what_fits(self):
        rules = [{"name": "tags", "max_keys": 5, "when": {"model": "shop.Product"},
                  "do": {"delete": ["p:{pk}", "tag:{tag_ids[]}"]}},
                 {"name": "after", "when": {"model": "shop.Product"}, "do": {"delete": "a:{pk}"}}]
        bus = self.start(rules)
        tags = ["tag:%d" % i for i in range(10)]
        self.store.fill(tags + ["p:1", "a:1", "a:2"])
        self.send(product(1, tag_ids=list(range(10))), product(2, tag_ids=[0]))
        self.assertEqual(self.store.existing(tags + ["p:1", "a:1", "a:2"]), tags[4:])
        (letter,) = self.letters()
        self.assertEqual(letter["unstale.reason"], b"max_keys")
        self.assertEqual(letter["unstale.rule"], b"tags")
        self.assertEqual(letter["__connect.errors.offset"], b"0")
        self.assertEqual(bus.metric("unstale_dead_letters_total", reason="max_keys"), 1)


if __name__ == "__main__":
    main()
