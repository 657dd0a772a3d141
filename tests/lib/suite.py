"""suite - the base of the integration tests: what a test starts ends with it, and a failure shows
the logs of what the test had running.

A module of tests is run in a process of its own by the runner; run by hand
(`python3 tests/integration/test_flow.py`) it starts its own broker.
"""
import json
import os
import sys
import unittest

from lib import process, program
from lib.process import Failed, wait_until
from lib.servers import RedisServer, shared_broker

FLOW_SECONDS = 30


class BusTest(unittest.TestCase):
    """Names are unique to a test: many share one broker."""

    maxDiff = None

    def setUp(self):
        self._logs = []
        self.notes = []  # lines that the runner prints below the test's own
        self.name = "%s-%d-%s" % (self.id().split(".")[-1].replace("_", "-")[-60:], os.getpid(),
                                  os.urandom(3).hex())

    @property
    def broker(self):
        return shared_broker()

    @property
    def topics(self):
        return shared_broker().topics

    def watch(self, name, path):
        """Shows the end of this log if the test fails."""
        self._logs.append((name, path))

    def logs(self):
        return "".join("--- %s (%s)\n%s\n" % (name, path, process.tail(path))
                       for name, path in self._logs)

    def redis(self, **options):
        server = RedisServer(**options)
        self.watch("redis", server.log)
        self.addCleanup(server.stop)
        return server

    def topic(self, partitions=1, dead_letters=True, **config):
        """A topic of this test's own, with its dead-letter topic; returns its name."""
        name = "%s-%d" % (self.name, len(self._logs))
        self.topics.create(name, partitions, **config)
        if dead_letters:
            self.topics.create(name + ".dlq", 1)
        return name

    def unstale(self, redis, topic, rules, group=None, ready=True, url=None, brokers=None,
                **options):
        """A running program, waited for until it is ready unless told otherwise."""
        running = program.Unstale(brokers or self.broker.brokers, url or redis.url, topic=topic,
                                  group=group or self.name, rules=rules, **options)
        self.watch("unstale", running.log)
        self.addCleanup(self._end, running)
        return running.wait_ready() if ready else running

    def unstale_by_file(self, target, topic, rules, ready=True, **options):
        """The same with `redis.default` as in a settings file."""
        path = os.path.join(process.private_folder("settings"), "unstale.json")
        program.rules_file(json.dumps({"redis": {"default": target}}), path)
        running = program.Unstale(self.broker.brokers, "", topic=topic, group=self.name,
                                  rules=rules, start=False, arguments=["--config", path],
                                  **options)
        del running.env["UNSTALE_REDIS_URL"]  # it would stand above the file
        self.watch("unstale", running.log)
        self.addCleanup(self._end, running)
        running.start()
        return running.wait_ready() if ready else running

    @staticmethod
    def _end(running):
        if running.running():
            running.kill()

    def emit_products(self, topic, pks, **members):
        """One post_save of shop.Product a pk, keyed as every producer of ours keys it."""
        events = []
        for pk in pks:
            event = {"event": "post_save", "model": "shop.Product", "pk": pk, "created": False}
            event.update(members)
            events.append({"key": "shop.Product:%s" % pk, "value": event})
        self.assertEqual(self.topics.produce(topic, events), len(events))

    def wait_gone(self, redis, keys, timeout=FLOW_SECONDS):
        left = []

        def gone():
            left[:] = redis.existing(keys)
            return not left
        wait_until(gone, timeout, lambda: "%d of %d keys gone; still there: %s" %
                   (len(keys), len(keys), left[:5]))

    def wait_lag(self, topic, group, lag=0, timeout=FLOW_SECONDS):
        wait_until(lambda: self.topics.lag(topic, group) == lag, timeout,
                   lambda: "lag %d: %s" % (lag, self.topics.offsets(topic, group)))

    def committed(self, topic, group, partition=0):
        return self.topics.offsets(topic, group)[partition].committed


def main():
    """For a module that is run by hand, from any folder."""
    os.chdir(process.ROOT)
    unittest.main(argv=sys.argv, verbosity=2)


__all__ = ["BusTest", "Failed", "main", "wait_until"]
