"""Rules change while the program runs; an edit that is wrong changes nothing."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.program import rules_file, unstale
from lib.suite import BusTest, main, wait_until

TOKEN = "s3cret-token"
COUNT = 40000
EVENT = '{"event":"post_save","model":"shop.Product","pk":{i},"created":false}'


def deleting(*keys):
    return [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": list(keys)}}]


BAD = """{
 "version": 1,
 "caches": {"default": {"keys": "raw"}},
 "rules": [
  {"name": "one",
   "when": {"model": "shop.Product", "chnaged": ["a"]},
   "do": {"delete": "b:{pk}"}}
 ]
}
"""


class ReloadTest(BusTest):
    def setUp(self):
        super().setUp()
        self.store = self.redis()
        self.events = self.topic()
        self.pk = 0

    def start(self, **options):
        return self.unstale(self.store, self.events, deleting("a:{pk}"), **options)

    def deletes(self, prefix):
        """Sends one event; true if the keys of `prefix`, and not others, went."""
        self.pk += 1
        keys = {name: "%s:%d" % (name, self.pk) for name in "ab"}
        self.store.fill(keys.values())
        self.emit_products(self.events, [self.pk])
        self.wait_lag(self.events, self.name)
        return self.store.existing(keys.values()) == [k for n, k in keys.items() if n != prefix]

    def hash(self, bus):
        (labels, value), = bus.metrics()["unstale_rules_info"]
        self.assertEqual(value, 1)
        return labels["hash"]

    def test_a_changed_file_is_noticed(self):
        bus = self.start()
        old = self.hash(bus)
        self.assertTrue(self.deletes("a"))
        rules_file(deleting("b:{pk}"), bus.rules_path)
        wait_until(lambda: self.hash(bus) != old, 15, "the rules' hash changes\n" + bus.tail())
        self.assertTrue(self.deletes("b"))
        self.assertEqual(bus.metric("unstale_rules_last_reload_successful"), 1)

    def test_a_symbolic_link_that_moves_is_noticed(self):
        folder = os.path.join(self.store.folder, "mounted")
        for name, prefix in (("1", "a"), ("2", "b")):
            os.makedirs(os.path.join(folder, name))
            rules_file(deleting(prefix + ":{pk}"), os.path.join(folder, name, "rules.json"))
        os.symlink("1", os.path.join(folder, "data"))
        os.symlink(os.path.join("data", "rules.json"), os.path.join(folder, "rules.json"))
        bus = self.start(env={"UNSTALE_RULES": os.path.join(folder, "rules.json")})
        old = self.hash(bus)
        self.assertTrue(self.deletes("a"))
        os.symlink("2", os.path.join(folder, "new"))
        os.rename(os.path.join(folder, "new"), os.path.join(folder, "data"))
        wait_until(lambda: self.hash(bus) != old, 15, "the rules' hash changes\n" + bus.tail())
        self.assertTrue(self.deletes("b"))

    def test_sighup_reads_rules_and_secrets_again(self):
        secret = os.path.join(self.store.folder, "token")
        rules_file("first", secret)
        bus = self.start(env={"UNSTALE_HTTP_TOKEN_FILE": secret})
        self.assertEqual(bus.http("/-/reload", "POST", token="second").status, 403)
        rules_file("second\n", secret)
        rules_file(deleting("b:{pk}"), bus.rules_path)
        bus.reload()
        wait_until(lambda: bus.http("/-/reload", "POST", token="second").status == 200, 10,
                   "the new token is taken\n" + bus.tail())
        self.assertTrue(self.deletes("b"))

    def test_reload_over_http_needs_the_token(self):
        bus = self.start(env={"UNSTALE_HTTP_TOKEN": TOKEN})
        rules_file(deleting("b:{pk}"), bus.rules_path)
        self.assertEqual(bus.http("/-/reload", "POST").status, 403)
        self.assertEqual(bus.http("/-/reload", "POST", token="wrong").status, 403)
        answer = bus.http("/-/reload", "POST", token=TOKEN)
        self.assertEqual(answer.status, 200, answer.text)
        self.assertTrue(self.deletes("b"))

    def test_the_verb_reload(self):
        bus = self.start(env={"UNSTALE_HTTP_TOKEN": TOKEN})
        rules_file(deleting("b:{pk}"), bus.rules_path)
        code, out, err = unstale("reload", env=bus.env)
        self.assertEqual(code, 0, out + err)
        self.assertTrue(self.deletes("b"))
        rules_file(BAD, bus.rules_path)
        code, out, err = unstale("reload", env=bus.env)
        self.assertEqual(code, 1, out + err)
        self.assertIn("E201", out + err)
        bus.stop()
        code, out, err = unstale("reload", env=bus.env)
        self.assertNotIn(code, (0, 1), out + err)

    def test_a_bad_edit_keeps_the_old_rules(self):
        bus = self.start(env={"UNSTALE_HTTP_TOKEN": TOKEN})
        old = self.hash(bus)
        rules_file(BAD, bus.rules_path)
        answer = bus.http("/-/reload", "POST", token=TOKEN)
        self.assertNotEqual(answer.status, 200, answer.text)
        self.assertIn("E201", answer.text)
        bus.wait_metric(lambda value: value == 0, "unstale_rules_last_reload_successful")
        self.assertRegex(bus.log_text(), r'rules\.json:6:38\b|"line":6,"column":38')
        self.assertEqual(self.hash(bus), old)
        self.assertEqual(bus.http("/readyz").status, 200)
        self.assertTrue(self.deletes("a"))
        rules_file(deleting("b:{pk}"), bus.rules_path)
        bus.wait_metric(lambda value: value == 1, "unstale_rules_last_reload_successful")
        self.assertTrue(self.deletes("b"))

    def test_a_folder_gone_empty_keeps_the_old_rules(self):
        bus = self.start()
        os.unlink(bus.rules_path)
        bus.wait_metric(lambda value: value == 0, "unstale_rules_last_reload_successful")
        self.assertTrue(self.deletes("a"))

    def test_reload_under_load(self):
        bus = self.start()
        keys = ["a:%d" % i for i in range(COUNT)]
        self.store.fill(keys)
        old = self.hash(bus)
        self.topics.generate(self.events, COUNT, EVENT, key="shop.Product:{i}")
        for turn in range(10):
            rules_file(deleting("a:{pk}", "extra%d:{pk}" % turn), bus.rules_path)
            bus.reload()
            wait_until(lambda: self.hash(bus) != old, 10, "reload %d\n%s" % (turn, bus.tail()))
            old = self.hash(bus)
        self.wait_gone(self.store, keys, timeout=60)
        self.wait_lag(self.events, self.name)
        self.assertEqual(bus.metric("unstale_records_total"), COUNT)
        self.assertEqual(bus.metric("unstale_dead_letters_total"), 0)


if __name__ == "__main__":
    main()
