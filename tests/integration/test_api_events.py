"""POST /api/events: what is accepted arrives, what is not confirmed is said, and nobody else waits."""
import concurrent.futures
import http.client
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import Unstale
from lib.suite import BusTest, main

ONE = [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}}]
TOKEN = "s3cret-token"
WAITING = 32  # requests that may wait for Kafka at a time
TIMEOUT_S = 5


def product(pk, **members):
    return {"event": "post_save", "model": "shop.Product", "pk": pk, **members}


def lines(events):
    return "".join(json.dumps(event) + "\n" for event in events).encode()


class ApiEventsTest(BusTest):
    def start(self, **env):
        self.redis_server = self.redis()
        self.events = self.topic(partitions=3)
        return self.unstale(self.redis_server, self.events, ONE,
                            env={"UNSTALE_HTTP_TOKEN": TOKEN, **env})

    def start_without_kafka(self):
        bus = self.unstale(self.redis(), "nothing", ONE, ready=False,
                           brokers="127.0.0.1:%d" % process.free_port(),
                           env={"UNSTALE_HTTP_TOKEN": TOKEN})
        return bus.wait_listening()

    def post(self, bus, body, token=TOKEN, timeout=30):
        return bus.http("/api/events", "POST", body=body, token=token, timeout=timeout)

    def sent(self, body, nr):
        answer = self.post(self.bus, body)
        self.assertEqual((answer.status, json.loads(answer.body)), (200, {"sent": nr}), answer.text)

    def test_one_an_array_and_lines(self):
        self.bus = self.start()
        self.redis_server.fill(["p:%d" % pk for pk in range(1, 8)])
        self.sent(json.dumps(product(1)).encode(), 1)
        self.sent(json.dumps([product(2), product(3)], indent=2).encode(), 2)
        self.sent(lines([product(4), product(5)]), 2)
        self.sent(json.dumps({"record": True, "key": "own", "headers": {"a": "b"},
                              "value": product(6)}).encode(), 1)
        self.sent(b"", 0)
        self.wait_gone(self.redis_server, ["p:%d" % pk for pk in range(1, 7)])
        found = {json.loads(record.value)["pk"]: record for record in
                 self.topics.consume(self.events)}
        self.assertEqual(sorted(found), [1, 2, 3, 4, 5, 6])
        self.assertEqual([found[pk].key for pk in (1, 5, 6)],
                         [b"shop.Product:1", b"shop.Product:5", b"own"])
        self.assertEqual(found[6].headers, [("a", b"b")])

    def test_one_bad_line_and_nothing_is_sent(self):
        bus = self.start()
        answer = self.post(bus, lines([product(1), product(None), {}]))
        self.assertEqual(answer.status, 400, answer.text)
        self.assertEqual(json.loads(answer.body), {
            "error": "nothing sent: 2 of 3 events are invalid",
            "invalid": [{"line": 2, "column": 55, "message":
                         '"pk" must be a string, an integer or an array, not null'},
                        {"line": 3, "column": 1, "message": '"event" is missing'}]})
        self.assertEqual(self.topics.ends(self.events), [0, 0, 0])

    def test_who_may(self):
        bus = self.start()
        body = lines([product(1)])
        for wrong in (None, "", TOKEN[:-1], TOKEN + "x"):
            answer = self.post(bus, body, token=wrong)
            self.assertEqual(answer.status, 401, wrong)
            self.assertEqual(answer.headers["WWW-Authenticate"], "Bearer")
        self.assertEqual(bus.http("/api/events", token=TOKEN).status, 405)
        bus.stop()
        bus = self.start(UNSTALE_HTTP_TOKEN="")
        for token in (None, "", TOKEN):
            self.assertEqual(self.post(bus, body, token=token).status, 403)

    def test_bodies_are_capped(self):
        bus = self.start()
        most = [product(i, after={"pad": "x" * 400}) for i in range(2000)]
        body = lines(most)
        self.assertLess(len(body), 1 << 20)
        answer = self.post(bus, body + b" " * ((1 << 20) - len(body)))
        self.assertEqual((answer.status, json.loads(answer.body)), (200, {"sent": 2000}))
        self.assertEqual(self.post(bus, body + b" " * ((1 << 20) - len(body) + 1)).status, 413)
        self.assertEqual(sum(self.topics.ends(self.events)), 2000)

    def test_many_quick_clients(self):
        """Eight clients that keep their connections, one event a request."""
        bus = self.start()

        def client(first):
            connection = http.client.HTTPConnection("127.0.0.1", bus.port, timeout=30)
            for pk in range(first, first + 100):
                connection.request("POST", "/api/events", lines([product(pk)]),
                                   {"Authorization": "Bearer " + TOKEN})
                reply = connection.getresponse()
                self.assertEqual((reply.status, reply.read()), (200, b'{"sent":1}\n'))
            connection.close()

        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(client, range(0, 800, 100)))
        self.notes.append("%d requests a second" % (800 / (time.monotonic() - start)))
        found = [json.loads(record.value)["pk"] for record in self.topics.consume(self.events)]
        self.assertEqual(sorted(found), list(range(800)))
        self.wait_lag(self.events, bus.group)

    def test_kafka_is_away(self):
        bus = self.start_without_kafka()
        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(WAITING + 8) as pool:
            posts = [pool.submit(self.post, bus, lines([product(i), product(i)]))
                     for i in range(WAITING + 8)]
            slowest = 0.0
            while not all(post.done() for post in posts):
                asked = time.monotonic()
                self.assertEqual(bus.http("/healthz").status, 200)
                slowest = max(slowest, time.monotonic() - asked)
                time.sleep(0.02)
            answers = [post.result() for post in posts]
        self.assertGreaterEqual(time.monotonic() - start, TIMEOUT_S)
        self.assertLess(slowest, TIMEOUT_S / 2)
        self.assertEqual({answer.status for answer in answers}, {503})
        told = [json.loads(answer.body) for answer in answers]
        at_once = [one for one in told if "too many requests are waiting" in one["error"]]
        self.assertEqual(len(at_once), 8)
        late = [one for one in told if one not in at_once]
        self.assertEqual({(one["sent"], one["unconfirmed"]) for one in late}, {(0, 2)})
        self.assertEqual(late[0]["error"], "not delivered within message.timeout.ms (2 of 2 not "
                         "confirmed: they may still arrive, events come at least once)")

    def test_who_waits_is_answered_at_the_end(self):
        bus = self.start_without_kafka()
        waiting = [http.client.HTTPConnection("127.0.0.1", bus.port, timeout=30) for _ in range(3)]
        for i, connection in enumerate(waiting):
            connection.request("POST", "/api/events", lines([product(i)]),
                               {"Authorization": "Bearer " + TOKEN})
        # Who comes later and is refused says that those before were taken.
        self.assertEqual(self.post(bus, b"x").status, 400)
        self.assertEqual(bus.stop(), 0)
        for connection in waiting:
            self.assertEqual(connection.getresponse().status, 503)
            connection.close()

    def test_embedded(self):
        bus = Unstale("", "", rules=ONE, arguments=["--embedded"], bare=True, start=False,
                      env={"UNSTALE_HTTP_TOKEN": TOKEN,
                           "XDG_RUNTIME_DIR": process.private_folder("home")})
        for name in ("UNSTALE_KAFKA_BROKERS", "UNSTALE_REDIS_URL"):
            del bus.env[name]
        self.watch("unstale", bus.log)
        self.addCleanup(self._end, bus)
        self.bus = bus.start().wait_ready()
        self.sent(lines([product(1), product(2)]), 2)
        bus.wait_metric(lambda value: value == 2, "unstale_records_total")


if __name__ == "__main__":
    main()
