"""Pending purges are told with their progress, and an operator can give one up."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.redis_cluster import RedisCluster
from lib.suite import BusTest, main, wait_until

TOKEN = "s3cret-token"
KEYS = ["products:%d" % i for i in range(60000)]
RULES = {"version": 1, "caches": {"default": {"keys": "raw"}}, "rules": [
    {"name": "lists", "when": {"model": "shop.Product"},
     "do": {"purge": {"pattern": "products:*", "rate": 4000}}}]}


class PurgeApiTest(BusTest):
    def pending(self, bus, token=TOKEN):
        answer = bus.http("/api/purges", token=token)
        self.assertEqual(answer.status, 200)
        return json.loads(answer.text)

    def the_one(self, bus):
        purges = self.pending(bus)["purges"]
        return purges[0] if purges else None

    def walking(self, bus, scanned=0):
        def look():
            one = self.the_one(bus)
            return one and one["state"] == "walking" and one["scanned"] > scanned
        wait_until(look, 60, lambda: "the purge walks\n" + bus.tail())
        return self.the_one(bus)

    def cancel(self, bus, one):
        path = "/api/purges/%s/cancel" % one["id"]
        self.assertEqual(bus.http(path, "POST").status, 403)
        self.assertEqual(bus.http(path, token=TOKEN).status, 405)
        for wrong in ("/api/purges/1/cancel", "/api/purges/%s" % one["id"],
                      "/api/purges//cancel", "/api/purges/x/cancel",
                      "/api/purges/%d/cancel" % (int(one["id"]) + 1)):
            self.assertEqual(bus.http(wrong, "POST", token=TOKEN).status, 404, wrong)
        answer = bus.http(path, "POST", token=TOKEN)
        self.assertEqual((answer.status, json.loads(answer.text)), (200, {"cancelled": one["id"]}))
        self.assertEqual(bus.http(path, "POST", token=TOKEN).status, 404)

    def check_cancelled(self, bus, store, topic):
        self.wait_lag(topic, self.name)
        self.assertTrue(store.existing(KEYS), "what the purge had not come to stays")
        self.assertEqual(self.pending(bus), {"pending": 0, "purges": []})
        self.assertEqual(bus.metric("unstale_purges_cancelled_total"), 1)
        wait_until(lambda: bus.metric("unstale_purge_progress_ratio") == 1, 30, "nobody walks")
        bus.wait_log("purge is cancelled")
        line = next(li for li in bus.log_text().splitlines() if "purge is cancelled" in li)
        self.assertIn("warn", line)
        self.assertIn("products:*", line)
        self.assertIn("done_percent", line)

    def test_progress_and_cancel(self):
        store, topic = self.redis(), self.topic()
        store.fill(KEYS)
        bus = self.unstale(store, topic, RULES, env={"UNSTALE_HTTP_TOKEN": TOKEN})
        self.assertEqual(self.pending(bus), {"pending": 0, "purges": []})
        self.emit_products(topic, [1])
        one = self.walking(bus)
        self.assertEqual((one["kind"], one["target"], one["pattern"], one["requests"]),
                         ("delete", "default", "products:*", 1))
        self.assertTrue(one["asked_at_ms"] <= one["started_at_ms"])
        later = self.walking(bus, scanned=one["scanned"] + 2000)
        self.assertTrue(one["share"] < later["share"] <= 1)
        self.assertTrue(later["matched"] > 1000)
        self.assertTrue(later["eta_ms"] > 0)
        self.assertTrue(0 < later["duty"] < 1)
        self.assertIsNone(self.pending(bus, token=None)["purges"][0]["pattern"])
        self.assertTrue(bus.metric("unstale_purge_progress_ratio") < 1)
        bus.wait_log("purge is under way")
        self.assertFalse(self.committed(topic, self.name))
        self.cancel(bus, later)
        self.check_cancelled(bus, store, topic)

    def test_in_a_cluster(self):
        cluster, topic = RedisCluster(), self.topic()
        self.addCleanup(cluster.stop)
        cluster.fill(KEYS)
        bus = self.unstale_by_file({"url": cluster.url, "cluster": True}, topic, RULES,
                                   env={"UNSTALE_HTTP_TOKEN": TOKEN})
        self.emit_products(topic, [1])
        one = self.walking(bus, scanned=1000)
        later = self.walking(bus, scanned=one["scanned"] + 2000)
        self.assertTrue(one["share"] < later["share"] <= 1)
        self.assertTrue(later["matched"] > 1000)
        self.cancel(bus, later)
        self.check_cancelled(bus, cluster, topic)


if __name__ == "__main__":
    main()
