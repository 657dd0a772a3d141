"""A stretch of time is sent again: what the dry run says, in order, and without writing old values."""
import json
import os
import shlex
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process, program
from lib.program import json_lines
from lib.suite import BusTest, main, wait_until

RULES = {"version": 1, "caches": {"default": {"keys": "raw", "serializer": "raw"}}, "rules": [
    {"name": "by-pk", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}},
    {"name": "write", "when": {"model": "shop.Code", "op": ["create", "update"]},
     "do": {"refresh": {"key": "c:{pk}", "ttl": "10m", "value": "{after.name}"}}}]}
MINUTE = 60000
FEW, MANY = 50, 1000


def saved(model, pk, minutes=0, **more):
    """A save that long ago."""
    event = {"event": "post_save", "model": model, "pk": pk, "created": False, "before": {},
             "after": {"name": "old"}}
    return {"key": "%s:%s" % (model, pk), "value": dict(event, **more),
            "timestamp": int(time.time() * 1000) - minutes * MINUTE}


class ReplayTest(BusTest):
    def setUp(self):
        super().setUp()
        self.events = self.topic(partitions=2)
        self.env = {"UNSTALE_KAFKA_BROKERS": self.broker.brokers,
                    "UNSTALE_KAFKA_TOPICS": self.events, "UNSTALE_KAFKA_GROUP": self.name,
                    "UNSTALE_KAFKA_DEAD_LETTER_TOPIC": self.events + ".dlq",
                    "UNSTALE_RULES": program.rules_file(
                        RULES, os.path.join(process.private_folder("rules"), "rules.json"))}

    def replay(self, *words, code=0, **env):
        got, out, err = program.unstale("replay", *words, env=dict(self.env, **env))
        self.assertEqual(got, code, out + err)
        return out, err

    def told(self, *words):
        """{(partition, model): records} of a dry run."""
        lines = json_lines(self.replay("--dry-run", "--format", "json", *words)[0])
        return {(line["partition"], line["model"]): line["records"] for line in lines}

    def again(self, topic=None):
        return [record for record in self.topics.consume(topic or self.events)
                if "unstale.replayed" in dict(record.headers)]

    def test_the_service_deletes_and_writes_nothing_old(self):
        store = self.redis()
        self.unstale(store, self.events, RULES)
        keys = ["p:1", "p:2", "c:1"]
        self.topics.produce(self.events, [saved("shop.Product", 1, 9), saved("shop.Product", 2, 8),
                                          saved("shop.Code", 1, 7)])
        self.wait_lag(self.events, self.name)
        store.fill(keys, value="newer")
        dry, _ = self.replay("--from", "10m ago", "--dry-run")
        self.assertEqual(self.again(), [])
        done, _ = self.replay("--from", "10m ago")
        self.assertEqual(dry.splitlines()[:-1], done.splitlines()[:-1])
        self.assertEqual(dry.splitlines()[-1], "3 records would be replayed")
        self.assertTrue(done.splitlines()[-1].startswith("3 records replayed in "))
        self.wait_gone(store, keys)
        self.wait_lag(self.events, self.name)
        self.assertEqual(store.existing(keys), [])
        self.assertEqual(len(self.again()), 3)
        out, _ = self.replay("--from", "10m", "--dry-run")
        self.assertEqual(out.splitlines()[-2:],
                         ["left out: 3 sent again before", "3 records would be replayed"])

    def test_which_records(self):
        self.topics.produce(self.events, [
            saved("shop.Product", 1, 50), saved("shop.Product", 2, 40),
            saved("shop.Book", 3, 30, parents=["shop.Product"]), saved("shop.Code", 4, 20),
            dict(saved("", 5, 10), value="no event"), saved("shop.product", 6, 5)], partition=0)
        self.topics.produce(self.events, [saved("shop.Product", 7, 45), saved("shop.Product", 8, 3)],
                            partition=1)
        self.assertEqual(self.told("--from", "1h"), {
            (0, "shop.Product"): 3, (0, "shop.Book"): 1, (0, "shop.Code"): 1,
            (1, "shop.Product"): 2})
        self.assertEqual(self.told("--from", "-42m", "--to", "25m ago"),
                         {(0, "shop.Product"): 1, (0, "shop.Book"): 1})
        now = int(time.time() * 1000)
        self.assertEqual(self.told("--from", now - 42 * MINUTE, "--to", now - 35 * MINUTE),
                         {(0, "shop.Product"): 1})
        self.assertEqual(self.told("--from", "1h", "--model", "SHOP.PRODUCT"), {
            (0, "shop.Product"): 3, (0, "shop.Book"): 1, (1, "shop.Product"): 2})
        self.assertEqual(self.told("--from", "1h", "--model", "shop.Code", "--model", "shop.Book"),
                         {(0, "shop.Code"): 1, (0, "shop.Book"): 1})
        self.assertEqual(self.told("--from", "1h", "--after", self.events + ":0:3"),
                         {(0, "shop.product"): 1, (1, "shop.Product"): 2})
        self.assertEqual(self.told("--from", "1h", "--after", self.events + ":1:0"),
                         {(1, "shop.Product"): 1})
        self.assertEqual(self.told("--from", "1m"), {})
        out, _ = self.replay("--from", "1h", "--model", "shop.Code", "--rate", "500")
        self.assertIn("left out: 6 of other models, 1 without an event\n", out)
        record, = self.again()
        self.assertEqual(json.loads(record.value)["pk"], 4)
        self.assertEqual((record.partition, record.key), (0, b"shop.Code:4"))
        self.assertEqual(record.headers, [("unstale.replayed", b"%s:0:3" % self.events.encode())])
        self.assertLess(abs(record.timestamp - time.time() * 1000), MINUTE)

    def test_topics(self):
        other = self.name + "-other"
        self.topics.create(other)
        for topic in (self.events, other):
            self.topics.produce(topic, [saved("shop.Code", 1, 5)])
        self.topics.produce(self.events + ".dlq", [saved("shop.Code", 1, 5)])
        pattern = "^%s.*" % self.name
        out, _ = self.replay("--from", "10m", "--topic", pattern)
        self.assertEqual([line.split(":")[0] for line in out.splitlines()[:-1]],
                         sorted([self.events, other]))
        self.assertEqual([len(self.again(topic)) for topic in (self.events, other)], [1, 1])
        self.replay("--from", "10m", "--topic", self.events + ".dlq", code=2)
        _, err = self.replay("--from", "10m", "--topic", self.events + ".none", code=1)
        self.assertIn("does not exist", err)
        _, err = self.replay("--from", "10m", "--after", "another:0:1", code=1)
        self.assertIn("none of the topics", err)

    def test_wrong_commands(self):
        for words in ([], ["--from", "soon"], ["--from", "1h", "--to", "2h"], ["--from", "12345"],
                      ["--from", "1h", "--rate", "0"], ["--from", "1h", "x"],
                      ["--from", "1h", "--after", "t:1"], ["--from", "1h", "--after", "t:-1:5"],
                      ["--from", "1h", "--format", "xml"], ["--from", "1h", "--modell", "a"]):
            self.replay(*words, code=2)

    def test_cancelled_it_says_how_to_go_on(self):
        for partition, pks in ((0, range(FEW)), (1, range(FEW, FEW + MANY))):
            self.topics.produce(self.events, [saved("shop.Product", pk, 5) for pk in pks],
                                partition=partition)
        path = os.path.join(process.private_folder("replay"), "out")
        child = process.start([program.program(), "replay", "--from", "10m", "--rate=50",
                               "--model", "shop.Product"],
                              log=path, env=program.environment(self.env), cwd=process.scratch())
        wait_until(lambda: self.topics.ends(self.events)[1] > MANY, 60, "the second partition")
        self.assertEqual(process.kill(child, signal.SIGINT), 1)
        sent = len(self.again())
        self.assertLess(sent, FEW + MANY)
        text = process.read(path)
        self.assertIn("%d records replayed in" % sent, text)
        command = shlex.split(text.splitlines()[-1])
        self.assertEqual(command[:2], ["unstale", "replay"])
        self.assertEqual(command[-1], "%s:1:%d" % (self.events, sent - FEW - 1))
        command.remove("--rate=50")
        self.replay(*command[2:])
        again = sorted(self.again(), key=lambda record: (record.partition, record.offset))
        self.assertEqual([json.loads(record.value)["pk"] for record in again],
                         list(range(FEW + MANY)))


if __name__ == "__main__":
    main()
