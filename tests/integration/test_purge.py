"""A purge removes every key of its pattern and no other, however often it is cut short."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.suite import BusTest, main, wait_until


def purging(pattern, **options):
    return {"version": 1, "caches": {"default": {"keys": "raw"}},
            "rules": [{"name": "lists", "when": {"model": "shop.Product"},
                       "do": {"purge": dict({"pattern": pattern}, **options)}},
                      {"name": "one", "when": {"model": "shop.Product"},
                       "do": {"delete": "p:{pk}"}}]}


class PurgeTest(BusTest):
    def test_all_that_match_and_nothing_else(self):
        redis = self.redis()
        topic = self.topic()
        gone = ["products:%d:page:%d" % (i % 7, i) for i in range(20000)]
        kept = ["orders:%d" % i for i in range(20000)] + ["products:5:page:1:lock", "products",
                                                         "xproducts:1:page:1"]
        redis.fill(gone + kept)
        other = redis.connect(db=0)
        other.cmd("SET", "products:1:page:1", "another database")
        bus = self.unstale(redis, topic, purging("products:*"))
        self.emit_products(topic, [1])
        self.wait_gone(redis, gone)
        self.wait_lag(topic, self.name)
        self.assertEqual(redis.existing(kept), kept)
        self.assertEqual(other.cmd("DBSIZE"), 1)
        other.close()
        self.assertEqual(bus.metric("unstale_purge_seconds_count"), 1)
        self.assertEqual(bus.metric("unstale_purges_pending"), 0)

    def test_values_are_not_patterns(self):
        redis = self.redis()
        topic = self.topic()
        redis.fill(["shelf:*:1", "shelf:a:1", "shelf:[a]:1", "shelf:\\:1"])
        self.unstale(redis, topic, purging("shelf:{shelf}:*"))
        for shelf in ("*", "[a]", "\\"):
            self.emit_products(topic, [1], before={"shelf": shelf}, after={"shelf": shelf})
        self.wait_lag(topic, self.name)
        self.assertEqual(redis.cmd("KEYS", "*"), ["shelf:a:1"])

    def test_many_patterns_at_once(self):
        redis = self.redis()
        topic = self.topic()
        keys = ["shelf:%d:%d" % (i % 300, i) for i in range(30000)]
        redis.fill(keys)
        self.unstale(redis, topic, purging("shelf:{shelf}:*"))
        self.topics.produce(topic, [
            {"value": {"event": "post_save", "model": "shop.Product", "pk": i, "created": False,
                       "before": {"shelf": i % 300}, "after": {"shelf": i % 300}}}
            for i in range(3000)])
        self.wait_gone(redis, keys, timeout=60)
        self.wait_lag(topic, self.name)

    def test_the_offset_waits_for_the_purge_and_a_kill_repeats_it(self):
        redis = self.redis()
        topic = self.topic()
        keys = ["products:%d" % i for i in range(40000)]
        redis.fill(keys + ["p:1"])
        bus = self.unstale(redis, topic, purging("products:*", rate=10000))
        self.emit_products(topic, [1])
        self.wait_gone(redis, ["p:1"])
        wait_until(lambda: redis.cmd("DBSIZE") < len(keys) - 1000, 20, "the purge has begun")
        left = redis.cmd("DBSIZE")
        self.assertTrue(left > 5000, "the purge of 40000 keys at 10000/s is not over: %d" % left)
        self.assertFalse(self.committed(topic, self.name))
        bus.kill()
        self.assertTrue(redis.existing(keys))
        bus.start().wait_ready()
        self.wait_gone(redis, keys, timeout=60)
        self.wait_lag(topic, self.name)

    def test_other_partitions_do_not_wait_for_it(self):
        redis = self.redis()
        topic = self.topic(partitions=2)
        redis.fill(["products:%d" % i for i in range(60000)] + ["user:1"])
        rules = purging("products:*", rate=10000)
        rules["rules"].append({"name": "users", "when": {"model": "auth.User"},
                               "do": {"delete": "user:{pk}"}})
        self.unstale(redis, topic, rules)
        product = {"event": "post_save", "model": "shop.Product", "pk": 1, "created": False}
        user = {"event": "post_save", "model": "auth.User", "pk": 1, "created": False}
        self.topics.produce(topic, [{"value": product}], partition=0)
        wait_until(lambda: redis.cmd("DBSIZE") < 60000, 20, "the purge has begun")
        self.topics.produce(topic, [{"value": user}], partition=1)
        self.wait_gone(redis, ["user:1"], timeout=3)
        wait_until(lambda: self.committed(topic, self.name, 1) == 1, 10, "partition 1 committed")
        self.assertTrue(redis.existing("products:%d" % i for i in range(60000)))
        self.assertFalse(self.committed(topic, self.name, 0))

    def test_a_purge_outlives_a_restart_of_redis(self):
        redis = self.redis(appendonly="yes")
        topic = self.topic()
        keys = ["products:%d" % i for i in range(40000)]
        redis.fill(keys)
        bus = self.unstale(redis, topic, purging("products:*", rate=10000))
        self.emit_products(topic, [1])
        wait_until(lambda: redis.cmd("DBSIZE") < len(keys) - 1000, 20, "the purge has begun")
        redis.kill()
        redis.start()
        bus.wait_ready()
        self.wait_gone(redis, keys, timeout=60)
        self.wait_lag(topic, self.name)


if __name__ == "__main__":
    main()
