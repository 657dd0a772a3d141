"""Events that Kafka no longer has: on_gap says what is done, and /readyz what happened."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.suite import BusTest, main, wait_until

ONE = {"version": 1, "caches": {"default": {"keys": "raw"}},
       "rules": [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}}]}
TWO_CACHES = {
    "version": 1,
    "caches": {"default": {"keys": "django", "prefix": "myapp", "version": [1, 2]},
               "side": {"keys": "raw", "prefix": "side:"}},
    "rules": [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}},
              {"name": "side", "cache": "side", "when": {"model": "shop.Product"},
               "do": {"delete": "p:{pk}"}}]}


class Losses(BusTest):
    """Two partitions; partition 0 loses records 10 to 19 behind the program's back."""

    def product(self, partition, pks):
        event = {"event": "post_save", "model": "shop.Product", "created": False}
        self.topics.produce(self.events, [{"value": dict(event, pk=pk)} for pk in pks],
                            partition=partition)

    def lose(self, rules):
        """Records 0 to 9 of partition 0 are applied, 10 to 19 go by, 20 to 29 are there."""
        self.store = self.redis()
        self.events = self.topic(partitions=2)
        self.product(0, range(10))
        bus = self.unstale(self.store, self.events, rules)
        self.wait_lag(self.events, self.name)
        self.assertEqual(bus.stop(), 0, bus.tail())
        self.product(0, range(10, 30))
        self.topics.trim(self.events, 0, 20)
        self.store.fill("p:%d" % pk for pk in list(range(10, 30)) + [100, 101])
        return bus

    def start(self, bus, on_gap):
        if on_gap is not None:
            bus.env["UNSTALE_ON_GAP"] = on_gap
        return bus.start()

    def check_stopped(self, bus):
        """Partition 0 rests, /readyz and the log name it; partition 1 goes on."""
        bus.wait_not_ready()
        wait_until(lambda: self.events in bus.http("/readyz").text, 20,
                   lambda: "/readyz names the topic: %s" % bus.http("/readyz").text)
        answer = bus.http("/readyz")
        self.assertEqual(answer.status, 503)
        self.assertRegex(answer.text, r'"partition":\s*0\b')
        self.assertNotRegex(answer.text, r'"partition":\s*1\b')
        self.assertEqual(bus.http("/healthz").status, 200)
        self.assertRegex(bus.log_text(), r"events are lost.*" + self.events)
        self.product(1, [100])
        self.wait_gone(self.store, ["p:100"])
        wait_until(lambda: self.committed(self.events, self.name, 1) == 1, 20,
                   "partition 1 is committed")
        self.assertEqual(self.committed(self.events, self.name, 0), 10)
        self.assertEqual(len(self.store.existing("p:%d" % pk for pk in range(10, 30))), 20)

    def check_went_on(self):
        """At the first record that is left; what was lost stays as it was."""
        self.wait_gone(self.store, ["p:%d" % pk for pk in range(20, 30)])
        self.wait_lag(self.events, self.name)
        lost = ["p:%d" % pk for pk in range(10, 20)]
        self.assertEqual(self.store.existing(lost), lost)



class GapTest(Losses):
    def test_stop_is_the_default_and_continue_gets_it_going_again(self):
        bus = self.start(self.lose(ONE), None)
        self.check_stopped(bus)
        self.assertEqual(bus.stop(), 0, bus.tail())
        self.assertEqual(self.committed(self.events, self.name, 0), 10)
        self.check_stopped_again(bus)
        self.start(bus, "continue").wait_ready()
        self.check_went_on()
        self.assertIn("went on after a gap", bus.log_text())

    def check_stopped_again(self, bus):
        """A restart does not forget the gap."""
        bus.start().wait_listening()
        wait_until(lambda: self.events in bus.http("/readyz").text, 20,
                   lambda: "/readyz names the topic: %s" % bus.http("/readyz").text)
        self.assertEqual(bus.stop(), 0, bus.tail())

    def test_continue_commits_where_it_went_on(self):
        bus = self.lose(ONE)
        self.topics.trim(self.events, 0, 30)
        self.start(bus, "continue").wait_ready()
        wait_until(lambda: self.committed(self.events, self.name, 0) == 30, 20,
                   "the end of the gap is committed though no record came")
        self.assertEqual(bus.stop(), 0, bus.tail())
        self.start(bus, "stop").wait_ready()
        self.product(0, [100])
        self.wait_gone(self.store, ["p:100"])

    def test_purge_deletes_the_caches_of_the_rules_and_goes_on(self):
        bus = self.lose(TWO_CACHES)
        gone = ["myapp:1:a", "myapp:2:b", "myapp:1:p:10", "side:p:10", "side:anything"]
        kept = ["myapp:3:a", "myapp:1", "other:1:a", "sideways", "unstale:note",
                "myapp:1:django.contrib.sessions.cacheabc", "side:job:lock", "{myapp:1:a}:v"]
        self.store.fill(gone + kept)
        self.start(bus, "purge").wait_ready(timeout=60)
        self.wait_gone(self.store, gone)
        self.assertEqual(self.store.existing(kept), kept)
        self.store.fill(["myapp:1:p:29", "side:p:29"])
        self.product(0, [29])
        self.wait_gone(self.store, ["myapp:1:p:29", "side:p:29"])
        self.wait_lag(self.events, self.name)
        self.assertIn("purging a whole cache", bus.log_text())


class OvertakenTest(Losses):
    """Retention passes a consumer that waits for Redis."""

    def overtake(self, on_gap):
        self.store = self.redis(appendonly="yes", appendfsync="always")
        self.events = self.topic(partitions=2)
        self.store.fill("p:%d" % pk for pk in list(range(40)) + [100, 101])
        self.product(0, range(10))
        bus = self.unstale(self.store, self.events, ONE, env={"UNSTALE_ON_GAP": on_gap})
        self.wait_lag(self.events, self.name)
        self.store.stop()
        bus.wait_not_ready()
        bus.wait_log("partitions paused")
        self.product(0, range(10, 30))
        self.topics.trim(self.events, 0, 20)
        self.store.start()
        return bus

    def test_stop(self):
        self.check_stopped(self.overtake("stop"))

    def test_continue(self):
        self.overtake("continue").wait_ready()
        self.check_went_on()


if __name__ == "__main__":
    main()
