"""Where a setting comes from, and which source wins."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import rules_file, unstale
from lib.suite import BusTest, main


class SettingsTest(BusTest):
    def file(self, text):
        return rules_file(text, os.path.join(process.private_folder("settings"), "unstale.json"))

    def settings(self, *arguments, **env):
        code, out, err = unstale("settings", *arguments, env=env)
        self.assertEqual(code, 0, out + err)
        return out

    def test_every_default_is_shown(self):
        out = self.settings()
        for key, value in (("kafka.brokers", "127.0.0.1:9092"), ("kafka.topics", "model-events"),
                           ("kafka.group", "unstale"),
                           ("kafka.dead_letter_topic", "model-events.dlq"),
                           ("redis.default.url", "redis://127.0.0.1:6379/1"),
                           ("rules", "config/rules"), ("workers", "1"),
                           ("http.listen", "127.0.0.1:8089"), ("on_gap", "stop"),
                           ("drain_timeout", "20s"), ("log.level", "info")):
            line, = [line for line in out.splitlines() if line.split()[:1] == [key]] or [""]
            self.assertIn(value, line, "%s\n%s" % (key, out))
            self.assertIn("default", line)

    def test_flag_before_environment_before_file(self):
        path = self.file('{"kafka": {"group": "from-file"}, "workers": 3, "on_gap": "continue"}')
        out = self.settings("--config", path, "--group", "from-flag",
                            UNSTALE_KAFKA_GROUP="from-environment", UNSTALE_WORKERS="2")
        self.assertRegex(out, r"(?m)^kafka\.group\s.*from-flag")
        self.assertRegex(out, r"(?m)^workers\s.*\b2\b")
        self.assertRegex(out, r"(?m)^on_gap\s.*continue")

    def test_lists_and_options(self):
        out = self.settings("--kafka", "client.id=x", UNSTALE_KAFKA_TOPICS="one,two")
        self.assertRegex(out, r"(?m)^kafka\.topics\s.*one.*two")
        self.assertRegex(out, r"client\.id\W+x")

    def test_a_secret_from_a_file(self):
        path = self.file("hunter2\n")
        out = self.settings(UNSTALE_HTTP_TOKEN_FILE=path)
        self.assertRegex(out, r"(?m)^http\.token\s.*\*\*\*")
        self.assertNotIn("hunter2", out)

    def test_values_that_are_none(self):
        for env in ({"UNSTALE_WORKERS": "many"}, {"UNSTALE_ON_GAP": "stpo"},
                    {"UNSTALE_DRAIN_TIMEOUT": "20"}, {"UNSTALE_REDIS_URL": "http://x"},
                    {"UNSTALE_LOG_LEVEL": "loud"}, {"UNSTALE_HTTP_LISTEN": "8089x"}):
            with self.subTest(env=env):
                code, out, err = unstale("run", env=env, timeout=20)
                self.assertEqual(code, 78, out + err)
                self.assertIn(list(env)[0], err)

    def test_versions(self):
        code, out, err = unstale("--version")
        self.assertEqual(code, 0, err)
        for name in ("unstale", "librdkafka", "hiredis", "yyjson", "jansson"):
            self.assertRegex(out.lower(), name + r"\s+v?\d+\.\d+")

    def test_help_everywhere(self):
        for verb in ("run", "emit", "check", "explain", "settings", "reload", "doctor"):
            with self.subTest(verb=verb):
                code, out, err = unstale(verb, "-h")
                self.assertEqual((code, err), (0, ""))
                self.assertIn("unstale " + verb, out)


if __name__ == "__main__":
    main()
