"""Kafka, and the way to it: rows 6 and 7 of the table in docs/reliability.md."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from checker import FaultTest, main, takes, wait_until

from lib import process
from lib.kafka import KafkaBroker, KafkaCluster
from lib.proxy import Proxy
from lib.topic import Topics

DOWN_SECONDS = 60
ROUNDS = 20


class BehindProxy(KafkaBroker):
    """Clients are sent to the proxy; the tests have a listener of their own."""

    def __init__(self):
        self.direct = process.free_port()
        self.proxy = Proxy(lambda: ("127.0.0.1", self.port))
        port, controller = process.free_port(), process.free_port()
        listeners = {"PLAINTEXT": port, "TEST": self.direct, "CONTROLLER": controller}
        super().__init__(start=False, port=port, controller=controller, **{
            "listeners": ",".join("%s://127.0.0.1:%d" % pair for pair in listeners.items()),
            "advertised.listeners": "PLAINTEXT://127.0.0.1:%d,TEST://127.0.0.1:%d" %
                                    (self.proxy.port, self.direct),
            "listener.security.protocol.map": ",".join("%s:PLAINTEXT" % name
                                                       for name in listeners),
            "inter.broker.listener.name": "TEST"})
        self.topics = Topics("127.0.0.1:%d" % self.direct)
        self.brokers = "127.0.0.1:%d" % self.proxy.port
        self.start()


class ProxyTest(FaultTest):
    def setUp(self):
        super().setUp()
        self.own = BehindProxy()
        self.addCleanup(self.own.stop)
        self.addCleanup(self.own.proxy.stop)
        self.watch("kafka", self.own.log)

    broker = property(lambda self: self.own)
    topics = property(lambda self: self.own.topics)

    def test_row_06_whatever_networks_do(self):
        """Cut in every state: fetches, commits, joins and dead letters among them."""
        self.count = 12000
        self.begin(self.redis())
        for at in range(ROUNDS):
            self.await_share(0.75 * at / ROUNDS)
            self.act("a fault", lambda: self.history.add(
                self.own.proxy.random_fault(self.random, 1.5)))
        self.settle()

    def test_row_06_thrown_out_of_the_group(self):
        """Nothing passes for longer than the session: commits fail, the place is lost, and found."""
        self.begin(self.redis())
        for share in (0.2, 0.5):
            self.await_share(share)
            self.act("nothing passes", self.own.proxy.stall)
            self.dwell(5)
            self.mend("everything passes again", self.own.proxy.mend)
            self.bus.wait_ready()
        self.settle()

    def test_row_06_a_broker_that_closes_in_every_state(self):
        """From the first byte of the first connection on, wherever the answer stands."""
        self.begin(self.redis(), ready=False)
        for at in range(60):
            self.dwell(self.random.uniform(0, 0.1))
            self.act("answers end", self.own.proxy.truncate, self.random.randrange(1, 400))
        self.own.proxy.mend()
        self.bus.wait_ready(timeout=60)
        self.settle()


class ClusterTest(FaultTest):
    together = True  # three brokers are dear

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cluster = KafkaCluster()
        cls.addClassCleanup(cls.cluster.stop)

    broker = property(lambda self: self.cluster)
    topics = property(lambda self: self.cluster.topics)

    def setUp(self):
        super().setUp()
        for node in self.cluster.nodes:
            self.watch("kafka", node.log)

    def start_node(self, node):
        self.act("broker %d is started" % self.cluster.nodes.index(node), node.start)

    def test_row_07_one_broker_after_the_other_is_killed(self):
        """Leaders and the group's coordinator move each time."""
        self.begin(self.redis(), members=2)
        for at, node in enumerate(self.cluster.nodes):
            self.await_share(0.25 * at + 0.05)
            self.act("SIGKILL to broker %d" % at, node.kill)
            self.dwell(4)
            self.start_node(node)
            wait_until(self.topics.reachable, 60, "the brokers answer")
        self.caught_up()
        self.settle()

    def test_row_07_a_broker_is_frozen(self):
        self.begin(self.redis())
        node = self.random.choice(self.cluster.nodes)
        self.await_share(0.2)
        self.act("SIGSTOP to a broker", node.freeze)
        self.dwell(10)
        self.mend("SIGCONT", node.thaw)
        self.settle()

    @takes(110)
    def test_row_07_all_brokers_are_down(self):
        self.begin(self.redis())
        self.await_share(0.3)
        for node in self.cluster.nodes:
            self.act("SIGKILL to a broker", node.kill)
        self.dwell(DOWN_SECONDS)
        self.assertEqual(self.bus.http("/healthz").status, 200)
        for node in self.cluster.nodes:
            node.launch()
        for node in self.cluster.nodes:
            node.wait()
        self.mend("all brokers are started", lambda: wait_until(
            self.topics.reachable, 90, "the brokers answer"))
        self.bus.wait_ready(timeout=90)
        self.settle()


if __name__ == "__main__":
    main()
