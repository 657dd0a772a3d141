"""The program itself dies, freezes, comes and goes: rows 1 to 5 of the table in
docs/reliability.md."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from checker import RULES, FaultTest, every_run, main, wait_until
from lib import process

KILLS = 50
STOPS = 8
FREEZE_SECONDS = 3  # 1.5 times the session
SLOW_KEYS, SLOW_RATE = 1500, 150
SLOW_OPTIONS = "session.timeout.ms=2000;heartbeat.interval.ms=300;max.poll.interval.ms=3000"


class ConsumerTest(FaultTest):
    def start_again(self, bus):
        since = time.monotonic()
        self.act("started again", bus.start)
        bus.wait_ready()
        self.caught_up(since)

    def killed(self, kills):
        self.begin(self.redis(), static=True)
        for at in range(kills):
            self.await_share(0.75 * at / kills)
            self.dwell(self.random.uniform(0, 0.3))
            self.kill(self.bus)
            self.start_again(self.bus)
        self.settle()

    @every_run
    def test_row_01_killed_10_times(self):
        self.killed(10)

    def test_row_01_killed_50_times(self):
        self.count = 12000
        self.killed(KILLS)

    @every_run
    def test_row_02_stopped_under_load(self):
        """It ends with 0 and in time, and what it had done is committed."""
        self.begin(self.redis())
        for at in range(STOPS):
            self.await_share(0.75 * at / STOPS)
            self.dwell(self.random.uniform(0, 0.3))
            self.retire(self.bus)
            self.assertEqual(self.act("SIGTERM", self.bus.stop, 15), 0, self.bus.tail())
            self.start_again(self.bus)
        self.settle()

    def test_row_03_frozen_beyond_its_session(self):
        """The other takes over; the one that wakes up must not commit what it no longer owns."""
        self.begin(self.redis(), members=2)
        for at in range(3):
            self.await_share(0.2 * (at + 1))
            bus = self.random.choice(self.members)
            self.act("SIGSTOP to pid %d" % bus.child.pid, process.freeze, bus.child)
            self.dwell(FREEZE_SECONDS)
            self.mend("SIGCONT", bus.child.send_signal, 18)
            bus.wait_ready()
        self.settle()

    def leave(self, bus):
        self.retire(bus)
        self.assertEqual(self.act("a member leaves", bus.stop), 0, bus.tail())
        self.members.remove(bus)

    def scale(self, static):
        self.begin(self.redis(), static=static)
        for share, number in ((0.15, 1), (0.25, 2)):
            self.await_share(share)
            self.add_member("member-%d" % number if static else None)
        self.caught_up()
        self.await_share(0.4)
        for bus in list(self.members):
            self.retire(bus)
            self.assertEqual(self.act("rolling restart", bus.stop), 0, bus.tail())
            bus.start().wait_ready()
        self.await_share(0.7)
        while len(self.members) > 1:
            self.leave(self.random.choice(self.members))
        self.caught_up()
        self.settle()

    def test_row_04_scaled_from_one_to_three_and_back(self):
        self.scale(static=False)

    def test_row_04_the_same_with_static_members(self):
        self.scale(static=True)

    def test_row_05_a_purge_longer_than_the_poll_interval(self):
        """The thread that polls never waits for a purge: nobody is thrown out of the group."""
        rules = dict(RULES, rules=RULES["rules"] + [
            {"name": "slow", "when": {"model": "shop.Slow"},
             "do": {"purge": {"pattern": "slow:*", "rate": SLOW_RATE}}}])
        store = self.redis()
        slow = ["slow:%d" % i for i in range(SLOW_KEYS)]
        store.fill(slow)
        self.begin(store, rules=rules, env={"UNSTALE_KAFKA_OPTIONS": SLOW_OPTIONS})
        before = self.bus.metric("unstale_rebalances_total")
        since = time.monotonic()
        self.topics.produce(self.events, [{"value": {
            "event": "post_save", "model": "shop.Slow", "pk": 1, "created": False}}])
        wait_until(lambda: not store.existing(slow), 60, "the slow purge is done")
        took = time.monotonic() - since
        self.assertGreater(took, 3.5)
        self.assertEqual(self.bus.metric("unstale_rebalances_total"), before)
        self.caught_up(since)
        self.settle()


if __name__ == "__main__":
    main()
