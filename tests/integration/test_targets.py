"""Two Redis targets: each cache has its own, and a record is done when all of them answered."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import Unstale, rules_file, unstale
from lib.suite import BusTest, main

RULES = {
    "version": 1,
    "caches": {"default": {"keys": "raw"}, "side": {"keys": "raw", "redis": "other"}},
    "rules": [{"name": "here", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}},
              {"name": "there", "cache": "side", "when": {"model": "shop.Product"},
               "do": {"delete": "q:{pk}"}},
              {"name": "lists", "cache": "side", "when": {"model": "shop.Category"},
               "do": {"purge": "list:*"}}],
}
COUNT = 2000


class TargetsTest(BusTest):
    def start(self):
        self.here = self.redis(appendonly="yes", appendfsync="always")
        self.there = self.redis(appendonly="yes", appendfsync="always")
        self.events = self.topic(partitions=2)
        path = os.path.join(process.private_folder("settings"), "unstale.json")
        rules_file(json.dumps({"redis": {"default": {"url": self.here.url},
                                         "other": {"url": self.there.url}}}), path)
        bus = Unstale(self.broker.brokers, self.here.url, topic=self.events, group=self.name,
                      rules=RULES, arguments=["--config", path], start=False)
        # The environment would stand above the file.
        del bus.env["UNSTALE_REDIS_URL"]
        self.watch("unstale", bus.log)
        self.addCleanup(self._end, bus)
        return bus.start()

    def fill(self, first, last):
        self.mine = ["p:%d" % pk for pk in range(first, last)]
        self.theirs = ["q:%d" % pk for pk in range(first, last)]
        self.here.fill(self.mine)
        self.there.fill(self.theirs)

    def applied(self):
        self.wait_gone(self.here, self.mine)
        self.wait_gone(self.there, self.theirs)
        self.wait_lag(self.events, self.name)

    def test_each_cache_has_its_own(self):
        bus = self.start().wait_ready()
        self.fill(0, COUNT)
        self.here.fill(["q:1", "list:1"])
        self.there.fill(["p:1", "list:1", "list:2"])
        self.emit_products(self.events, range(COUNT))
        event = {"event": "post_save", "model": "shop.Category", "pk": 1, "created": False}
        self.topics.produce(self.events, [{"value": event}])
        self.applied()
        self.wait_gone(self.there, ["list:1", "list:2"])
        self.assertEqual(self.here.existing(["q:1", "list:1"]), ["q:1", "list:1"])
        self.assertEqual(self.there.existing(["p:1"]), ["p:1"])
        self.assertEqual(bus.metric("unstale_redis_up"), 1)
        self.assertEqual(bus.metric("unstale_keys_deleted_total"), 2 * COUNT)

    def test_one_away_holds_both_and_loses_nothing(self):
        bus = self.start().wait_ready()
        self.fill(0, COUNT)
        self.there.kill()
        bus.wait_not_ready()
        bus.wait_log("Redis is away")
        self.emit_products(self.events, range(COUNT))
        self.assertEqual(self.topics.lag(self.events, self.name), COUNT)
        self.assertEqual(bus.metric("unstale_redis_up"), 0)
        self.assertEqual(self.here.existing(self.mine), self.mine)
        self.there.start()
        bus.wait_ready()
        self.applied()
        self.assertEqual(bus.metric("unstale_dead_letters_total"), 0)

    def test_one_killed_under_load_and_back(self):
        bus = self.start().wait_ready()
        self.fill(0, 20000)
        self.topics.generate(self.events, 20000, '{"event":"post_save","model":"shop.Product",'
                             '"pk":{i},"created":false}', key="shop.Product:{i}")
        bus.wait_metric(lambda value: value > 0, "unstale_records_total")
        self.there.kill()
        bus.wait_not_ready()
        self.there.start()
        bus.wait_ready()
        self.applied()
        self.assertEqual(bus.metric("unstale_dead_letters_total"), 0)

    def test_one_away_at_the_start(self):
        bus = self.start().wait_ready()
        self.assertEqual(bus.stop(), 0, bus.tail())
        self.fill(0, 100)
        self.emit_products(self.events, range(100))
        self.there.stop()
        bus.start().wait_listening()
        bus.wait_log("Redis cannot be used yet")
        self.assertEqual(bus.http("/readyz").status, 503)
        self.assertEqual(self.here.existing(self.mine), self.mine)
        self.there.start()
        bus.wait_ready()
        self.applied()

    def test_a_target_that_nobody_named(self):
        folder = process.private_folder("typo")
        settings = rules_file(json.dumps({"redis": {
            "default": {"url": "redis://127.0.0.1:1"}, "other": {"url": "redis://127.0.0.1:1"}}}),
            os.path.join(folder, "unstale.json"))
        rules = dict(RULES, caches={"default": {"keys": "raw"},
                                    "side": {"keys": "raw", "redis": "othre"}})
        path = rules_file(rules, os.path.join(folder, "rules.json"))
        code, out, err = unstale("run", "--config", settings, "--rules", path, timeout=20)
        self.assertEqual(code, 78, out + err)
        self.assertIn('"othre"', err)
        self.assertRegex(err, r'did you mean "?other"?')
        self.assertIn("rules.json:", err)


if __name__ == "__main__":
    main()
