"""TLS to Redis: whose certificate is trusted, under which name, and our own for servers that ask."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.certificates import Authority
from lib.redis_cluster import RedisCluster
from lib.suite import BusTest, main, wait_until
from lib.verbs import RULES, Verbs


class TlsTest(BusTest):
    @classmethod
    def setUpClass(cls):
        cls.authority = Authority()
        cls.server = cls.authority.sign("server")
        cls.elsewhere = cls.authority.sign("elsewhere", "DNS:redis.example.org")
        cls.client = cls.authority.sign("client", "DNS:unstale")

    def start_redis(self, pair, clients="no"):
        self.tls_port = process.free_port()
        return self.redis(tls_port=self.tls_port, tls_cert_file=pair[0], tls_key_file=pair[1],
                          tls_ca_cert_file=self.authority.cert, tls_auth_clients=clients)

    def start(self, ready=True, **tls):
        tls = dict({"ca": self.authority.cert}, **tls)
        self.events = self.topic()
        return self.unstale_by_file({"url": "rediss://127.0.0.1:%d/1" % self.tls_port, "tls": tls},
                                    self.events, RULES, ready=ready)

    def check_refused(self, bus, why):
        bus.wait_listening()
        wait_until(lambda: why in bus.http("/readyz").text, 20,
                   lambda: "/readyz says why: " + bus.http("/readyz").text)

    def test_every_verb(self):
        verbs = Verbs(self.start_redis(self.server))
        records = verbs.begin()
        self.start()
        self.topics.produce(self.events, records)
        verbs.check()

    def test_a_server_that_wants_a_certificate(self):
        store = self.start_redis(self.server, clients="yes")
        store.fill(["cache:p:1"])
        self.check_refused(self.start(ready=False), "Redis: ")
        bus = self.start(cert=self.client[0], key=self.client[1])
        self.emit_products(self.events, [1])
        self.wait_gone(store, ["cache:p:1"])
        bus.wait_ready()

    def test_the_name_of_the_certificate(self):
        store = self.start_redis(self.elsewhere)
        store.fill(["cache:p:1"])
        self.check_refused(self.start(ready=False), "mismatch")
        self.start(server_name="redis.example.org")
        self.emit_products(self.events, [1])
        self.wait_gone(store, ["cache:p:1"])

    def test_an_authority_that_is_not_known(self):
        self.start_redis(self.server)
        other = Authority("others")
        self.check_refused(self.start(ready=False, ca=other.cert), "certificate")

    def test_a_cluster(self):
        """Nodes name each other's TLS ports."""
        cluster = RedisCluster(tls=True, tls_cert_file=self.server[0], tls_key_file=self.server[1],
                               tls_ca_cert_file=self.authority.cert, tls_auth_clients="no",
                               tls_cluster="yes")
        self.addCleanup(cluster.stop)
        for node in cluster.masters:
            self.watch("node", node.log)
        verbs = Verbs(cluster)
        records = verbs.begin()
        self.events = self.topic()
        self.unstale_by_file({"url": "rediss://127.0.0.1:%d" % cluster.masters[0].tls_port,
                              "cluster": True, "tls": {"ca": self.authority.cert}},
                             self.events, RULES)
        self.topics.produce(self.events, records)
        verbs.check()


if __name__ == "__main__":
    main()
