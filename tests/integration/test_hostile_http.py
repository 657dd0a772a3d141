"""Clients of the HTTP service that mean harm: it goes on, and so does the pipeline, at its pace."""
import os
import socket
import statistics
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.suite import BusTest, main, wait_until

RULES = [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}}]
TOKEN = "s3cret-token"
MIB = 1 << 20
CLIENT_SECONDS = 10  # what a client may take for a request
MOST_OPEN = 128
RATE, SPAN_SECONDS, SPANS = 2000, 0.8, 6

UNFINISHED = [400, None]
STRANGE = [
    # What is sent, and the status; None: none came.
    (b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", [404]),
    (b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", [404]),
    (b"GET //healthz HTTP/1.1\r\nHost: x\r\n\r\n", [404]),
    (b"GET /healthz/ HTTP/1.1\r\nHost: x\r\n\r\n", [404]),
    (b"GET /healthz%00 HTTP/1.1\r\nHost: x\r\n\r\n", [404]),
    (b"GET /health\0z HTTP/1.1\r\nHost: x\r\n\r\n", [404, 400, None]),
    (b"GET /healthz%00.css HTTP/1.1\r\nHost: x\r\n\r\n", [404]),
    (b"GET /-/../-/reload HTTP/1.1\r\nHost: x\r\n\r\n", [404]),
    (b"POST /%2d/reload/.. HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", [404]),
    (b"GET http://evil.example/healthz HTTP/1.1\r\nHost: x\r\n\r\n", [404, 400]),
    (b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", [414, 431, 413, 400, None]),
    (b"GET /healthz?" + b"a=b&" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
     [414, 431, 413, 400, None]),
    (b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
     [431, 413, 400, None]),
    (b"BREW /healthz HTTP/1.1\r\nHost: x\r\n\r\n", [405]),
    (b"TRACE /metrics HTTP/1.1\r\nHost: x\r\n\r\n", [405]),
    (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n", [404, 405, 400]),
    (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", [404, 405]),
    (b"DELETE /api/events HTTP/1.1\r\nHost: x\r\n\r\n", [405]),
    (b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n", [505, 400, 200, None]),
    (b"\r\n\r\n\r\n" * 1000, UNFINISHED),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xff" * 500, UNFINISHED),
    (b"*1\r\n$4\r\nPING\r\n", UNFINISHED),
    (b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", [400, 413]),
    (b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
     [400, 413]),
    (b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 1e9\r\n\r\n", [400, 413]),
    (b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 1099511627776\r\n\r\nxx", [413]),
    (b"POST /-/reload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
     b"ffffffffffffffffff\r\n", [400, 413, None]),
    (b"POST /-/reload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
     [400, 413, None]),
    (b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nxxx"
     b"garbage that was pipelined\r\n\r\n", [403]),
    (b"POST /-/reload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + b"A" * 20000 +
     b"\r\nContent-Length: 0\r\n\r\n", [403, 431]),
    (b"POST /-/reload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer\r\nContent-Length: 0\r\n\r\n",
     [403]),
    (b"POST /-/reload HTTP/1.1\r\nHost: x\r\nAuthorization: bearer " + TOKEN.encode() +
     b"\0\r\nContent-Length: 0\r\n\r\n", [403, 400, None]),
    (b"POST /api/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + TOKEN[:-1].encode() +
     b"\r\nContent-Length: 2\r\n\r\n[]", [401]),
    (b"POST /api/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\n"
     b"Authorization: Bearer " + TOKEN.encode() + b"\r\nContent-Length: 2\r\n\r\n[]", [401]),
]


def send_all(client, data):
    """Whether everything went; the other end may well have closed in between."""
    try:
        client.sendall(data)
        return True
    except (BrokenPipeError, ConnectionResetError):
        return False


def is_closed(client):
    try:
        return client.recv(1 << 16, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


class Dripping(threading.Thread):
    """Many connections that each send a byte now and then, until they are closed; others come."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port = port
        self.ends = threading.Event()
        self.attacks = threading.Event()
        self.first = [self.dial(begin, i) for i in range(15) for begin in (
            b"GET /metrics HTTP/1.1\r\nX: ",
            b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n",
            b"POST /-/reload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n")]
        self.crowd = []

    def dial(self, begin, i):
        client = socket.socket()
        client.bind(("127.0.0.%d" % (2 + i % 20), 0))
        client.settimeout(10)
        client.connect(("127.0.0.1", self.port))
        send_all(client, begin)
        return client

    def run(self):
        while not self.ends.wait(0.2):
            for client in self.first:
                send_all(client, b"a")
            if self.attacks.is_set():
                self.harass()

    def harass(self):
        for i in range(50):
            self.crowd.append(self.dial(b"GET /healthz HTTP/1.1\r\nHost:", i))
        while len(self.crowd) > 400:
            self.crowd.pop(0).close()
        for request, _ in STRANGE[:4] + STRANGE[-4:]:
            with self.dial(request, 0):
                pass

    def close(self):
        self.ends.set()
        self.join()
        for client in self.first + self.crowd:
            client.close()


class Load(threading.Thread):
    """RATE events a second, each of another key."""

    def __init__(self, feeder):
        super().__init__(daemon=True)
        self.feeder = feeder
        self.ends = threading.Event()

    def run(self):
        started = time.monotonic()
        while not self.ends.wait(0.01):
            wanted = int((time.monotonic() - started) * RATE)
            self.feeder.send([
                {"key": "shop.Product:%d" % i,
                 "value": {"event": "post_save", "model": "shop.Product", "pk": i, "created": False}}
                for i in range(self.feeder.sent, wanted)])

    def close(self):
        self.ends.set()
        self.join()


class HostileHttpTest(BusTest):
    def start(self, partitions=1):
        self.store = self.redis()
        self.events = self.topic(partitions)
        return self.unstale(self.store, self.events, RULES, env={"UNSTALE_HTTP_TOKEN": TOKEN})

    def descriptors(self, bus):
        return len(os.listdir("/proc/%d/fd" % bus.child.pid))

    def ask(self, bus, request, allowed):
        """The status, or None when it was closed without an answer."""
        with socket.create_connection(("127.0.0.1", bus.port), timeout=30) as client:
            send_all(client, request)
            if allowed is UNFINISHED:  # the service may wait for more
                client.settimeout(0.3)
            try:
                answer = client.recv(1 << 16)
            except (ConnectionResetError, TimeoutError):
                return None
        return int(answer.split()[1]) if answer else None

    def test_strange_requests(self):
        bus = self.start()
        before = self.descriptors(bus)
        for request, allowed in STRANGE:
            with self.subTest(request=request[:80]):
                self.assertIn(self.ask(bus, request, allowed), allowed)
        self.assertEqual(bus.http("/healthz").status, 200)
        self.assertEqual(bus.metric("unstale_rules_reloads_total"), 1)
        wait_until(lambda: self.descriptors(bus) <= before + 1, 30,
                   lambda: "%d descriptors, %d before" % (self.descriptors(bus), before))

    def test_bodies_without_end_are_cut_off(self):
        bus = self.start()
        begin = "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n" \
            "Transfer-Encoding: chunked\r\n\r\n"
        for path in ("/api/events", "/-/reload", "/nowhere"):
            with socket.create_connection(("127.0.0.1", bus.port), timeout=30) as client:
                send_all(client, (begin % (path, TOKEN)).encode())
                chunk = b"10000\r\n" + b"[" * 65536 + b"\r\n"
                taken = 0
                while taken < 64 * MIB and send_all(client, chunk):
                    taken += len(chunk)
                self.assertLess(taken, 64 * MIB)  # what lies in the kernel's buffers counts too
        self.assertEqual(bus.http("/healthz").status, 200)
        self.assertEqual(bus.metric("unstale_rules_reloads_total"), 1)

    def test_a_thousand_connections(self):
        bus = self.start()
        before = self.descriptors(bus)
        held, most = [], 0
        try:
            for i in range(1000):
                client = socket.socket()
                client.bind(("127.0.0.%d" % (2 + i % 20), 0))
                client.settimeout(30)
                client.connect(("127.0.0.1", bus.port))
                send_all(client, b"GET /metrics HTTP/1.1\r\nHost:")
                held.append(client)
                if i % 100 == 99:  # the newest wins: whoever asks is answered
                    self.assertEqual(bus.http("/healthz", timeout=30).status, 200)
                    most = max(most, self.descriptors(bus))
        finally:
            for client in held:
                client.close()
        self.assertLessEqual(most, before + MOST_OPEN)
        wait_until(lambda: self.descriptors(bus) <= before + 1, 30,
                   lambda: "%d descriptors, %d before" % (self.descriptors(bus), before))

    def test_the_pipeline_keeps_its_pace(self):
        bus = self.start(partitions=2)
        feeder = self.topics.feed(self.events)
        load, attack = Load(feeder), Dripping(bus.port)
        counts = {False: [], True: []}
        load.start()
        attack.start()
        try:
            bus.wait_metric(lambda nr: nr > RATE / 2, "unstale_records_total")
            for i in range(SPANS):
                counts[i % 2 == 1].append(self.span(bus, attack, i % 2 == 1))
            attack.attacks.clear()
            # A byte now and then does not make a request: the first ones are gone by now, or soon.
            wait_until(lambda: all(map(is_closed, attack.first)), CLIENT_SECONDS + 50,
                       lambda: "%d slow clients are still there" %
                       sum(not is_closed(client) for client in attack.first))
        finally:
            attack.close()
            load.close()
        sent = feeder.close()
        calm, harassed = statistics.median(counts[False]), statistics.median(counts[True])
        self.notes.append("%d records a second calm, %d under attack" % (calm, harassed))
        self.assertGreaterEqual(harassed, calm / 2, counts)
        bus.wait_metric(lambda nr: nr == sent, "unstale_records_total")
        self.wait_lag(self.events, self.name)

    def span(self, bus, attack, is_attack):
        """Records a second."""
        (attack.attacks.set if is_attack else attack.attacks.clear)()
        before, since = bus.metric("unstale_records_total"), time.monotonic()
        time.sleep(SPAN_SECONDS)  # the span that is measured
        return (bus.metric("unstale_records_total") - before) / (time.monotonic() - since)


if __name__ == "__main__":
    main()
