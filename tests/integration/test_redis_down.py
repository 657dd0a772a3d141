"""Redis away is a reason to wait, never to skip."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.suite import BusTest, main, wait_until

ONE = [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}}]
EVENT = '{"event":"post_save","model":"shop.Product","pk":{i},"created":false}'
COUNT = 60000


class RedisDownTest(BusTest):
    def durable_redis(self, keys):
        redis = self.redis(appendonly="yes", appendfsync="always")
        redis.fill(keys)
        return redis

    def test_down_at_start(self):
        keys = ["p:%d" % i for i in range(500)]
        redis = self.durable_redis(keys)
        topic = self.topic()
        redis.stop()
        self.emit_products(topic, range(500))
        bus = self.unstale(redis, topic, ONE, ready=False).wait_listening()
        wait_until(lambda: "redis" in bus.http("/readyz").text.lower(), 20,
                   lambda: "/readyz names redis\n" + bus.tail())
        bus.wait_metric(lambda value: value == 0, "unstale_redis_up")
        self.assertTrue(self.stays(bus))
        self.assertEqual(self.committed(topic, self.name), None)
        redis.start()
        bus.wait_ready()
        self.wait_gone(redis, keys)
        self.wait_lag(topic, self.name)

    def stays(self, bus):
        """Not ready through several attempts to connect."""
        tries = []

        def looked_often():
            tries.append(bus.http("/readyz").status)
            return len(tries) >= 50
        wait_until(looked_often, 10, "fifty looks at /readyz")
        return set(tries) == {503} and bus.http("/healthz").status == 200

    def test_killed_under_load_and_back(self):
        keys = ["p:%d" % i for i in range(COUNT)]
        redis = self.durable_redis(keys)
        topic = self.topic(partitions=2)
        bus = self.unstale(redis, topic, ONE)
        self.topics.generate(topic, COUNT, EVENT, key="shop.Product:{i}")
        bus.wait_metric(lambda value: value > 0, "unstale_records_total")
        redis.kill()
        bus.wait_not_ready()
        redis.start()
        bus.wait_ready()
        self.wait_gone(redis, keys, timeout=60)
        self.wait_lag(topic, self.name)
        self.assertTrue(bus.metric("unstale_redis_reconnects_total") >= 1)
        self.assertEqual(bus.metric("unstale_dead_letters_total"), 0)

    def test_frozen_under_load_and_back(self):
        keys = ["p:%d" % i for i in range(COUNT)]
        redis = self.redis()
        redis.fill(keys)
        topic = self.topic()
        bus = self.unstale(redis, topic, ONE)
        self.topics.generate(topic, COUNT, EVENT, key="shop.Product:{i}")
        bus.wait_metric(lambda value: value > 0, "unstale_records_total")
        redis.freeze()
        bus.wait_not_ready(timeout=60)
        self.assertEqual(bus.http("/healthz").status, 200)
        redis.thaw()
        bus.wait_ready(timeout=60)
        self.wait_gone(redis, keys, timeout=60)
        self.wait_lag(topic, self.name)

    def test_by_unix_socket(self):
        redis = self.redis()
        topic = self.topic()
        redis.fill(["p:1"])
        self.unstale(redis, topic, ONE, url=redis.unix_url)
        self.emit_products(topic, [1])
        self.wait_gone(redis, ["p:1"])

    def test_with_a_password(self):
        redis = self.redis(requirepass="pass word/with:odd@signs")
        topic = self.topic()
        redis.fill(["p:1"])
        url = redis.url.replace(redis.password, "pass%20word%2Fwith%3Aodd%40signs")
        bus = self.unstale(redis, topic, ONE, url=url)
        self.emit_products(topic, [1])
        self.wait_gone(redis, ["p:1"])
        self.assertNotIn("odd", bus.log_text())


if __name__ == "__main__":
    main()
