"""checker - one promise, held against every fault: each event that Kafka acknowledged has its
effect on Redis at least once, in order per object.

A `FaultTest` fills Redis with a key for each event to come, sends the events while a nemesis does
its work, and `settle()` judges when all is quiet again: no deleted key is left, no value and no
counter is behind, nothing is unaccounted (all committed, the dead letters are those expected, and
only those), and what no event named is untouched. Meanwhile a reader looks at the values: none may
ever be older than one that was seen before (`goes_back` where Redis itself forgets). The moments
are random: the seed is printed, and UNSTALE_TEST_SEED repeats it. A run that fails leaves a
history for people: what was done when, how far behind the program was, and the ends of the logs,
in faults/ of the build folder.
"""
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import faults, process
from lib.program import QUICK_SESSIONS
from lib.redis import RedisError
from lib.suite import BusTest, Failed, main, wait_until

RULES = {
    "version": 1,
    "caches": {"default": {"keys": "raw", "serializer": "raw"}},
    "rules": [
        {"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}},
        {"name": "store", "when": {"model": "shop.Item"},
         "do": {"refresh": {"key": "o:{pk}", "value": "{after.name}", "ttl": "1h"}}},
        {"name": "count", "when": {"model": "shop.Counter"}, "do": {"bump": "n:{pk}"}},
        {"name": "lists", "when": {"model": "shop.List"}, "do": {"purge": "list:{pk}:*"}}]}
OBJECTS, COUNTERS, LISTS, LIST_KEYS = 40, 5, 4, 30
SURVIVORS = ["q:%d" % i for i in range(100)]
STATIC = QUICK_SESSIONS + ";group.instance.id=%s"
CHUNK = 100
CHUNK_SECONDS = 0.05
# The probe counts keys; companions of guarded values and purged lists blur it by this much.
BLUR = OBJECTS + LISTS * LIST_KEYS
SETTLE_SECONDS = 180
HELD_SHARE = 0.8  # of the events; the rest is sent once the nemesis has rested


def other_build(test, name):
    """The program of a build of its own; the test is skipped without it."""
    path = os.path.join(process.build_dir(), name, "unstale")
    if not os.path.exists(path):
        test.is_skipped = True
        test.skipTest("no build %s (make faults makes it)" % name)
    return path


def every_run(test):
    """Marks a test as one of the choice that `make test` runs."""
    test.every_run = True
    return test


def takes(seconds):
    """About how long a test takes, where that is long: the longest are begun first."""
    def mark(test):
        test.about_seconds = seconds
        return test
    return mark


class Events:
    """What is sent, and what must be so afterwards."""

    def __init__(self, count, chance, poison=True):
        self.gone, self.values, self.counters, self.letters = [], {}, {}, []
        self.records = []
        self.base_ms = int(time.time() * 1000)
        lists = {(at + 1) * count // (LISTS + 1): at for at in range(LISTS)}
        for i in range(count):
            if i in lists:
                self._purge(lists[i])
            elif poison and i % 500 == 250:
                self._poison(i)
            elif i % 10 == 5:
                self._refresh(i, chance.randrange(OBJECTS))
            elif i % 50 == 1:
                self._bump(i, chance.randrange(COUNTERS))
            else:
                self._delete(i)

    def _add(self, model, pk, **members):
        event = dict({"event": "post_save", "model": model, "pk": pk, "created": False}, **members)
        self.records.append({"key": "%s:%s" % (model, pk), "value": event})

    def _delete(self, i):
        self._add("shop.Product", i)
        self.gone.append("p:%d" % i)

    def _refresh(self, i, pk):
        self._add("shop.Item", pk, version=i + 1, after={"name": "v%d" % (i + 1)})
        self.values["o:%d" % pk] = "v%d" % (i + 1)

    def _bump(self, i, pk):
        self._add("shop.Counter", pk, ts=self.base_ms + i)
        self.counters["n:%d" % pk] = self.base_ms + i

    def _purge(self, at):
        self._add("shop.List", at)
        self.gone += ["list:%d:%d" % (at, n) for n in range(LIST_KEYS)]

    def _poison(self, i):
        text = b"no event %d" % i
        self.records.append({"key": "poison:%d" % i, "value": text})
        self.letters.append(text)

    def fill(self, store):
        store.fill(self.gone + SURVIVORS)
        store.fill(self.values, "old")
        store.fill(self.counters, "1")

    def wrong(self, store, values_may_go=False):
        """What is not as it must be, in words."""
        found = []
        left = store.existing(self.gone)
        if left:
            found.append("%d of %d keys are left: %s" % (len(left), len(self.gone), left[:5]))
        for key, value in self.values.items():
            now = store.cmd("GET", key)
            if now != value and not (values_may_go and now is None):
                found.append("%s holds %r, its last event says %r" % (key, now, value))
        for key, ts in self.counters.items():
            now = store.cmd("GET", key)
            if now is None or int(now) < ts:
                found.append("counter %s is %s, behind its last event %d" % (key, now, ts))
        return found


class History:
    def __init__(self):
        self.began = time.monotonic()
        self.lines = []

    def add(self, text):
        self.lines.append("%8.2f s  %s" % (time.monotonic() - self.began, text))


class Load(threading.Thread):
    """Sends the events chunk by chunk; holds the last part back until it is told to finish."""

    def __init__(self, feeder, records, seconds=CHUNK_SECONDS):
        super().__init__(daemon=True)
        self.feeder, self.records, self.seconds = feeder, records, seconds
        self._finish = threading.Event()
        self.start()

    def run(self):
        held = int(len(self.records) * HELD_SHARE)
        for at in range(0, len(self.records), CHUNK):
            if at >= held:
                self._finish.wait()
            self.feeder.send(self.records[at:at + CHUNK])
            time.sleep(self.seconds)  # the pace of the load, not a wait for something

    def finish(self):
        self._finish.set()
        self.join(SETTLE_SECONDS)
        return self.feeder.close()


class FaultTest(BusTest):
    """`begin`, then faults and repairs, then `settle`."""

    seconds = 420
    count = 6000
    partitions = 4
    values_may_go = False
    goes_back = False
    repeated = resent = doubles = 0
    is_skipped = False

    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("UNSTALE_TEST_SEED") or random.randrange(1 << 32))
        self.random = random.Random(self.seed)
        self.history = History()
        self.members, self.recoveries, self.backwards = [], [], []
        self.retired_nr = self.worst_lag = self.restored_nr = 0
        self.load = None
        self._probe = None
        self._is_over = False
        self._seen = {}
        self.notes.append("seed %d" % self.seed)
        self.addCleanup(self._tell)
        self.addCleanup(self._forget_probe)

    # What runs.

    def begin(self, store, members=1, rules=RULES, url=None, by_file=None, static=False,
              **options):
        """Redis full, the members ready, the load on its way."""
        self.store = store
        self.workload = Events(self.count, self.random)
        self.workload.fill(store)
        self.full_nr = self.size()
        self.events = self.topic(partitions=self.partitions)
        self.how = dict(options, rules=rules, url=url, by_file=by_file)
        for at in range(members):
            self.add_member("member-%d" % at if static else None)
        self.load = Load(self.topics.feed(self.events), self.workload.records)

    def add_member(self, static=None):
        how = dict(self.how)
        ready = how.pop("ready", True)
        rules, by_file = how.pop("rules"), how.pop("by_file")
        env = dict(how.pop("env", {}))
        if static:
            env["UNSTALE_KAFKA_OPTIONS"] = STATIC % static
        how["brokers"] = self.broker.brokers
        if by_file:
            how.pop("url"), how.pop("brokers")
            bus = self.unstale_by_file(by_file, self.events, rules, ready=ready, env=env, **how)
        else:
            bus = self.unstale(self.store, self.events, rules, ready=ready, env=env, **how)
        self.members.append(bus)
        self.history.add("a member is up (pid %d)" % bus.child.pid)
        return bus

    @property
    def bus(self):
        return self.members[0]

    # How far it is.

    def size(self):
        """Keys in Redis; None while it does not say."""
        try:
            if hasattr(self.store, "masters"):
                return sum(node.cmd("DBSIZE") for node in set(self.store.owner.values()))
            if self._probe is None:
                self._probe = self.store.connect(timeout=1)
            return self._probe.cmd("DBSIZE")
        except (OSError, RedisError):
            self._forget_probe()
            return None

    def _forget_probe(self):
        if self._probe is not None:
            self._probe.close()
        self._probe = None

    def lag(self):
        """Events sent and not applied; the last known while Redis is away."""
        size = self.size()
        self._look_at_order()
        if size is not None:
            self.restored_nr = self.full_nr - size
        lag = max(0, int(self.load.feeder.sent * 0.88) - self.restored_nr)
        self.worst_lag = max(self.worst_lag, lag)
        return lag

    def _look_at_order(self):
        """A version that was seen is never followed by an older one."""
        if self.goes_back or self._probe is None:
            return
        keys = sorted(self.workload.values)
        try:
            found = self._probe.cmd("MGET", *keys)
        except (OSError, RedisError):
            return
        for key, value in zip(keys, found):
            version = int(value[1:]) if value and value != "old" else 0
            if version and version < self._seen.get(key, 0):
                self.backwards.append("%s went from v%d back to %s" % (key, self._seen[key], value))
            self._seen[key] = max(version, self._seen.get(key, 0))

    def read_nr(self):
        """Records that the members have read, those that are gone included."""
        total = self.retired_nr
        for bus in self.members:
            answer = bus.try_http("/metrics") if bus.running() else None
            total += int(bus.metric("unstale_records_total")) if answer else 0
        return total

    def await_share(self, share):
        """Until this share of the events is sent."""
        wait_until(lambda: (self.lag(), self.load.feeder.sent >= share * self.count)[1],
                   SETTLE_SECONDS, "%d %% of the events are sent" % (100 * share))

    def dwell(self, seconds):
        """The fault lasts."""
        end = time.monotonic() + seconds
        wait_until(lambda: (self.lag(), time.monotonic() >= end)[1], seconds + 30, "time passes")

    # What is done to it.

    def act(self, what, action=None, *arguments):
        self.history.add("%s (lag %d)" % (what, self.lag()))
        return action(*arguments) if action else None

    def caught_up(self, since=None):
        since = since or time.monotonic()
        wait_until(lambda: self.lag() <= BLUR + 4 * CHUNK, SETTLE_SECONDS,
                   lambda: "caught up; lag %d\n%s" % (self.lag(), self.members[-1].tail()))
        self.recoveries.append(time.monotonic() - since)
        self.history.add("caught up in %.2f s" % self.recoveries[-1])

    def mend(self, what, action, *arguments):
        since = time.monotonic()
        self.act(what, action, *arguments)
        self.caught_up(since)

    def retire(self, bus):
        """Counts what it has read, as it is about to end."""
        answer = bus.try_http("/metrics")
        self.retired_nr += int(bus.metric("unstale_records_total")) if answer else 0

    def kill(self, bus):
        self.retire(bus)
        self.act("SIGKILL to pid %d" % bus.child.pid, bus.kill)

    # The judgement.

    def settle(self):
        sent = self.load.finish()
        self.history.add("all %d events are sent" % sent)
        self.assertEqual(sent, self.count)
        wait_until(lambda: (self.lag(), self._is_committed())[1], SETTLE_SECONDS,
                   lambda: "everything is committed: %s; wrong: %s; %s" %
                   (self.topics.offsets(self.events, self.name), self._wrong(), self._states()))
        wait_until(lambda: not self._wrong(), 20, lambda: "\n".join(self._wrong()))
        self.assertEqual(self.store.existing(SURVIVORS), SURVIVORS)
        ends = sum(row.high for row in self.topics.offsets(self.events, self.name))
        self.assertGreaterEqual(ends, self.count)
        self.assertEqual(self.backwards, [])
        self.repeated = max(0, self.read_nr() - ends) if self.members else 0
        self.doubles = self._check_letters()
        self.resent = sum(int(bus.metric("unstale_redis_reissued_total")) for bus in self.members)
        for bus in self.members:
            self.assertEqual(bus.stop(), 0, bus.tail())
        self._is_over = True

    def _wrong(self):
        try:
            return self.workload.wrong(self.store, self.values_may_go)
        except (OSError, RedisError, Failed) as error:
            return ["Redis does not say: %s" % error]

    def _states(self):
        """What the members say of themselves."""
        answers = [bus.try_http("/readyz") for bus in self.members if bus.running()]
        return [answer.text if answer else "no answer" for answer in answers]

    def _is_committed(self):
        rows = self.topics.offsets(self.events, self.name)
        return all((row.committed or 0) == row.high for row in rows)

    def _check_letters(self):
        found = [letter.value for letter in self.topics.consume(self.events + ".dlq")]
        self.assertEqual(sorted(set(found)), sorted(self.workload.letters))
        return len(found) - len(set(found))

    def _tell(self):
        """The row of the table, and for a test that failed its history."""
        if self.is_skipped:
            return
        method = self.id().split(".")[-1]
        row, _, scenario = method[len("test_row_"):].partition("_")
        lost = 0 if self._is_over else self._lost()
        faults.note({
            "row": int(row), "scenario": scenario.replace("_", " "), "seed": self.seed,
            "passed": self._is_over, "events": self.count, "lost": lost,
            "duplicates": self.repeated + self.resent + self.doubles,
            "recovery_s": [round(one, 2) for one in self.recoveries], "max_lag": self.worst_lag})
        if self._is_over:
            self.notes.append(
                "lost 0 of %d | read again %d, sent again %d, letters twice %d | largest lag %d | "
                "recovery %s" % (self.count, self.repeated, self.resent, self.doubles,
                                 self.worst_lag, ", ".join("%.1f" % one for one in
                                                           self.recoveries[:8]) or "none"))
        else:
            self._leave_history(os.path.join(faults.folder(), "%s-%d.txt" % (method, self.seed)),
                                lost)

    def _lost(self):
        """How many things are not as they must be; None where Redis does not say."""
        try:
            return len(self.store.existing(self.workload.gone)) + sum(
                1 for text in self.workload.wrong(self.store, True) if "are left" not in text)
        except (OSError, RedisError, Failed, AttributeError):
            return None

    def _leave_history(self, path, lost):
        with open(path, "w", encoding="utf-8") as file:
            file.write("%s\nUNSTALE_TEST_SEED=%d\nlost or behind: %s\nlargest lag %d\n%s\n%s\n\n%s"
                       % (self.id(), self.seed, lost, self.worst_lag, "\n".join(self.backwards),
                        "\n".join(self.history.lines), self.logs()))
        self.notes.append("history: " + os.path.relpath(path, process.ROOT))


__all__ = ["Events", "FaultTest", "RULES", "STATIC", "every_run", "main", "other_build",
           "takes", "wait_until"]
