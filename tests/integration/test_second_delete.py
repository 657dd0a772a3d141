"""again_after: what a slow reader stores between the two deletes does not stay."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.suite import BusTest, main, wait_until


def twice(after):
    return [{"name": "twice", "when": {"model": "shop.Product"},
             "do": {"delete": {"key": "p:{pk}", "again_after": after}}},
            {"name": "user", "when": {"model": "auth.User"}, "do": {"delete": "u:{pk}"}}]


class SecondDeleteTest(BusTest):
    def start(self, after, partitions=1):
        self.store = self.redis()
        self.events = self.topic(partitions=partitions)
        self.store.fill(["p:1"])
        return self.unstale(self.store, self.events, twice(after))

    def emit_users(self, pks, partition=None):
        event = {"event": "post_save", "model": "auth.User", "created": False}
        self.topics.produce(self.events, [{"value": dict(event, pk=pk)} for pk in pks],
                            partition=partition)

    def test_what_was_stored_in_between_goes_too(self):
        bus = self.start("3s")
        started = time.monotonic()
        self.emit_products(self.events, [1])
        self.wait_gone(self.store, ["p:1"])
        first = time.monotonic() - started
        self.store.fill(["p:1"])
        self.wait_gone(self.store, ["p:1"])
        took = time.monotonic() - started
        self.assertLess(first, 2.5, "the first delete is at once")
        self.assertTrue(2.9 <= took < 8, "the second came after %.1f s" % took)
        self.wait_lag(self.events, self.name)
        self.assertEqual(bus.metric("unstale_operations_total", rule="twice"), 1)
        self.assertEqual(bus.metric("unstale_keys_deleted_total"), 2)
        self.store.fill(["p:1"])
        bus.wait_metric(lambda value: value == 0, "unstale_records_held")
        self.assertEqual(self.store.existing(["p:1"]), ["p:1"], "there is no third delete")

    def test_its_offset_waits_and_the_records_behind_it_do_not(self):
        bus = self.start("6s")
        users = ["u:%d" % pk for pk in range(3000)]
        self.store.fill(users)
        self.emit_products(self.events, [1])
        self.emit_users(range(3000))
        self.wait_gone(self.store, users + ["p:1"])
        bus.wait_metric(lambda value: value == 1, "unstale_records_held")
        self.assertFalse(self.committed(self.events, self.name))
        self.store.fill(["p:1"])
        self.wait_gone(self.store, ["p:1"])
        self.wait_lag(self.events, self.name)
        self.assertEqual(bus.metric("unstale_records_total"), 3001)

    def test_a_kill_in_between_repeats_it(self):
        bus = self.start("5s")
        self.emit_products(self.events, [1])
        self.wait_gone(self.store, ["p:1"])
        bus.wait_metric(lambda value: value == 1, "unstale_records_held")
        bus.kill()
        self.store.fill(["p:1"])
        self.assertFalse(self.committed(self.events, self.name))
        bus.start().wait_ready()
        self.wait_gone(self.store, ["p:1"])
        self.store.fill(["p:1"])
        self.wait_gone(self.store, ["p:1"])
        self.wait_lag(self.events, self.name)

    def test_a_stop_does_not_wait_for_it(self):
        bus = self.start("60s")
        self.emit_products(self.events, [1])
        self.wait_gone(self.store, ["p:1"])
        bus.wait_metric(lambda value: value == 1, "unstale_records_held")
        started = time.monotonic()
        self.assertEqual(bus.stop(), 0, bus.tail())
        self.assertLess(time.monotonic() - started, 15)
        self.assertFalse(self.committed(self.events, self.name))

    def test_it_outlives_an_absence_of_redis(self):
        self.store = self.redis(appendonly="yes", appendfsync="always")
        self.events = self.topic()
        self.store.fill(["p:1"])
        bus = self.unstale(self.store, self.events, twice("3s"))
        self.emit_products(self.events, [1])
        self.wait_gone(self.store, ["p:1"])
        self.store.fill(["p:1"])
        self.store.kill()
        bus.wait_not_ready()
        self.store.start()
        bus.wait_ready()
        self.wait_gone(self.store, ["p:1"])
        self.wait_lag(self.events, self.name)

    def test_many_of_one_key_all_come_to_an_end(self):
        bus = self.start("1s")
        self.emit_products(self.events, [pk % 5 for pk in range(4000)])
        self.wait_lag(self.events, self.name)
        wait_until(lambda: bus.metric("unstale_records_held") == 0, 20, "nothing is held")
        self.assertEqual(bus.metric("unstale_records_total"), 4000)


if __name__ == "__main__":
    main()
