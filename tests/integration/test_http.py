"""The HTTP service: what it answers, and to whom."""
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.suite import BusTest, main

ONE = [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}}]
TOKEN = "s3cret-token"


class HttpTest(BusTest):
    def start(self, **env):
        return self.unstale(self.redis(), self.topic(), ONE, env=env)

    def test_health_readiness_and_metrics(self):
        bus = self.start()
        self.assertEqual(bus.http("/healthz").status, 200)
        self.assertEqual(bus.http("/readyz").status, 200)
        answer = bus.http("/metrics")
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        found = bus.metrics()
        for name in ("unstale_records_total", "unstale_redis_up", "unstale_rules_info",
                     "unstale_redis_commands_total", "unstale_redis_reconnects_total",
                     "unstale_keys_deleted_total", "unstale_coalesced_total",
                     "unstale_purges_pending", "unstale_rules_last_reload_successful",
                     "unstale_rules_last_reload_success_timestamp_seconds",
                     "unstale_build_info"):
            self.assertIn(name, found)

    def test_help_and_type_stand_before_every_metric(self):
        text = self.start().http("/metrics").text
        typed = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name = line.split("{")[0].split(" ")[0]
                base = {name, name.rsplit("_", 1)[0]}
                self.assertTrue(base & typed, line)

    def test_without_a_token_nothing_changes(self):
        bus = self.start()
        self.assertEqual(bus.http("/-/reload", "POST").status, 403)
        self.assertEqual(bus.http("/-/reload", "POST", token="").status, 403)
        self.assertEqual(bus.http("/-/reload", "POST", token="anything").status, 403)

    def test_the_token_must_be_right(self):
        bus = self.start(UNSTALE_HTTP_TOKEN=TOKEN)
        for wrong in (TOKEN[:-1], TOKEN + "x", TOKEN.upper(), ""):
            self.assertEqual(bus.http("/-/reload", "POST", token=wrong).status, 403, wrong)
        self.assertEqual(bus.http("/-/reload", "POST", headers={
            "Authorization": "Basic " + TOKEN}).status, 403)
        self.assertEqual(bus.http("/-/reload", "POST", token=TOKEN).status, 200)

    def test_paths_and_methods(self):
        bus = self.start(UNSTALE_HTTP_TOKEN=TOKEN)
        self.assertEqual(bus.http("/nothing-here").status, 404)
        self.assertEqual(bus.http("/-/reload", token=TOKEN).status, 405)
        self.assertEqual(bus.http("/metrics", "POST", body=b"").status, 405)
        self.assertNotIn("Access-Control-Allow-Origin", bus.http("/metrics").headers)

    def test_bodies_are_capped(self):
        bus = self.start(UNSTALE_HTTP_TOKEN=TOKEN)
        head = ("POST /-/reload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                "Content-Length: %d\r\n\r\n" % (TOKEN, 2 << 20))
        with socket.create_connection(("127.0.0.1", bus.port), timeout=10) as client:
            client.sendall(head.encode())
            try:
                client.sendall(b"x" * (2 << 20))
            except (BrokenPipeError, ConnectionResetError):
                pass
            answer = client.recv(200)
        self.assertIn(b" 413 ", answer)
        self.assertEqual(bus.http("/healthz").status, 200)

    def test_many_idle_connections_do_not_stop_it(self):
        bus = self.start()
        clients = [socket.create_connection(("127.0.0.1", bus.port), timeout=10)
                   for _ in range(40)]
        try:
            for client in clients:
                client.sendall(b"GET /healthz HTTP/1.1\r\nHost:")
            self.assertEqual(bus.http("/healthz").status, 200)
        finally:
            for client in clients:
                client.close()


if __name__ == "__main__":
    main()
