"""`explain --redis`: which keys are there, told without a trace in Redis' own figures."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import json_lines, rules_file, unstale
from lib.suite import BusTest, main, wait_until

RULES = {"version": 1,
         "caches": {"default": {"keys": "raw", "prefix": "app:", "protect": ["list:kept*"]},
                    "pages": {"keys": "raw", "redis": "pages"}},
         "rules": [
             {"name": "keys", "when": {"model": "shop.Product"},
              "do": {"delete": ["p:{pk}", "category:{category_id}"], "bump": "generation",
                     "purge": "list:{category_id}:*"}},
             {"name": "shadow", "mode": "shadow", "when": {"model": "shop.Product"},
              "do": {"delete": "shadow:{pk}"}},
             {"name": "tags", "when": {"model": "shop.Tag"}, "do": {"purge_tag": "tag:{pk}"}}]}
EVENT = {"event": "post_save", "model": "shop.Product", "pk": 42, "created": False,
         "before": {"category_id": "3*"}, "after": {"category_id": 7}}
LISTS = ["app:list:7:%d" % page for page in range(3)]
KEYS = ["app:p:42", "app:category:7", "app:list:33:1", "app:list:kept:1"] + LISTS


class ExplainRedisTest(BusTest):
    def explain(self, url, *arguments, event=EVENT, rules=RULES, **env):
        path = rules_file(dict(rules, caches={"default": rules["caches"]["default"]}),
                          os.path.join(process.private_folder("rules"), "rules.json"))
        return unstale("explain", "--rules", path, *arguments, input=json.dumps(event) + "\n",
                       env=dict({"UNSTALE_REDIS_URL": url}, **env))

    def explained(self, redis, *arguments, **options):
        code, out, err = self.explain(redis.url, "--redis", "--format", "json", *arguments,
                                      **options)
        self.assertEqual((code, err), (0, ""), out)
        return json_lines(out)[0]

    def test_keys_and_patterns(self):
        redis = self.redis()
        redis.fill(KEYS)
        found = self.explained(redis)
        self.assertEqual({op["key"]: op["exists"] for op in found["ops"] if "key" in op},
                         {"app:generation": False, "app:p:42": True, "app:category:3*": False,
                          "app:category:7": True})
        self.assertEqual({op["pattern"]: op["sample"] for op in found["ops"] if "pattern" in op},
                         {"app:list:3\\*:*": {"matched": 0, "keys": 7, "all": True},
                          "app:list:7:*": {"matched": 3, "keys": 7, "all": True}})
        shadow, = [rule for rule in found["rules"] if rule["name"] == "shadow"]
        self.assertEqual([op["exists"] for op in shadow["ops"]], [False])

    def test_a_tag_set_is_a_key(self):
        redis = self.redis()
        redis.cmd("SADD", "app:tag:1", "a")
        tag = {"event": "post_save", "model": "shop.Tag", "pk": 1, "created": False}
        self.assertEqual([op["exists"] for op in self.explained(redis, event=tag)["ops"]], [True])
        self.assertEqual([op["exists"] for op in
                          self.explained(redis, event=dict(tag, pk=2))["ops"]], [False])

    def test_a_large_database_is_sampled(self):
        redis = self.redis()
        redis.fill("app:list:7:%d" % i for i in range(12000))
        sample, = [op["sample"] for op in self.explained(redis)["ops"]
                   if op.get("pattern") == "app:list:7:*"]
        self.assertEqual(sample, {"matched": 10000, "keys": 10000, "all": False})

    def test_people_read_the_same(self):
        redis = self.redis()
        redis.fill(KEYS)
        for arguments in (["--redis"], ["--redis", redis.url], ["--redis=" + redis.url]):
            with self.subTest(arguments=arguments):
                code, out, err = self.explain(redis.url if len(arguments[0]) == 7 else
                                              "redis://127.0.0.1:1/0", *arguments)
                self.assertEqual((code, err), (0, ""), out)
                self.assertIn("UNLINK app:p:42  (exists)\n", out)
                self.assertIn("UNLINK app:category:3*  (old row, not there)\n", out)
                self.assertIn("SCAN+UNLINK app:list:7:*  (3 of 7 keys)\n", out)

    def assert_untouched(self, redis, command):
        """`explain --redis` leaves no trace; a GET leaves one in what `command` tells."""
        before = [redis.cmd("OBJECT", command, key) for key in KEYS]
        counts = [redis.info("stats", name) for name in ("keyspace_hits", "keyspace_misses")]
        self.explained(redis)
        self.assertEqual(counts, [redis.info("stats", name)
                                  for name in ("keyspace_hits", "keyspace_misses")])
        for key, was in zip(KEYS, before):
            self.assertGreaterEqual(redis.cmd("OBJECT", command, key), was)
            if command == "FREQ":
                self.assertEqual(redis.cmd("OBJECT", command, key), was)
        redis.cmd("GET", KEYS[0])
        self.assertNotEqual(counts[0], redis.info("stats", "keyspace_hits"))
        return before[0]

    def test_idle_times_and_hits_stay(self):
        redis = self.redis()
        redis.fill(KEYS)
        wait_until(lambda: redis.cmd("OBJECT", "IDLETIME", KEYS[0]) >= 1, 20, "keys are idle")
        was = self.assert_untouched(redis, "IDLETIME")
        self.assertLess(redis.cmd("OBJECT", "IDLETIME", KEYS[0]), was)

    def test_frequencies_stay(self):
        # With factor 0 every use counts; no decay while this runs.
        redis = self.redis(maxmemory_policy="allkeys-lfu", lfu_log_factor=0, lfu_decay_time=0)
        redis.fill(KEYS)
        was = self.assert_untouched(redis, "FREQ")
        self.assertGreater(redis.cmd("OBJECT", "FREQ", KEYS[0]), was)

    def test_nobody_answers(self):
        port = process.free_port()
        code, out, err = self.explain("redis://127.0.0.1:%d/0" % port, "--redis")
        self.assertEqual((code, out), (4, ""), err)
        self.assertIn('Redis "default": ', err)

    def test_the_password_is_wrong(self):
        redis = self.redis(requirepass="secret")
        code, out, err = self.explain("redis://:hunter2@127.0.0.1:%d/1" % redis.port, "--redis")
        self.assertEqual((code, out), (1, ""), err)
        self.assertNotIn("hunter2", err)

    def test_a_target_of_the_settings(self):
        first, pages = self.redis(), self.redis()
        pages.fill(["page:42"])
        folder = process.private_folder("settings")
        rules = rules_file(dict(RULES, rules=[
            {"name": "page", "cache": "pages", "when": {"model": "shop.Product"},
             "do": {"delete": "page:{pk}"}}]), os.path.join(folder, "rules.json"))
        config = rules_file({"redis": {"pages": {"url": pages.url}}, "rules": [rules]},
                            os.path.join(folder, "unstale.json"))
        code, out, err = unstale("explain", "--config", config, "--redis", first.url, "--format",
                                 "json", input=json.dumps(EVENT))
        self.assertEqual((code, err), (0, ""), out)
        self.assertEqual([op["exists"] for op in json_lines(out)[0]["ops"]], [True])
        code, out, err = unstale("explain", "--rules", rules, "--redis", first.url,
                                 input=json.dumps(EVENT))
        self.assertEqual((code, out), (1, ""), err)
        self.assertIn('"pages"', err)


if __name__ == "__main__":
    main()
