"""The program's own surroundings: row 16 of the table in docs/reliability.md, and a hostile
network."""
import os
import resource
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from checker import FaultTest, every_run, main, other_build, wait_until

from lib import process
from lib.proxy import Proxy

CONNECTIONS = 1000
SUPPRESSIONS = os.path.join(process.ROOT, "tests", "lint", "tsan.txt")
TOKEN = "s3cret-token"
PATHS = [b"/../../etc/passwd", b"/%2e%2e/%2e%2e/etc/passwd", b"//healthz", b"/\xff\xfe",
         b"/" + b"a" * 8000, b"/healthz?" + b"x=1&" * 3000, b"/console/..%2f..%2fetc", b"/%00",
         b"*", b"http://x/healthz"]
BROKEN = [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"\r\n" * 200, b"GET / HTTP/9.9\r\n\r\n",
          b"POST /-/reload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
          b"ffffffffffff\r\n",
          b"GET /healthz HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
          b"POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
          b"GET /metrics HTTP/1.1\r\n" + b"X-Header: y\r\n" * 5000 + b"\r\n"]


class ProgramTest(FaultTest):
    def sanitized(self, build):
        """Every path of a failing connection under sanitizers."""
        path = other_build(self, build)
        store = self.redis()
        proxy = Proxy(lambda: ("127.0.0.1", store.port))
        self.addCleanup(proxy.stop)
        self.begin(store, url="redis://127.0.0.1:%d/1" % proxy.port, path=path,
                   env={"TSAN_OPTIONS": "suppressions=" + SUPPRESSIONS})
        for at in range(25):
            self.await_share(0.03 * at)
            self.act("a fault", lambda: self.history.add(proxy.random_fault(self.random, 0.4)))
        self.caught_up()
        self.settle()
        self.assertNotIn("runtime error", self.bus.log_text())
        self.assertNotIn("Sanitizer", self.bus.log_text())

    def test_row_16_sanitizers_of_memory_while_redis_is_cut_off(self):
        self.sanitized("address-undefined")

    def test_row_16_sanitizer_of_threads_while_redis_is_cut_off(self):
        self.sanitized("thread")

    @every_run
    def test_row_16_a_full_disk_under_the_log(self):
        """Lines are lost, events are not."""
        self.goes_back = True
        with open("/dev/full", "wb", buffering=0) as full:
            self.begin(self.redis(), stderr=full)
            for share in (0.2, 0.4, 0.6):
                self.await_share(share)
                self.act("SIGKILL to Redis", self.store.kill)
                self.act("Redis is started", self.store.start)
                self.store.fill(["q:%d" % i for i in range(100)])
        self.values_may_go = True
        self.settle()

    def test_row_16_no_descriptor_is_left(self):
        """Where no socket can be opened, connections are tried again until one can."""
        store = self.redis()
        proxy = Proxy(lambda: ("127.0.0.1", store.port))
        self.addCleanup(proxy.stop)
        self.begin(store, url="redis://127.0.0.1:%d/1" % proxy.port)
        self.await_share(0.3)
        pid = self.bus.child.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        self.act("no descriptor is left", resource.prlimit, pid, resource.RLIMIT_NOFILE,
                 (3, before[1]))
        proxy.reset()
        self.dwell(3)
        self.mend("there are descriptors again", resource.prlimit, pid, resource.RLIMIT_NOFILE,
                  before)
        self.settle()

    def test_row_16_no_memory_is_left(self):
        """It ends rather than go on without; what was not acknowledged comes again."""
        self.begin(self.redis(), static=True)
        for share in (0.2, 0.5):
            self.await_share(share)
            self.retire(self.bus)
            pid = self.bus.child.pid
            for limit in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
                resource.prlimit(pid, limit, (1 << 20, resource.prlimit(pid, limit)[1]))
            self.act("no memory is left")
            large = b"%g" % share + b"x" * (1 << 20)
            self.topics.produce(self.events, [{"value": large}])
            self.workload.letters.append(large)
            wait_until(lambda: not self.bus.running() or self.lag() == 0, 30, "it ends or lives")
            self.bus.kill()
            self.history.add("it ended with %d" % self.bus.child.returncode)
            since = time.monotonic()
            self.act("started again", self.bus.start)
            self.bus.wait_ready()
            self.caught_up(since)
        self.settle()

    # The HTTP service among strangers.

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.bus.port), timeout=5)
        self.addCleanup(client.close)
        return client

    def send(self, data):
        """Whatever comes back, or nothing."""
        with self.connect() as client:
            try:
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                return client.recv(4096)
            except OSError:
                return b""

    def crowd(self):
        clients = []
        for _ in range(CONNECTIONS):
            try:
                client = self.connect()
                client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            except OSError:
                break
            clients.append(client)
        return clients

    def test_row_16_the_pipeline_does_not_mind_a_hostile_network(self):
        """1,000 slow clients, broken requests, wrong tokens, bodies without end."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.begin(self.redis(), env={"UNSTALE_HTTP_TOKEN": TOKEN})
        self.await_share(0.1)
        clients = self.act("a crowd comes", self.crowd)
        for path in PATHS:
            reply = self.send(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertNotIn(b"root:", reply)
        for data in BROKEN:
            self.send(data)
        for i in range(100):
            reply = self.send(b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
                              b"Authorization: Bearer wrong%d\r\n\r\n" % i)
            self.assertNotIn(b" 200 ", reply)
        self.await_share(0.7)
        self.assertLessEqual(self.lag(), 10 * 100, "behind while strangers were at the door")
        self.act("the crowd leaves", lambda: [client.close() for client in clients])
        self.notes.append("%d connections stood open" % len(clients))
        self.caught_up()
        self.bus.wait_ready()
        self.settle()


if __name__ == "__main__":
    main()
