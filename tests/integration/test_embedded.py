"""`run --embedded`: the whole bus in one command, with nothing prepared."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import Unstale, unstale
from lib.suite import BusTest, main

ONE = [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}}]
EVENT = {"event": "post_save", "model": "shop.Product", "pk": 1, "created": False}


class EmbeddedTest(BusTest):
    def start(self, *arguments):
        """The folder of the user's running program is this test's own."""
        self.home = process.private_folder("home")
        env = {"XDG_RUNTIME_DIR": self.home, "HOME": self.home, "TMPDIR": self.home}
        bus = Unstale("", "", rules=ONE, arguments=["--embedded"] + list(arguments), bare=True,
                      start=False)
        for name in ("UNSTALE_KAFKA_BROKERS", "UNSTALE_REDIS_URL"):
            del bus.env[name]
        bus.env.update(env)
        self.env = env
        self.watch("unstale", bus.log)
        self.addCleanup(self._end, bus)
        return bus.start().wait_ready()

    def emit(self):
        return unstale("emit", "--embedded", "-", input=json.dumps(EVENT) + "\n", env=self.env)

    def test_it_applies_what_emit_sends(self):
        redis = self.redis()
        redis.fill(["p:1"])
        bus = self.start("--redis", redis.url)
        first = bus.log_text().splitlines()[0].lower()
        self.assertIn("test", first)
        self.assertIn("embedded", first)
        code, out, err = self.emit()
        self.assertEqual(code, 0, out + err)
        self.wait_gone(redis, ["p:1"])
        self.assertEqual(bus.stop(), 0, bus.tail())

    def test_its_own_redis_ends_with_it(self):
        bus = self.start()
        code, out, err = self.emit()
        self.assertEqual(code, 0, out + err)
        bus.wait_metric(lambda value: value == 1, "unstale_records_total")
        children = process.children(bus.child.pid)
        self.assertEqual(len(children), 1, children)
        self.assertEqual(bus.stop(), 0, bus.tail())
        self.assertFalse(process.exists(children[0]))

    def test_its_own_redis_ends_even_if_it_is_killed(self):
        bus = self.start()
        (child,) = process.children(bus.child.pid)
        bus.kill()
        process.wait_until(lambda: not process.exists(child), 10, "the private redis ends")

    def test_nobody_to_emit_to(self):
        code, out, err = unstale("emit", "--embedded", "-", input=json.dumps(EVENT) + "\n",
                                 env={"XDG_RUNTIME_DIR": process.private_folder("home")})
        self.assertEqual(code, 4, out + err)


if __name__ == "__main__":
    main()
