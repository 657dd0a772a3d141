"""Several pipelines in one process share the partitions and the numbers add up."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.program import rules_file
from lib.suite import BusTest, main, wait_until

ONE = [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}}]
EVENT = '{"event":"post_save","model":"shop.Product","pk":{i},"created":false}'
WORKERS = 3
PARTITIONS = 6
COUNT = 30000


class WorkersTest(BusTest):
    def start(self, rules, **options):
        self.store = self.redis()
        self.events = self.topic(partitions=PARTITIONS)
        return self.unstale(self.store, self.events, rules,
                            env={"UNSTALE_WORKERS": str(WORKERS)}, **options)

    def generate(self, first_key):
        self.keys = ["%s:%d" % (first_key, i) for i in range(COUNT)]
        self.store.fill(self.keys)
        self.assertEqual(self.topics.generate(self.events, COUNT, EVENT, key="shop.Product:{i}"),
                         COUNT)

    def applied_once(self, bus):
        self.wait_gone(self.store, self.keys, timeout=60)
        self.wait_lag(self.events, self.name)
        rows = self.topics.offsets(self.events, self.name)
        self.assertTrue(all(row.high > 0 for row in rows), rows)
        self.assertEqual([row.committed for row in rows], [row.high for row in rows])
        for name in ("unstale_records_total", "unstale_keys_deleted_total",
                     "unstale_staleness_seconds_count"):
            self.assertEqual(bus.metric(name), COUNT, name)
        self.assertEqual(bus.metric("unstale_rule_matches_total", rule="one"), COUNT)
        self.assertEqual(bus.metric("unstale_events_total", model="shop.Product"), COUNT)
        self.assertEqual(bus.metric("unstale_dead_letters_total"), 0)

    def test_all_is_applied_and_the_numbers_add_up(self):
        bus = self.start(ONE)
        bus.wait_metric(lambda value: value == WORKERS, "unstale_group_members")
        self.generate("p")
        self.applied_once(bus)
        lags = bus.metrics()["unstale_consumer_lag"]
        self.assertEqual(sorted(int(labels["partition"]) for labels, _ in lags),
                         list(range(PARTITIONS)))
        self.assertEqual(bus.stop(), 0, bus.tail())

    def test_a_stop_under_load_commits_what_was_done(self):
        bus = self.start(ONE)
        self.generate("p")
        bus.wait_metric(lambda value: value > 0, "unstale_records_total")
        self.assertEqual(bus.stop(), 0, bus.tail())
        done = sum(row.committed or 0 for row in self.topics.offsets(self.events, self.name))
        self.assertEqual(COUNT - len(self.store.existing(self.keys)), done)
        bus.start().wait_ready()
        self.wait_gone(self.store, self.keys, timeout=60)
        self.wait_lag(self.events, self.name)

    def test_reload_under_load(self):
        bus = self.start(ONE)
        hashes = {self.hash(bus)}
        self.generate("p")
        for turn in range(8):
            rules = [dict(ONE[0], do={"delete": ["p:{pk}", "extra%d:{pk}" % turn]})]
            rules_file(rules, bus.rules_path)
            bus.reload()
            wait_until(lambda: self.hash(bus) not in hashes, 15,
                       lambda: "reload %d\n%s" % (turn, bus.tail()))
            hashes.add(self.hash(bus))
        self.applied_once(bus)
        self.assertEqual(bus.stop(), 0, bus.tail())

    def test_a_purge_of_one_pipeline_holds_no_other(self):
        rules = ONE + [{"name": "lists", "when": {"model": "shop.Category"},
                        "do": {"purge": {"pattern": "list:*", "rate": 2000}}}]
        bus = self.start(rules)
        lists = ["list:%d" % i for i in range(20000)]
        self.store.fill(lists)
        event = {"event": "post_save", "model": "shop.Category", "pk": 1, "created": False}
        self.topics.produce(self.events, [{"value": event}], partition=0)
        bus.wait_metric(lambda value: value == 1, "unstale_records_held")
        self.generate("p")
        self.wait_gone(self.store, self.keys, timeout=60)
        self.wait_gone(self.store, lists, timeout=60)
        self.wait_lag(self.events, self.name)

    def hash(self, bus):
        (labels, value), = bus.metrics()["unstale_rules_info"]
        self.assertEqual(value, 1)
        return labels["hash"]


if __name__ == "__main__":
    main()
