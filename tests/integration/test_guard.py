"""Write-through with versions: an older row never replaces a newer one, and doubt deletes."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.suite import BusTest, main, wait_until

RULES = {
    "version": 1,
    "caches": {"default": {"keys": "raw", "serializer": "raw"}},
    "rules": [
        {"name": "write", "when": {"model": "shop.Product", "op": ["create", "update"]},
         "do": {"refresh": {"key": "p:{pk}", "ttl": "10m", "value": "{after.name}"}}},
        {"name": "gone", "when": {"model": "shop.Product", "op": "delete"},
         "do": {"delete": {"key": "p:{pk}", "guard": "{version}"}}},
        {"name": "loose", "when": {"model": "shop.Loose"},
         "do": {"refresh": {"key": "l:{pk}", "ttl": "10m", "guard": False,
                            "value": "{after.name}"}}},
    ],
}
HOUR_MS = 3600 * 1000


def save(name, pk=1, **members):
    return dict({"event": "post_save", "model": "shop.Product", "pk": pk, "created": False,
                 "before": {}, "after": {"name": name}}, **members)


class GuardTest(BusTest):
    def setUp(self):
        super().setUp()
        self.store = self.redis(appendonly="yes", appendfsync="always")
        self.events = self.topic()
        self.now_ms = int(time.time() * 1000)

    def start(self):
        return self.unstale(self.store, self.events, RULES)

    def send(self, *events, **members):
        """Each in a batch of its own: what Redis remembers decides, not what was merged."""
        for event in events:
            self.topics.produce(self.events, [dict({"value": event}, **members)])
            self.wait_lag(self.events, self.name)

    def value(self, key="p:1"):
        return self.store.cmd("GET", key)

    def companion(self):
        return self.store.cmd("GET", "{p:1}:v")

    def check(self, value, companion):
        self.assertEqual((self.value(), self.companion()), (value, companion))

    def test_explicit_versions(self):
        self.start()
        for version, name, value, remembered in (
                (5, "five", "five", "e:5"),      # nothing there: stored
                (7, "seven", "seven", "e:7"),    # newer: stored
                (6, "six", "seven", "e:7"),      # older: ignored
                (7, "seven", "seven", "e:7"),    # the same again: stays
                (7, "SEVEN", None, "e:7"),       # the same version of something else: deleted
                (7, "seven", None, "e:7"),       # and an absent key stays absent
                (8, "eight", "eight", "e:8")):
            self.send(save(name, version=version))
            self.check(value, remembered)
        self.assertTrue(0 < self.store.cmd("PTTL", "p:1") <= 600000)
        self.assertTrue(3500000 < self.store.cmd("PTTL", "{p:1}:v") <= HOUR_MS)

    def test_the_clock_proves_nothing(self):
        self.start()
        now = self.now_ms
        self.send(save("new", ts=now))
        self.check("new", "c:%d" % (now * 1000))
        self.send(save("old", ts=now - 1000))
        self.check(None, "c:%d" % (now * 1000))
        self.send(save("newer", ts=now + 1))
        self.check("newer", "c:%d" % ((now + 1) * 1000))

    def test_a_change_of_kind_deletes(self):
        self.start()
        self.send(save("clock", ts=self.now_ms))
        self.assertEqual(self.value(), "clock")
        self.send(save("explicit", version=3, ts=self.now_ms + 1))
        self.check(None, "e:3")
        self.send(save("explicit", version=4))
        self.check("explicit", "e:4")
        self.send(save("clock", ts=self.now_ms + 2))
        self.check(None, "c:%d" % ((self.now_ms + 2) * 1000))

    def test_a_guarded_delete_keeps_older_rows_out(self):
        self.start()
        self.send(save("eight", version=8))
        self.send(dict(save("x", version=9), event="post_delete", before={"name": "eight"},
                       after=None))
        self.check(None, "e:9")
        self.send(save("eight", version=8))
        self.check(None, "e:9")
        self.send(save("ten", version=10))
        self.check("ten", "e:10")
        self.send(dict(save("x", version=9), event="post_delete", after=None))
        self.check("ten", "e:10")

    def test_the_newest_of_a_batch_wins_whatever_the_order(self):
        events = [save("v%d" % version, pk=pk, version=version)
                  for pk in range(20) for version in (3, 9, 1, 7)]
        self.topics.produce(self.events, [{"value": event} for event in events])
        self.start()
        self.wait_lag(self.events, self.name)
        self.assertEqual([self.value("p:%d" % pk) for pk in range(20)], ["v9"] * 20)

    def test_an_old_record_deletes(self):
        self.start()
        self.store.fill(["p:1"], "stale")
        self.send(save("written an hour ago", version=5),
                  timestamp=self.now_ms - HOUR_MS - 60000)
        self.check(None, "e:5")
        self.send(save("written lately", version=6), timestamp=self.now_ms - HOUR_MS + 120000)
        self.check("written lately", "e:6")

    def test_a_replayed_record_deletes(self):
        self.start()
        self.store.fill(["p:1"], "stale")
        self.send(save("again", version=5), headers={"unstale.replayed": "1"})
        self.check(None, "e:5")
        self.send(save("older", version=4))
        self.check(None, "e:5")
        self.send(save("newer", version=6), headers={"other": "1"})
        self.check("newer", "e:6")

    def test_a_restart_remembers(self):
        bus = self.start()
        self.send(save("seven", version=7))
        bus.restart().wait_ready()
        self.send(save("six", version=6))
        self.check("seven", "e:7")

    def test_an_unguarded_refresh_is_never_sent_twice(self):
        bus = self.start()
        loose = dict(save("first"), model="shop.Loose")
        self.send(loose)
        self.assertEqual(self.value("l:1"), "first")
        self.assertEqual(self.store.cmd("EXISTS", "{l:1}:v"), 0)
        # It is on its way when Redis dies: whether it was applied nobody can know.
        self.store.freeze()
        self.topics.produce(self.events, [{"value": dict(loose, after={"name": "second"})}])
        bus.wait_metric(lambda value: value == 2, "unstale_records_total")
        bus.wait_not_ready()
        self.store.kill()
        self.store.start()
        bus.wait_ready()
        self.wait_lag(self.events, self.name)
        self.assertEqual(self.value("l:1"), None)
        self.assertTrue(bus.metric("unstale_redis_reissued_total") >= 1)
        self.send(dict(loose, after={"name": "third"}))
        self.assertEqual(self.value("l:1"), "third")

    def test_a_guarded_refresh_is_sent_again(self):
        bus = self.start()
        self.send(save("one", version=1))
        self.store.freeze()
        self.topics.produce(self.events, [{"value": save("two", version=2)}])
        bus.wait_metric(lambda value: value == 2, "unstale_records_total")
        bus.wait_not_ready()
        self.store.kill()
        self.store.start()
        bus.wait_ready()
        self.wait_lag(self.events, self.name)
        wait_until(lambda: self.value() == "two", 5, "the second value is there")
        self.check("two", "e:2")


if __name__ == "__main__":
    main()
