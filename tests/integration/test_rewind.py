"""Redis comes back with less than it had confirmed: what was deleted since is deleted again."""
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.suite import BusTest, main, wait_until

RULES = [
    {"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}},
    {"name": "lists", "when": {"model": "shop.List"}, "do": {"purge": "list:*"}},
    {"name": "store", "when": {"model": "shop.Item"},
     "do": {"refresh": {"key": "i:{pk}", "value": "{after.name}", "ttl": "1h", "guard": False}}},
]
RULES = {"version": 1, "caches": {"default": {"keys": "raw", "serializer": "raw"}}, "rules": RULES}


class RewindTest(BusTest):
    def snapshot(self, redis):
        redis.cmd("SAVE")
        path = os.path.join(redis.folder, "dump.rdb")
        shutil.copy(path, path + ".old")

    def restart_from_snapshot(self, redis):
        path = os.path.join(redis.folder, "dump.rdb")
        redis.kill()
        shutil.copy(path + ".old", path)
        redis.start()

    def product(self, pks):
        event = {"event": "post_save", "model": "shop.Product", "created": False}
        self.topics.produce(self.events, [{"key": "shop.Product:%d" % pk,
                                           "value": dict(event, pk=pk)} for pk in pks])

    def send(self, model, pk, **members):
        event = dict({"event": "post_save", "model": model, "pk": pk, "created": False}, **members)
        self.topics.produce(self.events, [{"key": "%s:%s" % (model, pk), "value": event}])

    def start(self, rewind="60s", **options):
        self.store = self.redis()
        self.events = self.topic(partitions=2)
        return self.unstale_by_file({"url": self.store.url, "rewind": rewind}, self.events, RULES,
                                    **options)

    def test_a_restart_from_an_old_snapshot(self):
        bus = self.start()
        keys = ["p:%d" % pk for pk in range(1000)] + ["list:1", "list:2"]
        self.store.fill(keys)
        self.snapshot(self.store)
        self.product(range(1000))
        self.send("shop.List", 1)
        self.wait_gone(self.store, keys)
        self.wait_lag(self.events, self.name)
        self.restart_from_snapshot(self.store)
        self.assertEqual(len(self.store.existing(keys)), len(keys))
        self.wait_gone(self.store, keys)
        self.wait_lag(self.events, self.name)
        bus.wait_ready()
        bus.wait_metric(lambda value: value >= 1, "unstale_rewinds_total")
        self.assertRegex(bus.log_text(), r"going back")

    def test_the_lower_offset_is_committed(self):
        """Before going on: who takes over in the middle begins there, too."""
        bus = self.start(env={"UNSTALE_KAFKA_OPTIONS": "auto.commit.interval.ms=4000"})
        self.store.fill(["p:1"])
        self.snapshot(self.store)
        self.product([1])
        self.wait_gone(self.store, ["p:1"])
        self.wait_lag(self.events, self.name)
        total = sum(row.high for row in self.topics.offsets(self.events, self.name))
        self.restart_from_snapshot(self.store)
        wait_until(lambda: self.topics.lag(self.events, self.name) == total, 20,
                   "the offset from before is committed")
        self.wait_gone(self.store, ["p:1"])
        self.wait_lag(self.events, self.name)
        self.assertEqual(bus.metric("unstale_records_total"), 2)

    def test_an_unguarded_value_is_not_written_twice(self):
        bus = self.start()
        self.send("shop.Item", 1, after={"name": "value"})
        wait_until(lambda: self.store.cmd("GET", "i:1") == "value", 20, "the value is there")
        self.wait_lag(self.events, self.name)
        self.store.cmd("SAVE")
        self.restart(bus)
        wait_until(lambda: self.store.cmd("GET", "i:1") is None, 20, "a delete stands for it")

    def restart(self, bus):
        self.store.kill()
        self.store.start()
        bus.wait_log("going back")
        bus.wait_ready()

    def test_not_at_all(self):
        bus = self.start(rewind="0s")
        self.store.fill(["p:1"])
        self.snapshot(self.store)
        self.product([1])
        self.wait_gone(self.store, ["p:1"])
        self.wait_lag(self.events, self.name)
        self.restart_from_snapshot(self.store)
        bus.wait_metric(lambda value: value >= 1, "unstale_redis_reconnects_total")
        self.store.fill(["p:2"])
        self.product([2])
        self.wait_gone(self.store, ["p:2"])
        self.assertEqual(self.store.existing(["p:1"]), ["p:1"])
        self.assertEqual(bus.metric("unstale_rewinds_total"), 0)


if __name__ == "__main__":
    main()
