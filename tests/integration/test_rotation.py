"""A password is changed under load: the file, a signal, then the server. Nothing is lost on the way."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import rules_file
from lib.suite import BusTest, main
from lib.verbs import RULES

EVENT = '{"event":"post_save","model":"shop.Product","pk":{i},"created":false}'
COUNT = 30000


class RotationTest(BusTest):
    def write_secret(self, password):
        url = "redis://user:%s@127.0.0.1:%d/1\n" % (password, self.store.port)
        rules_file(url, self.secret)

    def start(self):
        self.store = self.redis()
        self.store.cmd("ACL", "SETUSER", "user", "on", ">first", "~*", "+@all")
        self.secret = os.path.join(process.private_folder("secret"), "url")
        self.write_secret("first")
        self.events = self.topic(partitions=2)
        bus = self.unstale(self.store, self.events, RULES, start=False, ready=False)
        del bus.env["UNSTALE_REDIS_URL"]
        bus.env["UNSTALE_REDIS_URL_FILE"] = self.secret
        return bus.start().wait_ready()

    def rotate(self, bus, password):
        """As an operator does: both passwords are good until everybody has the new one."""
        self.store.cmd("ACL", "SETUSER", "user", ">" + password)
        self.write_secret(password)
        bus.child.send_signal(signal.SIGHUP)
        bus.wait_log("Redis secret changed")
        self.store.cmd("ACL", "SETUSER", "user", "resetpass", ">" + password)

    def cut(self):
        """Connections that stand stay logged in: the new password is used by the next ones."""
        self.store.cmd("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def test_under_load(self):
        bus = self.start()
        keys = ["cache:p:%d" % pk for pk in range(COUNT)]
        self.store.fill(keys)
        self.topics.generate(self.events, COUNT, EVENT, key="shop.Product:{i}")
        bus.wait_metric(lambda value: value > 0, "unstale_records_total")
        self.rotate(bus, "second")
        self.cut()
        self.wait_gone(self.store, keys)
        self.wait_lag(self.events, self.name)
        bus.wait_ready()
        self.assertNotIn("WRONGPASS", bus.log_text())
        self.assertNotIn("second", bus.log_text())

    def test_the_server_first(self):
        """Refused until the file has the new one; then it goes on by itself."""
        bus = self.start()
        self.store.fill(["cache:p:1"])
        self.store.cmd("ACL", "SETUSER", "user", "resetpass", ">third")
        self.cut()
        bus.wait_not_ready()
        bus.wait_log("WRONGPASS")
        self.emit_products(self.events, [1])
        self.write_secret("third")
        bus.child.send_signal(signal.SIGHUP)
        bus.wait_ready()
        self.wait_gone(self.store, ["cache:p:1"])

    def test_a_purge_that_waits(self):
        """The purge engine has connections of its own."""
        bus = self.start()
        self.store.cmd("ACL", "SETUSER", "user", "resetpass", ">fourth")
        self.cut()
        bus.wait_not_ready()
        self.store.fill(["cache:list:%d" % at for at in range(50)])
        self.write_secret("fourth")
        bus.child.send_signal(signal.SIGHUP)
        bus.wait_ready()
        event = {"event": "post_save", "model": "shop.List", "pk": 1, "created": False}
        self.topics.produce(self.events, [{"value": event}])
        self.wait_gone(self.store, ["cache:list:%d" % at for at in range(50)])


if __name__ == "__main__":
    main()
