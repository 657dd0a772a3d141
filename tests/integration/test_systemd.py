"""The systemd unit: what it allows is what the program does, seen by strace, and nothing is forked."""
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.certificates import Authority
from lib.program import environment, program, rules_file
from lib.suite import BusTest, main

UNIT = os.path.join(process.ROOT, "config", "systemd", "unstale.service")
RULES = [{"name": "r", "when": {"model": "a.M"},
          "do": {"delete": "p:{pk}", "bump": "v", "purge": "list:{pk}:*"}}]
WRITES = re.compile(r" (open(at)?\(.*O_(WRONLY|RDWR|CREAT)(?!.*/dev/)|(mkdir|rename|unlink|creat)(at2?|at)?\()")
CALL = re.compile(r"^(?:\[pid +\d+\] |\d+ +)?(\w+)\(")


def members(name, seen=()):
    """The system calls of a set such as @system-service, sets in it included."""
    text = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", name], check=True,
                          capture_output=True, text=True).stdout
    words = [line.split()[0] for line in text.splitlines()[1:]
             if line.strip() and not line.strip().startswith("#")]
    calls = {word for word in words if not word.startswith("@")}
    for word in words:
        if word.startswith("@") and word not in seen:
            calls |= members(word, seen + (word,))
    return calls


def unit_filter():
    allowed = set()
    with open(UNIT, encoding="utf-8") as file:
        for line in file:
            name, _, value = line.strip().partition("=")
            if name != "SystemCallFilter":
                continue
            for word in value.lstrip("~").split():
                calls = members(word) if word.startswith("@") else {word}
                allowed = allowed - calls if value.startswith("~") else allowed | calls
    # systemd lets these through whatever the filter says (systemd.exec(5)).
    return allowed | {"execve", "exit", "exit_group", "getrlimit", "rt_sigreturn", "sigreturn"}


class SystemdTest(BusTest):
    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd on this machine")
    def test_the_unit_is_well_formed(self):
        with open(UNIT, encoding="utf-8") as file:
            text = file.read().replace("/usr/bin/unstale", program())
        path = os.path.join(process.private_folder("systemd"), "unstale.service")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True,
                              text=True)
        self.assertEqual((done.returncode, done.stderr.strip()), (0, ""))

    def traced(self):
        """A service with TLS to Redis that does everything it can; returns its system calls, line by line."""
        authority = Authority()
        cert, key = authority.sign("server")
        port = process.free_port()
        store = self.redis(tls_port=port, tls_cert_file=cert, tls_key_file=key,
                           tls_ca_cert_file=authority.cert, tls_auth_clients="no")
        store.fill(["p:1", "list:1:a"])
        events = self.topic()
        bus = self.unstale(store, events, RULES, ready=False, start=False,
                           env={"UNSTALE_HTTP_TOKEN": "t0ken"})
        settings = rules_file(json.dumps({"redis": {"default": {
            "url": "rediss://127.0.0.1:%d/1" % port, "tls": {"ca": authority.cert}}}}),
            os.path.join(bus.folder, "unstale.json"))
        del bus.env["UNSTALE_REDIS_URL"]
        trace = os.path.join(bus.folder, "trace")
        bus.child = process.start(["strace", "-f", "-qq", "-o", trace, program(), "run", "--config",
                                   settings], log=bus.log, env=environment(bus.env), cwd=bus.folder)
        bus.wait_ready()
        self.exercise(bus, events)
        subprocess.run(["pkill", "-TERM", "-P", str(bus.child.pid)], check=True)
        self.assertEqual(bus.child.wait(30), 0, bus.tail())
        with open(trace, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()

    def exercise(self, bus, events):
        self.topics.produce(events, [{"key": "a.M:1", "value": {
            "event": "post_save", "model": "a.M", "pk": 1, "created": False}},
            {"value": "no event"}])
        event = b'{"event":"post_save","model":"a.M","pk":2,"created":false}'
        self.assertEqual(bus.http("/api/events", "POST", body=event, token="t0ken").status, 200)
        bus.wait_metric(lambda done: done >= 1, "unstale_purges_total")
        bus.wait_metric(lambda letters: letters >= 1, "unstale_dead_letters_total")
        subprocess.run(["pkill", "-HUP", "-P", str(bus.child.pid)], check=True)
        bus.wait_metric(lambda reloads: reloads >= 2, "unstale_rules_reloads_total")
        self.assertEqual(bus.http("/-/reload", "POST", token="t0ken").status, 200)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd on this machine")
    @unittest.skipIf(process.is_sanitized(), "a sanitizer makes calls of its own")
    def test_a_working_service_makes_no_call_that_the_unit_forbids(self):
        lines = self.traced()
        calls = {match.group(1) for match in map(CALL.match, lines) if match}
        self.assertIn("connect", calls)
        self.assertEqual(calls - unit_filter(), set())
        self.assertFalse(calls & {"fork", "vfork", "execveat"})
        self.assertEqual(sum(" execve(" in line for line in lines), 1)
        threads = [line for line in lines if re.search(r" clone3?\(", line)]
        self.assertTrue(threads)
        self.assertEqual([line for line in threads if "CLONE_THREAD" not in line], [])
        # A read-only root file system is enough.
        self.assertEqual([line for line in lines if WRITES.search(line)], [])


class ContainerTest(unittest.TestCase):
    def test_the_compose_file_gives_no_more_than_is_needed(self):
        text = process.read(os.path.join(process.ROOT, "docker-compose.yml"))
        services = dict(re.findall(r"^  (\w+):\n((?:    .*\n|\n)+)", text, re.MULTILINE))
        for name in ("kafka", "redis", "topics", "consumer"):
            with self.subTest(service=name):
                self.assertIn("cap_drop: [ALL]", services[name])
                self.assertIn("no-new-privileges:true", services[name])
        for name in ("redis", "consumer"):
            self.assertIn("read_only: true", services[name])
        ports = re.findall(r'^ +- "(.*:\d+)"$', text, re.MULTILINE)
        self.assertEqual([port for port in ports if not port.startswith("127.0.0.1:")], [])


if __name__ == "__main__":
    main()
