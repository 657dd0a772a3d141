"""No invalidation is lost, whatever dies.

Every key exists before its event is sent. The load goes on while the consumer or Redis is killed or
stopped; when all is quiet again no key of an event may be left, no other key may be gone, and every
offset must be committed. The moments are random: the seed is printed, UNSTALE_TEST_SEED repeats it.
"""
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.suite import BusTest, main, wait_until

ONE = [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}}]
COUNT = 20000
CHUNK = 200
CHUNK_SECONDS = 0.15
KILLS = 10
REDIS_KILLS = 5
PARTITIONS = 4
SURVIVORS = ["q:%d" % i for i in range(100)]
SETTLE_SECONDS = 120


class Load:
    """Sends the events chunk by chunk, as far as it is allowed to, from a thread of its own."""

    def __init__(self, feeder):
        self.feeder = feeder
        self.allowed = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._more = threading.Event()
        self._thread.start()

    def allow(self, chunks):
        self.allowed = min(self.allowed + chunks, COUNT // CHUNK)
        self._more.set()

    def _run(self):
        for chunk in range(COUNT // CHUNK):
            while chunk >= self.allowed:
                self._more.wait()
                self._more.clear()
            self.feeder.send({"key": "shop.Product:%d" % i, "value": {
                "event": "post_save", "model": "shop.Product", "pk": i, "created": False}}
                for i in range(chunk * CHUNK, (chunk + 1) * CHUNK))
            # The pace of the load, not a wait for something.
            time.sleep(CHUNK_SECONDS)

    def finish(self):
        self.allow(COUNT // CHUNK)
        self._thread.join(SETTLE_SECONDS)
        return self.feeder.close()


class LossTest(BusTest):
    seconds = 600

    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("UNSTALE_TEST_SEED") or random.randrange(1 << 32))
        self.random = random.Random(self.seed)
        self.notes.append("seed %d" % self.seed)
        self.keys = ["p:%d" % i for i in range(COUNT)]
        self.store = self.redis(appendonly="yes", appendfsync="always")
        self.store.fill(self.keys + SURVIVORS)
        self.events = self.topic(partitions=PARTITIONS)
        self.bus = self.unstale(self.store, self.events, ONE)
        self.feeder = self.topics.feed(self.events)
        self.gone = 0
        self.repeated = 0
        self.worst_lag = 0
        self.recoveries = []

    def lag(self):
        """Events sent whose key is still there."""
        self.gone = COUNT + len(SURVIVORS) - self.store.cmd("DBSIZE")
        lag = self.feeder.sent - self.gone
        self.worst_lag = max(self.worst_lag, lag)
        return lag

    def committed_nr(self):
        return sum(row.committed or 0 for row in self.topics.offsets(self.events, self.name))

    def recovered(self, since):
        wait_until(lambda: self.lag() <= CHUNK, SETTLE_SECONDS,
                   lambda: "caught up\n" + self.bus.tail())
        self.recoveries.append(time.monotonic() - since)

    def pause(self, seconds):
        end = time.monotonic() + seconds
        wait_until(lambda: (self.lag(), time.monotonic() >= end)[1], seconds + 10, "time passes")

    def settle(self, sent):
        self.assertEqual(sent, COUNT)
        self.wait_gone(self.store, self.keys, timeout=SETTLE_SECONDS)
        self.wait_lag(self.events, self.name, timeout=SETTLE_SECONDS)
        self.assertEqual(self.store.existing(SURVIVORS), SURVIVORS)
        offsets = self.topics.offsets(self.events, self.name)
        self.assertEqual([row.committed for row in offsets], [row.high for row in offsets])
        self.assertEqual(sum(row.high for row in offsets), COUNT)
        self.assertEqual(self.topics.consume(self.events + ".dlq"), [])
        self.notes.append("keys left 0 of %d | repeated %d | recovery %.1f s mean, %.1f s worst | "
                          "largest lag %d events" %
                          (COUNT, self.repeated, sum(self.recoveries) / len(self.recoveries),
                           max(self.recoveries), self.worst_lag))
        self.assertEqual(self.bus.stop(), 0, self.bus.tail())

    def kill_consumer(self):
        """What Redis has done and Kafka was not told is what the next run repeats."""
        self.bus.kill()
        since = time.monotonic()
        self.lag()
        self.repeated += max(0, self.gone - self.committed_nr())
        self.bus.start()
        self.recovered(since)

    def test_the_consumer_is_killed_under_steady_load(self):
        load = Load(self.feeder)
        chunks = COUNT // CHUNK // KILLS
        for _ in range(KILLS):
            load.allow(chunks)
            self.pause(self.random.uniform(0, chunks * CHUNK_SECONDS))
            self.kill_consumer()
        self.settle(load.finish())

    def test_the_consumer_is_killed_in_a_backlog(self):
        self.bus.stop()
        load = Load(self.feeder)
        sent = load.finish()
        for left in sorted(self.random.sample(range(CHUNK, COUNT), KILLS), reverse=True):
            self.bus.start()
            end = time.monotonic() + SETTLE_SECONDS
            # A tight loop: a poll with pauses would be late by thousands of keys.
            while self.lag() > left:
                self.assertTrue(time.monotonic() < end, self.bus.tail())
            self.bus.kill()
            self.lag()
            self.repeated += max(0, self.gone - self.committed_nr())
        since = time.monotonic()
        self.bus.start()
        self.recovered(since)
        self.settle(sent)

    def read_nr(self):
        return int(self.bus.metric("unstale_records_total"))

    def through_a_redis_fault(self, fault, repair, seconds):
        load = Load(self.feeder)
        load.allow(COUNT // CHUNK)
        wait_until(lambda: self.lag() >= 0 and self.gone > COUNT // 10, 60,
                   "the load is on its way")
        fault()
        if seconds:
            self.bus.wait_not_ready()
            end = time.monotonic() + seconds
            wait_until(lambda: time.monotonic() >= end, seconds + 10, "time passes")
            self.worst_lag = max(self.worst_lag, self.feeder.sent - self.gone)
        since = time.monotonic()
        repair()
        self.recovered(since)
        sent = load.finish()
        self.wait_lag(self.events, self.name, timeout=SETTLE_SECONDS)
        self.repeated = self.read_nr() - COUNT
        self.settle(sent)

    def test_redis_is_killed_under_load(self):
        self.through_a_redis_fault(self.store.kill, self.store.start, 0)

    def test_redis_is_killed_in_a_backlog(self):
        self.bus.stop()
        load = Load(self.feeder)
        sent = load.finish()
        self.bus.start()
        for left in sorted(self.random.sample(range(CHUNK, COUNT), REDIS_KILLS), reverse=True):
            end = time.monotonic() + SETTLE_SECONDS
            while self.lag() > left:
                self.assertTrue(time.monotonic() < end, self.bus.tail())
            self.store.kill()
            since = time.monotonic()
            self.store.start()
            self.bus.wait_ready()
            self.recoveries.append(time.monotonic() - since)
        self.wait_lag(self.events, self.name, timeout=SETTLE_SECONDS)
        self.repeated = self.read_nr() - COUNT
        self.settle(sent)

    def test_redis_is_frozen_for_20_s(self):
        self.through_a_redis_fault(self.store.freeze, self.store.thaw, 20)

    def test_redis_is_shut_down_for_20_s(self):
        self.through_a_redis_fault(self.store.stop, self.store.start, 20)


if __name__ == "__main__":
    main()
