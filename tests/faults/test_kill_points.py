"""The program dies between any two steps from a reply of Redis to a commit in Kafka, 200 times
over.

A build of its own has the places compiled in (consumers/base/kill_point.h). A life gets some new
events of every kind, dies at a point and after a number of passes that the seed picks, and the
next one takes over.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from checker import RULES, STATIC, Events, FaultTest, main, other_build, takes, wait_until

from lib import process

POINTS = {"before-plan": 3, "after-send": 3, "after-reply": 3, "after-frontier": 3,
          "after-purges": 3, "after-second-deletes": 3, "after-letters": 3, "after-purge": 2,
          "after-confirmed": 2, "before-store": 4, "after-store": 4, "after-commit": 3}
LIFE_SECONDS = 4
PLAIN = 40
LISTED = 5
AGAIN = {"name": "twice", "when": {"model": "shop.Again"},
         "do": {"delete": {"key": "a:{pk}", "again_after": "50ms"}}}


class Lives(Events):
    """A block of events of every kind for each life."""

    def __init__(self, lives, chance):
        super().__init__(0, chance)
        self.blocks = []
        for life in range(lives):
            self.records = []
            first = life * PLAIN
            for i in range(first, first + PLAIN):
                step = self._refresh if i % 4 == 1 else self._bump if i % 10 == 2 else None
                if step:
                    step(i, chance.randrange(5))
                else:
                    self._delete(i)
            self._add("shop.List", life)
            self.gone += ["list:%d:%d" % (life, n) for n in range(LISTED)]
            self._poison(life)
            self._add("shop.Again", life)
            self.gone.append("a:%d" % life)
            chance.shuffle(self.records)
            self.blocks.append(sorted(self.records, key=self._place))

    @staticmethod
    def _place(record):
        """What belongs to one object stays in order."""
        value = record["value"]
        return value.get("version", 0) if isinstance(value, dict) else 0


class KillPointTest(FaultTest):
    partitions = 2

    def live(self, bus, block):
        """Some events, and a death; returns whether it died where it should."""
        point = self.random.choice(sorted(POINTS))
        passes = self.random.randint(1, POINTS[point])
        self.topics.produce(self.events, block)
        bus.env["KILL_POINT"] = "%s:%d" % (point, passes)
        bus.env["UNSTALE_KAFKA_OPTIONS"] = "%s;auto.commit.interval.ms=%d" % (
            STATIC % "one", self.random.choice([50, 100, 400]))
        self.history.add("a life until %s is passed %d times" % (point, passes))
        bus.start()
        died = self.dies(bus)
        self.history.add("it died there" if died else "it lived, and was killed")
        if not died:
            bus.kill()
        return died

    @staticmethod
    def dies(bus):
        try:
            return bus.wait_end(LIFE_SECONDS) == -9
        except process.Failed:
            return False

    def lives(self, number):
        path = other_build(self, "kill")
        rules = dict(RULES, rules=RULES["rules"] + [AGAIN])
        self.store = self.redis()
        self.workload = Lives(number, self.random)
        self.workload.fill(self.store)
        self.events = self.topic(partitions=self.partitions)
        bus = self.unstale(self.store, self.events, rules, ready=False, start=False, path=path)
        died = sum(self.live(bus, block) for block in self.workload.blocks)
        self.notes.append("%d lives, %d of them ended at their point" % (number, died))
        self.assertGreater(died, number // 2)
        del bus.env["KILL_POINT"]
        bus.start().wait_ready()
        wait_until(self._is_committed, 60, lambda: "all is committed\n" + bus.tail())
        wait_until(lambda: not self._wrong(), 20, lambda: "\n".join(self._wrong()))
        self.count = number * len(self.workload.blocks[0])
        self.repeated, self.doubles = 0, self._check_letters()
        self.assertEqual(bus.stop(), 0, bus.tail())
        self._is_over = True

    def test_row_01_kill_points_10_lives(self):
        self.lives(10)

    @takes(70)
    def test_row_01_kill_points_50_lives_a(self):
        self.lives(50)

    @takes(70)
    def test_row_01_kill_points_50_lives_b(self):
        self.lives(50)

    @takes(70)
    def test_row_01_kill_points_50_lives_c(self):
        self.lives(50)

    @takes(70)
    def test_row_01_kill_points_50_lives_d(self):
        self.lives(50)


if __name__ == "__main__":
    main()
