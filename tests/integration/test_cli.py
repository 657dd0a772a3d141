"""`doctor`, `healthcheck` and what `emit` puts around an event, against real servers."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import json_lines, rules_file, unstale
from lib.suite import BusTest, main

ONE = [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "products:{pk}"}}]
EVENT = {"event": "post_save", "model": "shop.Product", "pk": 1, "created": False}


class DoctorTest(BusTest):
    def rules(self, cache):
        rules = json.dumps({"version": 1, "caches": {"default": cache}, "rules": ONE})
        return rules_file(rules, os.path.join(process.private_folder("rules"), "rules.json"))

    def doctor(self, topic, url, rules, *arguments, brokers=None):
        return unstale("doctor", *arguments, env={
            "UNSTALE_KAFKA_BROKERS": brokers or self.broker.brokers, "UNSTALE_KAFKA_TOPICS": topic,
            "UNSTALE_KAFKA_GROUP": self.name, "UNSTALE_KAFKA_DEAD_LETTER_TOPIC": topic + ".dlq",
            "UNSTALE_REDIS_URL": url, "UNSTALE_RULES": rules})

    def test_all_is_well(self):
        redis, topic = self.redis(), self.topic(partitions=2)
        redis.fill(["myapp:1:products:%d" % pk for pk in range(50)])
        self.emit_products(topic, [1, 2, 3])
        code, out, err = self.doctor(topic, redis.url,
                                     self.rules({"keys": "django", "prefix": "myapp"}))
        self.assertEqual((code, err), (0, ""), out)
        self.assertIn('topic "%s": 2 partitions' % topic, out)
        self.assertRegex(out, r'group "%s", "%s" partition 0: nothing committed' %
                         (self.name, topic))
        self.assertRegex(out, r"Redis \d+\.\d+\.\d+, master, 50 keys in database 1")
        self.assertIn("50 of 50 sampled keys are like those its rules name", out)
        self.assertNotIn("✗", out)

    def test_lag_of_a_group_that_was_there(self):
        redis, topic = self.redis(), self.topic()
        rules = self.rules({"keys": "raw"})
        bus = self.unstale(redis, topic, rules)
        self.emit_products(topic, range(5))
        self.wait_lag(topic, self.name)
        self.assertEqual(bus.stop(), 0)
        self.emit_products(topic, range(3))
        code, out, err = self.doctor(topic, redis.url, rules)
        self.assertEqual(code, 0, out + err)
        self.assertIn("partition 0: 3 behind (at 5 of 8)", out)

    def test_keys_of_another_form(self):
        redis, topic = self.redis(), self.topic()
        redis.fill(["myapp:1:products:%d" % pk for pk in range(40)] + ["session"])
        for cache, advice in (({"keys": "raw", "prefix": "myapp:"},
                               '"keys": "django", "prefix": "myapp"?'),
                              ({"keys": "django", "prefix": "myapp", "version": 2},
                               '"prefix": "myapp", "version": 1?')):
            with self.subTest(cache=cache):
                code, out, err = self.doctor(topic, redis.url, self.rules(cache))
                self.assertEqual(code, 1, out + err)
                self.assertIn("0 of 41 sampled keys start with", out)
                self.assertIn('40 start with "myapp:1:": did you mean ' + advice, out)

    def test_topics_are_made_when_asked(self):
        redis, rules = self.redis(), self.rules({"keys": "raw"})
        topic = self.name
        code, out, err = self.doctor(topic, redis.url, rules)
        self.assertEqual(code, 1, out + err)
        self.assertIn("--create-topics", out)
        code, out, err = self.doctor(topic, redis.url, rules, "--create-topics", "--partitions",
                                     "3")
        self.assertEqual(code, 0, out + err)
        self.assertEqual(len(self.topics.ends(topic)), 3)
        self.assertIn('topic "%s.dlq": created' % topic, out)
        code, out, err = self.doctor(topic, redis.url, rules, "--create-topics")
        self.assertEqual(code, 0, out + err)
        self.assertNotIn("created", out)
        self.assertNotIn("Kafka keeps", out)

    def test_dead_letters_that_kafka_would_delete(self):
        redis, rules = self.redis(), self.rules({"keys": "raw"})
        limits = (({}, "records for 168 h", "retention.ms=-1"),
                  ({"retention_ms": -1, "retention_bytes": 1000000}, "1000000 bytes a partition",
                   "retention.bytes=-1"),
                  ({"cleanup_policy": "compact"}, "only the last one of a key",
                   "cleanup.policy=delete"),
                  ({"retention_ms": -1}, None, None))
        for i, (config, limit, remedy) in enumerate(limits):
            with self.subTest(config=config):
                topic = "%s-%d" % (self.name, i)
                self.topics.create(topic)
                self.topics.create(topic + ".dlq", **config)
                code, out, err = self.doctor(topic, redis.url, rules)
                self.assertEqual(code, 0, out + err)
                if limit is None:
                    self.assertNotIn("Kafka keeps", out)
                    continue
                self.assertIn("Kafka keeps " + limit, out)
                self.assertIn("--entity-name %s.dlq --add-config %s" % (topic, remedy), out)

    def test_nobody_there(self):
        nowhere = "127.0.0.1:%d" % process.free_port()
        code, out, err = self.doctor("t", "redis://" + nowhere, self.rules({"keys": "raw"}),
                                     "--format", "json", brokers=nowhere)
        self.assertEqual((code, err), (4, ""), out)
        found = {line["subject"]: line["status"] for line in json_lines(out)}
        self.assertEqual(found["kafka"], "unreachable")
        self.assertEqual(found["redis"], "unreachable")
        self.assertEqual(found["rules"], "ok")

    def test_a_password_that_is_missing(self):
        redis, topic = self.redis(requirepass="secret"), self.topic()
        code, out, err = self.doctor(topic, "redis://127.0.0.1:%d/1" % redis.port,
                                     self.rules({"keys": "raw"}))
        self.assertEqual(code, 1, out + err)
        self.assertIn("NOAUTH", out)


class HealthcheckTest(BusTest):
    def test_alive_and_not(self):
        redis, topic = self.redis(), self.topic()
        bus = self.unstale(redis, topic, ONE)
        self.assertEqual(unstale("healthcheck", env=bus.env), (0, "", ""))
        self.assertEqual(unstale("healthcheck", "http://127.0.0.1:%d" % bus.port), (0, "", ""))
        anywhere = dict(bus.env, UNSTALE_HTTP_LISTEN="0.0.0.0:%d" % bus.port)
        self.assertEqual(unstale("healthcheck", env=anywhere), (0, "", ""))
        redis.kill()
        self.assertEqual(unstale("healthcheck", env=bus.env), (0, "", ""))
        self.assertEqual(bus.stop(), 0)
        code, out, err = unstale("healthcheck", env=bus.env)
        self.assertEqual((code, out), (1, ""))
        self.assertIn("Connection refused", err)


class EmitRecordTest(BusTest):
    def emit(self, topic, text, *arguments):
        code, out, err = unstale("emit", "--brokers", self.broker.brokers, "--topic", topic,
                                 *arguments, "-", input=text)
        self.assertEqual(code, 0, out + err)
        return self.topics.consume(topic)

    def test_a_key_and_headers(self):
        record, = self.emit(self.topic(), json.dumps(EVENT), "--key", "k=1", "--header", "a=b=c",
                            "--header", "empty=")
        self.assertEqual(record.key, b"k=1")
        self.assertEqual(dict(record.headers), {"a": b"b=c", "empty": b""})

    def test_a_record_of_its_own(self):
        wrapped = {"record": True, "key": "mine", "headers": {"h": "v"}, "value": EVENT}
        record, = self.emit(self.topic(), json.dumps(wrapped))
        self.assertEqual((record.key, dict(record.headers)), (b"mine", {"h": b"v"}))
        self.assertEqual(json.loads(record.value), EVENT)

    def test_keys_go_where_other_clients_send_them(self):
        topic = self.topic(partitions=4)
        events = [dict(EVENT, pk=pk) for pk in range(40)]
        text = "".join(json.dumps(event) + "\n" for event in events)
        sent = {record.key: record.partition for record in self.emit(topic, text)}
        self.assertEqual(len(set(sent.values())), 4)
        again = {record.key: record.partition for record in self.emit(topic, text)[40:]}
        self.assertEqual(again, {key: sent[key] for key in again})


if __name__ == "__main__":
    main()
