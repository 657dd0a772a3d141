"""A Redis that lies. What cannot be the answer is not believed: nothing counts as applied that was not,
the connection is closed, the log says why once, and all is applied once Redis tells the truth."""
import itertools
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.liar import CLOSE, EARLY, Liar
from lib.suite import BusTest, main, wait_until

RULES = [
    {"name": "one", "when": {"model": "a.Delete"}, "do": {"delete": "p:{pk}"}},
    {"name": "list", "when": {"model": "a.Purge"}, "do": {"purge": "list:{pk}:*"}},
    {"name": "tag", "when": {"model": "a.Tag"}, "do": {"purge_tag": "tag:{pk}"}},
    {"name": "bump", "when": {"model": "a.Bump"}, "do": {"bump": "v:{pk}"}},
]
MOST_MORE_BYTES = 300 << 20  # of memory, whatever is promised or sent
PIECE = b"x" * (1 << 20)

# Every kind of reply is held against every command in the unit tests of the executor.
UNLINK = [
    b"+OK\r\n", b"*1\r\n:1\r\n", b":99\r\n", b"$1099511627776\r\nabc" + CLOSE,
    b"*1099511627776\r\n:1\r\n" + CLOSE, b"*1\r\n" * 5000, b":1" + CLOSE,
    b"+OK\r\n:1\r\n:1\r\n:1\r\n", b">3\r\n+message\r\n+a\r\n+b\r\n:1\r\n",
    b"\0\xff\xfe garbage \r\n\r\n", CLOSE, b"-\r\n", b"-READONLY\r\n",
]
GREETING = [
    {b"SELECT": b":1\r\n"}, {b"CLIENT": b":7\r\n"}, {b"INFO": b"$-1\r\n"},
    {b"INFO": b"*1\r\n$5\r\nINFO!\r\n"}, {b"INFO": b"$30\r\nredis_version:9" + CLOSE},
    {EARLY: b"+OK\r\n+OK\r\n:1\r\n:1\r\n"},
    {EARLY: b"-ERR max number of clients reached\r\n" + CLOSE},
]
SCAN = [b"+OK\r\n", b":0\r\n", b"$-1\r\n", b"*0\r\n", b"*2\r\n$1\r\nx\r\n*0\r\n",
        b"*2\r\n*0\r\n*0\r\n", b"*2\r\n:-5\r\n*0\r\n"]
SCRIPTS = [{b"EVALSHA": b"+OK\r\n"}, {b"EVALSHA": b"*0\r\n"}, {b"EVALSHA": b"$-1\r\n"}]
TAG = [{b"SSCAN": b"+OK\r\n"}, {b"SSCAN": b"*0\r\n"}, {b"RENAMENX": b"+OK\r\n"},
       {b"RENAMENX": b":-7\r\n"}]


def memory(bus):
    """(now, at most) in bytes."""
    status = dict(line.split(":", 1) for line in
                  process.read("/proc/%d/status" % bus.child.pid).splitlines())
    return tuple(int(status[name].split()[0]) << 10 for name in ("VmRSS", "VmHWM"))


class HostileRedisTest(BusTest):
    def setUp(self):
        super().setUp()
        self.store = self.redis()
        self.liar = Liar(self.store.port)
        self.addCleanup(self.liar.stop)
        self.events = self.topic()
        self.bus = self.unstale(None, self.events, RULES,
                                url="redis://127.0.0.1:%d/1" % self.liar.port)
        self.feeder = self.topics.feed(self.events)
        self.addCleanup(self.feeder.close)
        self.numbers = itertools.count(1)
        self.sent = 0

    def send(self, model):
        pk = next(self.numbers)
        for key in ("p:%d" % pk, "list:%d:a" % pk, "member:%d" % pk):
            self.store.cmd("SET", key, "1")
        self.store.cmd("SADD", "tag:%d" % pk, "member:%d" % pk)
        self.feeder.send([{"value": {"event": "post_save", "model": model, "pk": pk,
                                     "created": False}}])
        self.sent += 1
        return pk

    def deceive(self, told, model, key, greets=False):
        """Lies until it was told twice, then the truth; the key goes only then."""
        self.liar.lie(told)
        if greets:
            self.liar.cut()
        key %= self.send(model)
        wait_until(lambda: self.liar.lies >= 2, 30, lambda: "%s is told twice, not %d times" % (
            told, self.liar.lies))
        self.assertEqual(self.store.cmd("EXISTS", key), 1, told)
        self.assertLess(self.bus.metric("unstale_committed_offset"), self.sent)
        self.liar.truth()
        self.wait_gone(self.store, [key])
        self.assertTrue(self.bus.running())

    def finish(self):
        self.wait_lag(self.events, self.name)
        self.bus.wait_ready()
        self.assertEqual(self.bus.metric("unstale_dead_letters_total"), 0)
        self.assertGreaterEqual(self.sent * 3, self.bus.metric("unstale_keys_deleted_total"))

    def test_of_deletes(self):
        for reply in UNLINK:
            with self.subTest(reply=reply[:60]):
                self.deceive({b"UNLINK": reply}, "a.Delete", "p:%d")
        self.finish()

    def test_of_itself(self):
        for told in GREETING:
            with self.subTest(told=told):
                self.deceive(told, "a.Delete", "p:%d", greets=True)
        self.finish()

    def test_of_patterns_and_tags(self):
        for reply in SCAN:
            with self.subTest(reply=reply):
                self.deceive({b"SCAN": reply}, "a.Purge", "list:%d:a")
        for told in TAG:
            with self.subTest(told=told):
                self.deceive(told, "a.Tag", "member:%d")
        self.finish()

    def test_of_counters(self):
        for told in SCRIPTS:
            with self.subTest(told=told):
                self.liar.lie(told)
                pk = self.send("a.Bump")
                wait_until(lambda: self.liar.lies >= 2, 30, "it is told twice")
                self.assertEqual(self.store.cmd("EXISTS", "v:%d" % pk), 0)
                self.liar.truth()
                wait_until(lambda: self.store.cmd("EXISTS", "v:%d" % pk), 30, "the counter is there")
        self.finish()

    def test_without_end(self):
        before = memory(self.bus)[0]
        self.deceive({b"UNLINK": lambda: itertools.chain([b"$1099511627776\r\n"],
                                                         itertools.repeat(PIECE))},
                     "a.Delete", "p:%d")
        array = (b"$1000\r\n" + b"x" * 1000 + b"\r\n") * 1000
        self.deceive({b"SCAN": lambda: itertools.chain([b"*2\r\n$1\r\n1\r\n*4000000000\r\n"],
                                                       itertools.repeat(array))},
                     "a.Purge", "list:%d:a")
        if not process.is_sanitized():  # AddressSanitizer keeps what is freed for a while
            self.assertLess(memory(self.bus)[1], before + MOST_MORE_BYTES)
        self.finish()

    def test_it_is_said_once_and_asked_ever_more_seldom(self):
        since = time.monotonic()
        self.liar.lie({b"UNLINK": b"+OK\r\n"})
        pk = self.send("a.Delete")
        wait_until(lambda: self.liar.lies >= 3, 60, "it is told three times")
        self.assertGreater(time.monotonic() - since, 0.15)
        answer = self.bus.http("/readyz")
        self.assertEqual(answer.status, 503)
        self.assertIn("the reply is none that UNLINK has", answer.text)
        self.liar.lie({b"SELECT": b"-WRONGPASS invalid\r\n"})
        self.bus.wait_log("WRONGPASS")
        self.liar.truth()
        self.wait_gone(self.store, ["p:%d" % pk])
        self.finish()
        said = [line["msg"] for line in map(json.loads, self.bus.log_text().splitlines())
                if "Redis" in line["msg"]]
        self.assertEqual(said, ["Redis is away", "Redis refuses us", "Redis answers again"])


if __name__ == "__main__":
    main()
