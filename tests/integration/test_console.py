"""GET / and GET /api/status: a page that loads nothing from elsewhere, and the numbers that it shows."""
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import Unstale, unstale
from lib.suite import BusTest, main

RULES = [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}},
         {"name": "by-sku", "when": {"model": "shop.Product"}, "do": {"delete": "s:{sku}"}},
         {"name": "quiet", "mode": "shadow", "when": {"model": "shop.Product"},
          "do": {"delete": "q:{pk}"}}]


class ConsoleTest(BusTest):
    def start(self):
        home = process.private_folder("home")
        self.env = {"XDG_RUNTIME_DIR": home, "HOME": home, "TMPDIR": home}
        self.redis_server = self.redis()
        bus = Unstale("", "", rules=RULES, bare=True, start=False,
                      arguments=["--embedded", "--redis", self.redis_server.url])
        for name in ("UNSTALE_KAFKA_BROKERS", "UNSTALE_REDIS_URL"):
            del bus.env[name]
        bus.env.update(self.env)
        self.watch("unstale", bus.log)
        self.addCleanup(self._end, bus)
        return bus.start().wait_ready()

    def check_page(self, bus):
        first, second = bus.http("/"), bus.http("/")
        self.assertEqual((first.status, first.headers["Content-Type"]),
                         (200, "text/html; charset=utf-8"))
        policy = first.headers["Content-Security-Policy"]
        self.assertTrue(policy.startswith("default-src 'none'; "), policy)
        for word in ("unsafe", "*", "http:", "https:"):
            self.assertNotIn(word, policy)
        self.assertIn("frame-ancestors 'none'", policy)
        (nonce,) = set(re.findall(r"'nonce-([0-9a-f]{32})'", policy))
        # Every script and style is by the number of this answer, and nothing is asked of others.
        self.assertEqual(re.findall(r"<(?:script|style)\b[^>]*>", first.text),
                         ['<style nonce="%s">' % nonce, '<script nonce="%s">' % nonce])
        self.assertNotIn(nonce, second.text)
        self.assertNotIn("@NONCE@", first.text)
        outside = [url for url in re.findall(r"https?://[^\"' ]+", first.text)
                   if url != "http://www.w3.org/2000/svg"]
        self.assertEqual(outside, [])
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(",
                     "localStorage", " style=", " onclick="):
            self.assertNotIn(word, first.text)

    def test_the_page_and_what_it_shows(self):
        bus = self.start()
        self.check_page(bus)
        self.redis_server.fill(["p:1", "p:2"])
        events = [{"event": "post_save", "model": "shop.Product", "pk": pk, "created": False,
                   "after": {"sku": pk} if pk != 3 else {}} for pk in (1, 2, 3)]
        code, out, err = unstale("emit", "--embedded", "-", env=self.env,
                                 input="".join(json.dumps(event) + "\n" for event in events))
        self.assertEqual(code, 0, out + err)
        bus.wait_metric(lambda done: done == 3, "unstale_committed_offset")
        bus.wait_metric(lambda lag: lag == 0, "unstale_consumer_lag")
        status = json.loads(bus.http("/api/status").body)
        self.assertEqual(status["health"], {"ready": True})
        self.assertEqual(status["redis"], {"up": True, "targets": ["default"]})
        self.assertEqual((status["totals"]["records"], status["totals"]["events"],
                          status["totals"]["operations"], status["totals"]["keys_deleted"]),
                         (3, 3, 5, 2))
        self.assertEqual(status["dead_letters"], {"missing_field": 1})
        self.assertEqual(status["staleness"][-1], [None, 3])
        self.assertEqual([p["partition"] for p in status["partitions"]], [0, 1, 2, 3])
        self.assertEqual((sum(p["lag"] for p in status["partitions"]),
                          sum(p["end"] for p in status["partitions"])), (0, 3))
        self.assertEqual((status["rules"]["count"], status["rules"]["live"],
                          status["rules"]["accepted"], status["purges_pending"]), (3, 2, True, 0))
        by_rule = {rule["name"]: rule for rule in status["by_rule"]}
        self.assertEqual(by_rule["one"], {"name": "one", "mode": "live", "matches": 3,
                                          "operations": 3})
        self.assertEqual(by_rule["quiet"]["mode"], "shadow")
        self.redis_server.stop()
        bus.wait_not_ready()
        status = json.loads(bus.http("/api/status").body)
        self.assertFalse(status["health"]["ready"])
        self.assertIn("Redis", status["health"]["reasons"][0]["reason"])


if __name__ == "__main__":
    main()
