"""Dead letters are listed, sent again and dropped; whatever is killed, none is lost."""
import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process, program
from lib.program import json_lines
from lib.suite import BusTest, main, wait_until

BROKEN = [{"name": "by-sku", "when": {"model": "shop.Product"}, "do": {"delete": "p:{sku}"}},
          {"name": "by-code", "when": {"model": "shop.Code"}, "do": {"delete": "c:{code}"}}]
MENDED = {"version": 1, "caches": {"default": {"keys": "raw", "serializer": "raw"}}, "rules": [
    {"name": "by-sku", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}},
    {"name": "write", "when": {"model": "shop.Code", "op": ["create", "update"]},
     "do": {"refresh": {"key": "c:{pk}", "ttl": "10m", "value": "{after.name}"}}}]}
LETTERS = 1000


def saved(model, pk, **after):
    return {"key": "%s:%s" % (model, pk),
            "value": {"event": "post_save", "model": model, "pk": pk, "created": False,
                      "before": {}, "after": after}}


class DlqTest(BusTest):
    def setUp(self):
        super().setUp()
        self.events = self.topic(partitions=2)
        self.env = {"UNSTALE_KAFKA_BROKERS": self.broker.brokers,
                    "UNSTALE_KAFKA_TOPICS": self.events, "UNSTALE_KAFKA_GROUP": self.name,
                    "UNSTALE_KAFKA_DEAD_LETTER_TOPIC": self.events + ".dlq"}

    def set_aside(self, records):
        """Letters of these records, none of which the rules can apply, by a running program."""
        self.store = self.redis()
        self.bus = self.unstale(self.store, self.events, BROKEN)
        self.env["UNSTALE_RULES"] = self.bus.rules
        self.topics.produce(self.events, records)
        self.wait_lag(self.events, self.name)
        self.assertEqual(len(self.letters()), len(records))

    def put(self, records, **added):
        """Letters as the program writes them, without one."""
        headers = dict({"__connect.errors.topic": self.events, "__connect.errors.partition": "0",
                        "__connect.errors.offset": "7", "unstale.reason": "missing_field",
                        "unstale.attempts": "1"}, **added)
        self.topics.produce(self.events + ".dlq", [
            dict(record, headers=record.get("headers", []) + list(headers.items()))
            for record in records])

    def mend(self):
        program.rules_file(MENDED, self.bus.rules_path)
        self.bus.reload()
        self.bus.wait_metric(lambda value: value >= 2, "unstale_rules_reloads_total", result="ok")

    def dlq(self, *words, code=0):
        got, out, err = program.unstale("dlq", *words, env=self.env)
        self.assertEqual(got, code, out + err)
        return out, err

    def letters(self, *words):
        return json_lines(self.dlq("ls", "--format", "json", *words)[0])

    def places(self, *words):
        return [letter["letter"] for letter in self.letters(*words)]

    def test_what_is_listed(self):
        records = [saved("shop.Product", 1), saved("shop.Code", 2),
                   {"key": b"\xff\x00", "value": b"not json", "timestamp": 1795341600123,
                    "headers": [("unstale.done", "dropped"), ("unstale.letter", "0")]}]
        self.set_aside(records)
        by_key = {json.dumps(letter["key"]): letter for letter in self.letters()}
        first = by_key['"shop.Product:1"']
        self.assertEqual((first["reason"], first["rule"], first["action"], first["field"]),
                         ("missing_field", "by-sku", "delete", "sku"))
        self.assertEqual((first["topic"], first["offset"], first["attempts"], first["done"]),
                         (self.events, 0, 1, False))
        self.assertEqual(by_key['{"base64": "/wA="}']["timestamp"], 1795341600123)
        place = first["letter"]
        for words in (["--rule", "by-sku"], ["--model", "SHOP.product"], [place],
                      ["--reason", "missing_field", "--model", "shop.Product"]):
            self.assertEqual(self.places(*words), [place], words)
        for words in (["--rule", "nobody"], ["--topic", "another"], ["--model", "shop.Other"],
                      ["--since", "2100-01-01T00:00:00Z"], ["0:77"], ["7:0"]):
            self.assertEqual(self.places(*words), [], words)
        self.assertEqual(len(self.places("--topic", self.events, "--until", "0s")), 3)
        self.assertEqual(len(self.places("--since", "1h")), 2)
        self.assertEqual(len(self.places("--limit", "2")), 2)
        out, _ = self.dlq("ls")
        self.assertEqual(out.splitlines()[-1], "3 letters")
        self.assertEqual(sorted(line.split()[:3] for line in out.splitlines()[-4:-1]),
                         [["1", "bad_event", "-"], ["1", "missing_field", "by-code"],
                          ["1", "missing_field", "by-sku"]])
        out, _ = self.dlq("ls", "--summary", "--rule", "by-sku")
        self.assertEqual(len(out.splitlines()), 3)
        only, = self.letters("--summary", "--reason", "bad_event")
        self.assertEqual((only["letters"], only["rule"], only["first"]), (1, "-", 1795341600123))
        self.show_and_explain(place)

    def show_and_explain(self, place):
        out, _ = self.dlq("show", place)
        for text in ("missing_field", "by-sku", "shop.Product:1", "%s:" % self.events,
                     '  "model": "shop.Product"', "unstale dlq retry %s\n" % place):
            self.assertIn(text, out)
        whole = json.loads(self.dlq("show", "--format", "json", place)[0])
        self.assertEqual((whole["letter"], whole["value"]["pk"], whole["failures"][0]["field"]),
                         (place, 1, "sku"))
        self.assertIn("unstale.rules_hash", whole["headers"])
        self.assertIn("unstale dlq export %s | unstale explain -" % place, out)
        exported, _ = self.dlq("export", place)
        code, out, _ = program.unstale("explain", "--format", "json", "-", input=exported,
                                       env=self.env)
        self.assertEqual(code, 1)
        self.assertEqual(json.loads(out)["dead_letter"]["field"], "sku")
        self.dlq("show", "0:55", code=1)

    def test_what_is_exported_is_sent_byte_for_byte(self):
        values = [b'{"event": "x",  "model":"shop.Product"}', b"\xff\x00\xfe", b"[]", b"",
                  b'{"event":"x","model":"shop.Product"}']
        headers = [("a", b"1"), ("a", b"\xff"), ("n", None)]
        self.put([{"key": b"k\xff", "value": value, "headers": headers,
                   "timestamp": 1795341600123} for value in values])
        exported = json_lines(self.dlq("export")[0])
        self.assertEqual(exported[4]["value"], {"event": "x", "model": "shop.Product"})
        self.assertEqual(exported[1]["value"], {"base64": "/wD+"})
        self.assertEqual(exported[0]["headers"][:3],
                         [["a", "1"], ["a", {"base64": "/w=="}], ["n", None]])
        self.dlq("retry")
        again = [record for record in self.topics.consume(self.events)
                 if "unstale.replayed" in dict(record.headers)]
        self.assertEqual([record.value for record in again], values)
        self.assertEqual({record.key for record in again}, {b"k\xff"})
        self.assertEqual({record.partition for record in again}, {0})
        for record in again:
            self.assertEqual(record.headers[:3], headers)
            self.assertEqual([name for name, _ in record.headers[3:]],
                             ["unstale.replayed", "unstale.attempts"])
            self.assertLess(abs(record.timestamp - time.time() * 1000), 60000)

    def test_retried_it_fails_again_or_deletes(self):
        self.set_aside([saved("shop.Code", 1, name="old")])
        self.dlq("retry")
        wait_until(lambda: len(self.letters()) == 1, 60, "it is dead again")
        letter, = self.letters()
        self.assertEqual(letter["attempts"], 2)
        raw = [record for record in self.topics.consume(self.events + ".dlq")
               if record.value is not None][-1]
        self.assertEqual([name for name, _ in raw.headers].count("unstale.attempts"), 1)
        self.assertEqual(len(self.places("--done")), 2)
        self.mend()
        self.store.fill(["c:1"], value="newer")
        out, _ = self.dlq("retry", "--dry-run")
        self.assertEqual(len(self.places()), 1)
        done, _ = self.dlq("retry")
        self.assertEqual(out.splitlines()[:-1], done.splitlines()[:-1])
        self.wait_gone(self.store, ["c:1"])
        self.assertEqual(self.letters(), [])

    def test_drop_marks_and_sends_nothing(self):
        self.put([saved("shop.Product", pk) for pk in range(3)])
        self.put([saved("shop.Code", 1)], **{"unstale.rule": "by-code"})
        self.dlq("drop", code=2)
        self.dlq("drop", "--rule", "by-code")
        self.assertEqual(len(self.places()), 3)
        self.dlq("drop", "--limit", "1")
        self.assertEqual(len(self.places()), 2)
        self.dlq("drop", "--all", "--dry-run")
        self.assertEqual(len(self.places()), 2)
        self.dlq("drop", "--all")
        self.assertEqual(self.places(), [])
        self.assertEqual(len(self.places("--done")), 4)
        self.assertEqual(self.topics.consume(self.events), [])
        self.dlq("retry", "0:0", code=1)

    def test_what_cannot_be_retried(self):
        stub = [("__connect.errors.topic", self.events), ("unstale.reason", "too_large"),
                ("unstale.value_size", "2000000")]
        foreign = [("__connect.errors.topic", self.events)]
        gone = [("__connect.errors.topic", self.events + ".gone"), ("unstale.reason", "bad_event")]
        loop = [("__connect.errors.topic", self.events + ".dlq"), ("unstale.reason", "bad_event")]
        self.topics.produce(self.events + ".dlq", [
            {"value": "x", "headers": headers} for headers in (stub, foreign, gone, loop)])
        out, err = self.dlq("retry", code=1)
        self.assertIn("0 letters retried, 1 failed, 3 cannot be", out)
        for text in ("0:0: not sent: only the beginning", "0:1: not sent: another program's",
                     "0:2: not sent: ", "0:3: not sent: it came from the dead-letter topic"):
            self.assertIn(text, err)
        self.assertEqual(len(self.places()), 4)
        self.assertIn("2000000", self.dlq("show", "0:0")[0])
        self.assertIn("another program", self.dlq("show", "0:1")[0])

    def test_wrong_commands(self):
        for words in ([], ["list"], ["ls", "--rate", "5"], ["show"], ["show", "x"], ["ls", "1"],
                      ["ls", "--since", "soon"], ["ls", "--limit", "0"], ["retry", "--rate", "-1"],
                      ["retry", "--format", "json"], ["ls", "--all"], ["drop", "--all", "0:1"]):
            self.dlq(*words, code=2)
        env = dict(self.env, UNSTALE_KAFKA_DEAD_LETTER_TOPIC=self.events + ".none")
        code, _, err = program.unstale("dlq", "ls", env=env)
        self.assertEqual(code, 1)
        self.assertIn("does not exist", err)

    def begin_retry(self, *words):
        path = os.path.join(process.private_folder("retry"), "out")
        return process.start([program.program(), "dlq", "retry"] + list(words), log=path,
                             env=program.environment(self.env),
                             cwd=process.scratch()), path

    def test_killed_in_the_middle_and_run_again(self):
        self.set_aside([saved("shop.Product", pk) for pk in range(LETTERS)])
        self.store.fill(["p:%d" % pk for pk in range(LETTERS)])
        self.mend()
        child, path = self.begin_retry("--all", "--rate", "200")
        wait_until(lambda: process.read(path).count("\n") >= LETTERS // 3, 60,
                   lambda: "a third is done\n" + process.tail(path))
        process.kill(child)
        left = len(self.letters())
        self.assertTrue(0 < left < LETTERS, left)
        out, _ = self.dlq("retry", "--all", "--quiet")
        self.assertTrue(out.startswith("%d letters retried" % left), out)
        self.assertEqual(self.letters(), [])
        self.wait_lag(self.events, self.name)
        self.wait_gone(self.store, ["p:%d" % pk for pk in range(LETTERS)])
        sent = [json.loads(record.value)["pk"] for record in self.topics.consume(self.events)
                if "unstale.replayed" in dict(record.headers)]
        self.assertEqual(set(sent), set(range(LETTERS)))
        self.notes.append("%d records came twice" % (len(sent) - LETTERS))
        self.assertEqual(len(self.places("--done")), LETTERS)

    def test_cancelled_it_says_what_was_done(self):
        self.put([saved("shop.Product", pk) for pk in range(LETTERS)])
        child, path = self.begin_retry("--rate", "200/s")
        wait_until(lambda: process.read(path).count("\n") >= 50, 60, "some are done")
        self.assertEqual(process.kill(child, signal.SIGINT), 1)
        lines = process.read(path).splitlines()
        self.assertIn("cancelled", lines[-1])
        self.assertEqual(int(lines[-1].split()[0]), len(lines) - 1)
        self.assertEqual(len(self.letters()), LETTERS - (len(lines) - 1))


if __name__ == "__main__":
    main()
