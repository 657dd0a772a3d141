"""What is refused, with which exit code, and what is said about it."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import rules_file, unstale
from lib.suite import BusTest, main

ONE = [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}}]
BROKEN = os.path.join(process.ROOT, "tests", "cases", "errors-with-places", "rules.json")


class SettingsTest(BusTest):
    def refused(self, code, *arguments, **options):
        found, out, err = unstale(*arguments, timeout=20, **options)
        self.assertEqual(found, code, out + err)
        return err

    def rules(self):
        return rules_file(ONE, os.path.join(process.private_folder("rules"), "rules.json"))

    def test_unknown_flags_and_verbs(self):
        self.assertIn("--brokers", self.refused(2, "run", "--brokrs", "127.0.0.1:1"))
        self.assertIn("explain", self.refused(2, "explian"))
        self.assertIn("--skip-invalid", self.refused(2, "emit", "--skip-invald", "-", input=""))
        self.refused(2, "run", "--brokers")

    def test_unknown_environment(self):
        err = self.refused(78, "run", env={"UNSTALE_KAFKA_BROKER": "127.0.0.1:1"})
        self.assertIn("UNSTALE_KAFKA_BROKER", err)
        self.assertIn("UNSTALE_KAFKA_BROKERS", err.replace("UNSTALE_KAFKA_BROKER\"", ""))

    def test_the_environment_of_kubernetes_is_known(self):
        code, out, err = unstale("settings", env={"UNSTALE_SERVICE_HOST": "10.0.0.1",
                                                  "UNSTALE_PORT": "tcp://10.0.0.1:80",
                                                  "UNSTALE_PORT_80_TCP": "tcp://10.0.0.1:80"})
        self.assertEqual(code, 0, out + err)

    def test_unknown_settings_in_the_file(self):
        path = os.path.join(process.private_folder("settings"), "unstale.json")
        rules_file('{"kafka": {"borkers": "127.0.0.1:1"}}', path)
        err = self.refused(78, "run", "--config", path)
        self.assertIn("borkers", err)
        self.assertIn("brokers", err)

    def test_kafka_options_that_break_the_promise(self):
        for option in ("enable.auto.commit=false", "auto.offset.reset=latest", "group.id=x",
                       "bootstrap.servers=x", "no.such.option=1"):
            with self.subTest(option=option):
                err = self.refused(78, "run", "--rules", self.rules(), "--kafka", option)
                self.assertIn(option.split("=")[0], err)

    def test_bad_rules_are_told_all_at_once(self):
        err = self.refused(78, "run", "--rules", BROKEN)
        self.assertEqual(sorted(re.findall(r"error\[(E\d{3})\]", err)),
                         ["E201", "E203", "E205", "E301", "E303", "E304"])
        self.assertRegex(err, r"rules\.json:7:42: error\[E201\]")
        self.assertIn('did you mean "changed"?', err)

    def test_rules_that_are_not_there(self):
        self.assertIn("no-such-rules.json", self.refused(78, "run", "--rules",
                                                         "no-such-rules.json"))

    def test_secrets_are_not_shown(self):
        code, out, err = unstale("settings", env={
            "UNSTALE_REDIS_URL": "redis://:hunter2@127.0.0.1:1/1", "UNSTALE_HTTP_TOKEN": "hunter2"})
        self.assertEqual(code, 0, err)
        self.assertNotIn("hunter2", out + err)
        self.assertIn("***", out)


class TopicTest(BusTest):
    def test_a_missing_topic_says_how_to_make_it(self):
        redis = self.redis()
        bus = self.unstale(redis, self.name, ONE, ready=False)
        bus.wait_log("--create-topics")
        self.assertIn(self.name, bus.log_text())
        self.assertNotEqual(bus._status("/readyz"), 200)
        code, out, err = unstale("doctor", "--create-topics", env=bus.env)
        self.assertEqual(code, 0, out + err)
        bus.wait_ready(timeout=60)
        redis.fill(["p:1"])
        self.emit_products(self.name, [1])
        self.wait_gone(redis, ["p:1"])


class PasswordTest(BusTest):
    def test_without_the_password_nothing_is_skipped(self):
        redis = self.redis(requirepass="secret")
        topic = self.topic()
        keys = ["p:%d" % i for i in range(100)]
        redis.fill(keys)
        self.emit_products(topic, range(100))
        bus = self.unstale(redis, topic, ONE, ready=False,
                           url="redis://127.0.0.1:%d/1" % redis.port)
        bus.wait_not_ready()
        bus.wait_log("NOAUTH")
        self.assertEqual(self.committed(topic, self.name), None)
        self.assertEqual(len(redis.existing(keys)), 100)
        self.assertEqual(self.topics.consume(topic + ".dlq"), [])
        redis.cmd("CONFIG", "SET", "requirepass", "")
        bus.wait_ready(timeout=60)
        self.wait_gone(redis, keys)
        self.wait_lag(topic, self.name)

    def test_without_permission_nothing_is_skipped(self):
        redis = self.redis()
        topic = self.topic()
        redis.fill(["p:1"])
        redis.cmd("ACL", "SETUSER", "bus", "on", ">pw", "~*", "+@all", "-unlink", "-del")
        bus = self.unstale(redis, topic, ONE, ready=False,
                           url="redis://bus:pw@127.0.0.1:%d/1" % redis.port)
        self.emit_products(topic, [1])
        bus.wait_log("NOPERM")
        bus.wait_not_ready()
        self.assertEqual(self.committed(topic, self.name), None)
        redis.cmd("ACL", "SETUSER", "bus", "+unlink", "+del")
        bus.wait_ready(timeout=60)
        self.wait_gone(redis, ["p:1"])
        self.wait_lag(topic, self.name)


if __name__ == "__main__":
    main()
