"""`unstale tail` and GET /api/tail: what the service does, shown as it happens."""
import json
import os
import signal
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import Unstale, environment, json_lines, program, unstale
from lib.servers import RedisServer
from lib.suite import BusTest, main, wait_until

RULES = [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}},
         {"name": "quiet", "mode": "shadow", "when": {"model": "shop.Product"},
          "do": {"delete": "q:{pk}"}},
         {"name": "lists", "when": {"model": "shop.List"}, "do": {"purge": "list:{pk}:*"}}]
TOKEN = "s3cret-token"
WAIT_S = 30


def event(model, pk, **members):
    return {"event": "post_save", "model": model, "pk": pk, "created": False,
            "before": {"price": "1"}, "after": {"price": "2", "name": "hunter2"}, **members}


class Watcher:
    """A running `unstale tail`, its words in files."""

    def __init__(self, env, *arguments):
        folder = process.private_folder("tail")
        self.out_path, self.err_path = os.path.join(folder, "out"), os.path.join(folder, "err")
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.child = subprocess.Popen([program(), "tail", *arguments], stdout=out, stderr=err,
                                          env=environment(env), cwd=folder)
        self.wait_error("following")

    def out(self):
        return process.read(self.out_path)

    def wait_error(self, text):
        wait_until(lambda: text in process.read(self.err_path), WAIT_S,
                   lambda: "tail says %r: %s" % (text, process.read(self.err_path)))

    def wait(self, text):
        wait_until(lambda: text in self.out(), WAIT_S,
                   lambda: "tail shows %r: %s" % (text, self.out()))

    def end(self):
        return process.kill(self.child, signal.SIGINT)


def bare_env(token):
    home = process.private_folder("home")
    env = {"XDG_RUNTIME_DIR": home, "HOME": home, "TMPDIR": home}
    return dict(env, UNSTALE_HTTP_TOKEN=token) if token else env


def start_bus(env, redis_url):
    """The bus with its broker inside: these tests are about nothing that a real one changes."""
    bus = Unstale("", "", rules=RULES, bare=True, start=False,
                  arguments=["--embedded", "--redis", redis_url])
    for name in ("UNSTALE_KAFKA_BROKERS", "UNSTALE_REDIS_URL"):
        del bus.env[name]
    bus.env.update(env)
    return bus.start()


class TailTest(BusTest):
    """All but one test share a bus, which is slow to start."""

    @classmethod
    def setUpClass(cls):
        cls.env = bare_env(TOKEN)
        cls.redis_server = RedisServer()
        cls.addClassCleanup(cls.redis_server.stop)
        cls.bus = start_bus(cls.env, cls.redis_server.url)
        cls.addClassCleanup(cls._end, cls.bus)
        cls.bus.wait_ready()

    def setUp(self):
        super().setUp()
        self.watch("unstale", self.bus.log)

    def start_without_token(self):
        self.env = bare_env(None)
        self.bus = start_bus(self.env, self.redis_server.url)
        self.watch("unstale", self.bus.log)
        self.addCleanup(self._end, self.bus)
        self.bus.wait_ready()

    def follow(self, *arguments):
        watcher = Watcher(self.env, *arguments)
        self.addCleanup(watcher.end)
        return watcher

    def emit(self, *events):
        text = "".join(json.dumps(one) + "\n" for one in events)
        code, out, err = unstale("emit", "--embedded", "-", input=text, env=self.env)
        self.assertEqual(code, 0, out + err)

    def ask(self, token=TOKEN, **query):
        answer = self.bus.http("/api/tail?" + urllib.parse.urlencode(query), token=token,
                               timeout=WAIT_S)
        return answer.status, json.loads(answer.body)

    def test_a_line_an_event(self):
        self.start_without_token()
        self.redis_server.fill(["p:1"])
        text, machine = self.follow("--embedded"), self.follow("--embedded", "--format=json")
        self.emit(event("shop.Product", 1))
        text.wait("update shop.Product pk=1 changed=price  one, quiet (shadow)  "
                  "UNLINK p:1 (deleted)\n")
        self.emit(event("shop.Product", "\x1b[31m\n\u20ac"))
        text.wait("pk=\\x1b[31m\\x0a\u20ac changed=price  one, quiet (shadow)  "
                  "UNLINK p:\\x1b[31m\\x0a\u20ac (not there)\n")
        self.emit(event("shop.List", 3))
        text.wait("SCAN+UNLINK list:3:* (walking)\n")
        self.emit(event("shop.Other", 4))
        text.wait("update shop.Other pk=4 changed=price  no rule matched\n")
        machine.wait("shop.Other")
        for watcher in (text, machine):
            self.assertEqual(watcher.end(), 0)
        self.assertEqual(text.out().count("\n"), 4)
        self.assertNotIn("\x1b", text.out())
        first, second, third, last = json_lines(machine.out())
        self.assertEqual(first["event"], {"model": "shop.Product", "op": "update", "pk": 1,
                                          "changed": ["price"]})
        self.assertEqual(first["rules"], [{"name": "one", "mode": "live"},
                                          {"name": "quiet", "mode": "shadow"}])
        self.assertEqual(first["ops"], [{"op": "delete", "cache": "default", "key": "p:1",
                                         "result": "deleted"}])
        self.assertEqual(second["ops"][0]["result"], "not_there")
        self.assertEqual((third["ops"][0]["result"], last["ops"], last["rules"]),
                         ("walking", [], []))
        self.assertNotIn("hunter2", machine.out())

    def test_filters_are_the_services(self):
        url = "http://127.0.0.1:%d" % self.bus.port
        watchers = {"model": self.follow(url, "--model", "shop.list"),
                    "rule": self.follow(url, "--rule=quiet"),
                    "key": self.follow(url, "--key", "p:[2-3]")}
        self.emit(*(event("shop.Product", pk) for pk in range(1, 5)), event("shop.List", 9))
        watchers["model"].wait("pk=9")
        watchers["rule"].wait("pk=4")
        watchers["key"].wait("pk=3")
        shown = {name: sorted(line.split("pk=")[1].split(" ")[0]
                              for line in watcher.out().splitlines())
                 for name, watcher in watchers.items()}
        self.assertEqual(shown, {"model": ["9"], "rule": ["1", "2", "3", "4"], "key": ["2", "3"]})

    def test_it_outlives_a_restart(self):
        watcher = self.follow("http://127.0.0.1:%d" % self.bus.port)
        self.bus.stop()
        watcher.wait_error("trying again")
        self.bus.start().wait_ready()
        watcher.wait_error("the service is back")
        self.emit(event("shop.Product", 7))
        watcher.wait("pk=7")
        self.assertIn("... began anew: what happened in between is not shown\n", watcher.out())
        self.assertEqual(watcher.end(), 0)

    def test_who_may(self):
        for wrong in (None, "", TOKEN + "x"):
            self.assertEqual(self.ask(token=wrong)[0], 401)
        self.assertEqual(self.bus.http("/api/tail", "POST", body=b"", token=TOKEN).status, 405)
        code, out, err = unstale("tail", "http://127.0.0.1:%d" % self.bus.port)
        self.assertEqual((code, out), (1, ""), err)
        self.assertIn("401", err)
        code, out, err = unstale("tail", "http://127.0.0.1:%d" % process.free_port())
        self.assertEqual((code, out), (4, ""), err)
        code, out, err = unstale("tail", "--embedded", env={"XDG_RUNTIME_DIR": self.bus.folder})
        self.assertEqual((code, out), (4, ""), err)
        for wrong in (["a:1", "b:2"], ["--format", "xml"], ["--embedded", "a:1"]):
            self.assertEqual(unstale("tail", *wrong)[0], 2)

    def test_pages(self):
        status, page = self.ask()
        self.assertEqual((status, page["events"], page["broken"]), (200, [], False))
        self.emit(*(event("shop.Product", pk) for pk in range(3)))
        seen = []
        while len(seen) < 3:
            status, page = self.ask(cursor=page["cursor"], wait=20)
            self.assertEqual((status, page["missed"], page["unseen"]), (200, 0, 0))
            seen += page["events"]
        self.assertEqual(sorted(one["event"]["pk"] for one in seen), [0, 1, 2])
        start = time.monotonic()
        self.assertEqual(self.ask(cursor=page["cursor"], wait=1)[1]["events"], [])
        self.assertGreater(time.monotonic() - start, 0.9)
        self.assertTrue(self.ask(cursor="1-2-3")[1]["broken"])
        for query in ({"cursor": "nonsense"}, {"key": "x" * 513}):
            self.assertEqual(self.ask(**query)[0], 400)

    def test_what_nobody_read_in_time_is_counted(self):
        before = self.bus.metric("unstale_records_total")
        _, page = self.ask()
        self.emit(*(event("shop.Product", "%d-%s" % (pk, "x" * 450)) for pk in range(1500)))
        self.bus.wait_metric(lambda done: done == before + 1500, "unstale_records_total")
        shown = missed = unseen = 0

        def complete():
            nonlocal page, shown, missed, unseen
            _, page = self.ask(cursor=page["cursor"])
            shown += len(page["events"])
            missed += page["missed"]
            unseen += page["unseen"]
            return shown + missed + unseen == 1500
        wait_until(complete, WAIT_S, lambda: "%d shown, %d missed, %d unseen" %
                   (shown, missed, unseen))
        self.assertGreater(missed + unseen, 0)
        self.assertGreater(shown, 10)


if __name__ == "__main__":
    main()
