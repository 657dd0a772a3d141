"""A broker that closes the connection in every state of the protocol, before it read the request and
after: nothing is lost, and the service comes back by itself."""
import os
import signal
import socket
import struct
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.listener import Listener
from lib.program import QUICK_SESSIONS
from lib.suite import BusTest, main, wait_until

RULES = [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}}]
# Requests by their number in the protocol.
PRODUCE, FETCH, LIST_OFFSETS, METADATA, COMMIT, COMMITTED, COORDINATOR, JOIN, HEARTBEAT, LEAVE, SYNC, \
    VERSIONS = 0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 18
AT_START = [VERSIONS, METADATA, COORDINATOR, JOIN, SYNC, COMMITTED, LIST_OFFSETS, FETCH]
LATER = [FETCH, HEARTBEAT, COMMIT, METADATA, COORDINATOR]
OPTIONS = QUICK_SESSIONS + ";reconnect.backoff.ms=50;reconnect.backoff.max.ms=200;" \
    "auto.commit.interval.ms=200;retry.backoff.ms=50"


def read_frame(file):
    head = file.read(4)
    if len(head) < 4:
        return None
    body = file.read(struct.unpack(">i", head)[0])
    return head + body


class BrokerProxy:
    """Passes frames on and puts its own port in place of the broker's wherever a reply names that.

    `close_at(apis)`: for each of them one connection is closed at the request, and one at its reply."""

    def __init__(self, broker):
        host, port = broker.rsplit(":", 1)
        self._broker = (host, int(port))
        self._due = []
        self._lock = threading.Lock()
        self.refuses = 0
        self._listener = Listener(self._serve, self._admit)
        self.port = self._listener.port
        named = host.encode()
        self._names = [(named + struct.pack(">i", int(port)), named + struct.pack(">i", self.port))]

    def close_at(self, apis):
        with self._lock:
            self._due = [(api, when) for api in apis for when in ("request", "reply")]

    def due(self):
        with self._lock:
            return list(self._due)

    def stop(self):
        self._listener.stop()

    def _is_due(self, api, when):
        with self._lock:
            if (api, when) not in self._due:
                return False
            self._due.remove((api, when))
            return True

    def _admit(self, client):
        if self.refuses == 0:
            return True
        self.refuses -= 1
        client.close()
        return False

    def _serve(self, client):
        apis = {}  # by correlation id
        with client, socket.create_connection(self._broker) as real:
            replies = threading.Thread(target=self._replies, args=(client, real, apis), daemon=True)
            replies.start()
            try:
                self._requests(client, real, apis)
            except OSError:
                pass  # the other side closed
            for one in (client, real):
                self._shut(one)
            replies.join()

    @staticmethod
    def _shut(one):
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _requests(self, client, real, apis):
        file = client.makefile("rb")
        while True:
            frame = read_frame(file)
            if frame is None:
                return
            api, _, correlation = struct.unpack(">hhi", frame[4:12])
            if self._is_due(api, "request"):
                return
            apis[correlation] = api
            real.sendall(frame)

    def _replies(self, client, real, apis):
        file = real.makefile("rb")
        try:
            while True:
                frame = read_frame(file)
                if frame is None:
                    break
                if self._is_due(apis.pop(struct.unpack(">i", frame[4:8])[0], None), "reply"):
                    break
                for name, own in self._names:
                    frame = frame.replace(name, own)
                client.sendall(frame)
        except OSError:
            pass  # the other side closed
        self._shut(client)
        self._shut(real)


class HostileBrokerTest(BusTest):
    def setUp(self):
        super().setUp()
        self.proxy = BrokerProxy(self.broker.brokers)
        self.addCleanup(self.proxy.stop)
        self.store = self.redis()
        self.events = self.topic(2)
        self.pks = 0

    def start(self):
        return self.unstale(self.store, self.events, RULES, ready=False,
                            brokers="127.0.0.1:%d" % self.proxy.port,
                            env={"UNSTALE_KAFKA_OPTIONS": OPTIONS})

    def emit(self, nr=100):
        pks = range(self.pks, self.pks + nr)
        self.pks += nr
        self.store.fill(["p:%d" % pk for pk in pks])
        self.emit_products(self.events, pks)

    def wait_closed(self, bus):
        """Until it was closed in all of these states."""
        def is_over():
            self.assertTrue(bus.running(), bus.tail())
            return not self.proxy.due()
        wait_until(is_over, 90, lambda: "closed at all of these; not at %s\n%s" % (
            self.proxy.due(), bus.tail()))

    def wait_applied(self):
        self.wait_gone(self.store, ["p:%d" % pk for pk in range(self.pks)], timeout=90)
        self.wait_lag(self.events, self.name, timeout=90)

    def test_in_every_state(self):
        self.emit()
        self.proxy.refuses = 2
        self.proxy.close_at(AT_START)
        bus = self.start()
        self.wait_closed(bus)
        self.wait_applied()
        self.proxy.close_at(LATER)
        for _ in range(3):
            self.emit()
        self.wait_closed(bus)
        self.emit()
        self.wait_applied()
        bus.wait_ready(90)
        self.assertEqual(bus.metric("unstale_dead_letters_total"), 0)

    def test_while_it_leaves(self):
        """It goes all the same, and whoever comes next finds the place."""
        bus = self.start()
        self.emit()
        self.wait_applied()
        self.proxy.close_at([LEAVE, COMMIT])
        self.emit()
        self.wait_gone(self.store, ["p:%d" % pk for pk in range(self.pks)], timeout=90)
        self.assertEqual(process.kill(bus.child, signal.SIGTERM, 60), 0)
        self.proxy.close_at([])
        self.emit()
        self.start()
        self.wait_applied()

    def test_a_dead_letter_is_not_lost(self):
        """The offset moves only after Kafka has the dead letter."""
        bus = self.start()
        bus.wait_ready(90)
        self.proxy.close_at([PRODUCE])
        self.topics.produce(self.events, [{"key": "k", "value": "no event"}])
        self.wait_closed(bus)
        self.emit()
        self.wait_applied()
        self.assertGreaterEqual(len(self.topics.consume(self.events + ".dlq", max=1)), 1)


if __name__ == "__main__":
    main()
