"""What cannot be used, and what Kafka no longer has: rows 13 to 15 of the table in
docs/reliability.md."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from checker import RULES, FaultTest, every_run, main, other_build, takes, wait_until

from lib.kafka import alter_partitions

ODD_KEYS = [b"\x00\xff", b"*", b"[a-z]*", b"\\*?", b"x" * 60000, "ключ".encode(), b"\r\n*1\r\n"]
FEW_BYTES = "queue.buffering.max.messages=20;session.timeout.ms=2000;heartbeat.interval.ms=300"


class PoisonTest(FaultTest):
    def poison(self, texts):
        self.workload.letters += texts
        self.topics.produce(self.events, [{"key": b"k%d" % i, "value": text}
                                          for i, text in enumerate(texts)])

    @every_run
    def test_row_13_poison_of_every_kind(self):
        """Set aside one by one; a null value is skipped; odd names delete their own key alone."""
        rules = dict(RULES, rules=RULES["rules"] + [
            {"name": "odd", "when": {"model": "shop.Odd"}, "do": {"delete": "odd:{after.name}"}}])
        self.begin(self.redis(), rules=rules)
        names = [key.decode() for key in ODD_KEYS[1:]]
        odd = [b"odd:" + key for key in ODD_KEYS[1:]]
        self.store.fill(odd)
        self.workload.gone += odd
        self.topics.produce(self.events, [{"value": {
            "event": "post_save", "model": "shop.Odd", "pk": 1, "created": False,
            "after": {"name": name}}} for name in names])
        self.topics.produce(self.events, [{"key": "shop.Product:1", "value": None}])
        self.poison([b"not json", b"\xff\xfe", b"", b"[]", b'{"event":"post_save","pk":1}',
                     b'{"event":"post_save","model":"shop.Product"}', b"[" * 5000,
                     b'{"event":"post_save","model":"shop.Product","pk":"' + b"x" * (2 << 20) +
                     b'"}'])
        self.settle()

    def test_row_13_no_dead_letter_topic_while_poison_arrives(self):
        """Their offsets wait; the others go on; nothing of it is lost when the topic is there."""
        self.begin(self.redis(), env={"UNSTALE_DRAIN_TIMEOUT": "5s"})
        self.topics.delete(self.events + ".dlq")
        self.poison([b"while it is away %d" % i for i in range(50)])
        self.await_share(0.7)
        self.dwell(3)
        self.kill(self.bus)
        self.act("started again", self.bus.start)
        self.bus.wait_listening()
        self.dwell(2)
        self.act("the topic is made", self.topics.create, self.events + ".dlq", 1)
        # What had been confirmed went with the topic.
        self.workload.letters = [text for text in self.workload.letters
                                 if text.startswith(b"while")]
        self.settle()

    def _check_letters(self):
        if "no_dead_letter_topic" not in self.id():
            return super()._check_letters()
        found = [letter.value for letter in self.topics.consume(self.events + ".dlq")]
        self.assertLessEqual(set(self.workload.letters), set(found))
        return len(found) - len(set(found))

    @takes(100)
    def test_row_14_more_poison_than_the_producer_holds(self):
        self.begin(self.redis(), env={"UNSTALE_KAFKA_OPTIONS": FEW_BYTES})
        self.poison([b"many %d" % i for i in range(300)])
        self.settle()

    def test_row_14_the_producer_fails_for_good_again_and_again(self):
        """A producer that may not go on is made anew, and what it had not confirmed is sent again."""
        self.begin(self.redis(), path=other_build(self, "kill"),
                   env={"FAULT_POINT": "letters-fatal:25"})
        self.poison([b"many %d" % i for i in range(300)])
        self.bus.wait_log("the dead-letter producer is made anew")
        self.settle()


class RetentionTest(FaultTest):
    def test_row_15_partitions_are_added(self):
        """Those who write may use them at once: what lies there from before is read from its start."""
        self.begin(self.redis(), env={
            "UNSTALE_KAFKA_OPTIONS": "topic.metadata.refresh.interval.ms=1000;"
                                     "session.timeout.ms=2000;heartbeat.interval.ms=300"})
        self.await_share(0.3)
        self.act("four partitions more", alter_partitions, self.broker.brokers, self.events, 8)
        new = ["p:%d" % pk for pk in range(100000, 100400)]
        self.store.fill(new)
        self.workload.gone += new
        for partition in range(4, 8):
            pks = range(100000 + (partition - 4) * 100, 100000 + (partition - 3) * 100)
            self.topics.produce(self.events, [{"value": {
                "event": "post_save", "model": "shop.Product", "pk": pk, "created": False}}
                for pk in pks], partition=partition)
        self.settle()

    @every_run
    def test_row_15_retention_passes_the_group(self):
        """With on_gap: purge everything that may be stale goes, and the rest is applied."""
        self.values_may_go = True
        store = self.redis()
        self.begin(store, rules=dict(RULES, caches={"default": {
            "keys": "raw", "prefix": "", "serializer": "raw", "protect": ["q:*"]}}),
            env={"UNSTALE_ON_GAP": "purge"})
        self.await_share(0.2)
        wait_until(lambda: all(row.committed for row in
                               self.topics.offsets(self.events, self.name)), 30, "a first commit")
        self.kill(self.bus)
        self.await_share(0.75)
        for partition, end in enumerate(self.topics.ends(self.events)):
            self.topics.trim(self.events, partition, end - 50)
        self.act("the log is cut behind the group", self.bus.start)
        self.bus.wait_ready(timeout=60)
        self.bus.wait_log("went on after a gap")
        self.lost_letters()
        self.settle()

    def lost_letters(self):
        """What was cut off was never seen: no letter tells of it."""
        rows = self.topics.consume(self.events)
        self.kept = {record.value for record in rows}

    def _check_letters(self):
        if "retention" not in self.id():
            return super()._check_letters()
        found = [letter.value for letter in self.topics.consume(self.events + ".dlq")]
        self.assertLessEqual(set(found), set(self.workload.letters))
        self.assertLessEqual(self.kept & set(self.workload.letters), set(found))
        return len(found) - len(set(found))


if __name__ == "__main__":
    main()
