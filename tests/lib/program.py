"""program - `unstale` as its users run it: environment, flags, HTTP, signals, exit codes.

The environment of the tests is cleared of every UNSTALE_* variable first: the program refuses those
that it does not know. `Unstale` is a running `unstale run`; `unstale()` runs one verb to its end.
"""
import json
import os
import re
import signal
import urllib.error
import urllib.request

from lib import process
from lib.process import Failed, wait_until

SAMPLE = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$')
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)')
# A member that was killed holds up its group until its session ends, and 45 s of that is no test.
QUICK_SESSIONS = "session.timeout.ms=2000;heartbeat.interval.ms=300"


def program():
    path = os.path.join(process.build_dir(), "unstale")
    if not os.path.exists(path):
        raise Failed("%s is not built" % path)
    return os.path.abspath(path)


def environment(extra=None):
    env = {name: value for name, value in os.environ.items() if not name.startswith("UNSTALE_")}
    env.update({name: str(value) for name, value in (extra or {}).items()})
    return env


def unstale(*arguments, input=None, env=None, timeout=60, cwd=None):
    """One verb, run to its end: (exit code, standard output, standard error)."""
    return process.run([program()] + [str(word) for word in arguments], input=input,
                       env=environment(env), timeout=timeout, cwd=cwd or process.scratch())


def json_lines(text):
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def rules_file(rules, path):
    """Writes rules (a dict, a list of rules, or text) where `path` says; returns the path."""
    if isinstance(rules, list):
        rules = {"version": 1, "caches": {"default": {"keys": "raw"}}, "rules": rules}
    text = rules if isinstance(rules, str) else json.dumps(rules, indent=1)
    # Whole or not at all: the program looks at its rules whenever it likes.
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(path + ".new", path)
    return path


def parse_metrics(text):
    """{name: [(labels, value)]} of Prometheus' text format."""
    samples = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = SAMPLE.match(line)
        if match is None:
            raise Failed("not a metric: %r" % line)
        labels = dict(LABEL.findall(match.group(2) or ""))
        samples.setdefault(match.group(1), []).append((labels, float(match.group(3))))
    return samples


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body
        self.text = body.decode("utf-8", "replace")


class Unstale:
    """`rules` is a path, or what `rules_file` takes; `env` adds to and replaces the environment.

    With `bare=True` only UNSTALE_KAFKA_BROKERS, UNSTALE_REDIS_URL and the HTTP port are given: the
    rest is the program's own defaults, its rules in config/rules of the folder it starts in. `path` is
    another build of the program, `stderr` a file to take its log."""

    def __init__(self, brokers, redis, topic="model-events", group="unstale", rules=None,
                 env=None, arguments=(), bare=False, start=True, path=None, stderr=None):
        self.path = path or program()
        self.stderr = stderr
        self.folder = process.private_folder("run")
        self.port = process.free_port()
        self.log = os.path.join(self.folder, "unstale.log")
        self.group = group
        self.topic = topic
        self.rules = self._place_rules(rules, bare)
        self.arguments = list(arguments)
        self.env = {"UNSTALE_KAFKA_BROKERS": brokers, "UNSTALE_REDIS_URL": redis,
                    "UNSTALE_HTTP_LISTEN": "127.0.0.1:%d" % self.port}
        if not bare:
            self.env.update({"UNSTALE_KAFKA_TOPICS": topic, "UNSTALE_KAFKA_GROUP": group,
                             "UNSTALE_KAFKA_DEAD_LETTER_TOPIC": topic + ".dlq",
                             "UNSTALE_RULES": self.rules,
                             "UNSTALE_KAFKA_OPTIONS": QUICK_SESSIONS})
        self.env.update(env or {})
        self.child = None
        if start:
            self.start()

    def _place_rules(self, rules, bare):
        if isinstance(rules, str) and os.path.exists(rules):
            return rules
        folder = os.path.join(self.folder, "config", "rules") if bare else \
            os.path.join(self.folder, "rules")
        os.makedirs(folder)
        rules_file(rules if rules is not None else [], os.path.join(folder, "rules.json"))
        return folder

    @property
    def rules_path(self):
        return os.path.join(self.rules, "rules.json")

    def start(self):
        output = {"stderr": self.stderr} if self.stderr is not None else {}
        self.child = process.start([self.path, "run"] + self.arguments, log=self.log,
                                   env=environment(self.env), cwd=self.folder, **output)
        return self

    # What it says.

    def tail(self, lines=40):
        return process.tail(self.log, lines)

    def log_text(self):
        return process.read(self.log) if os.path.exists(self.log) else ""

    def http(self, path, method="GET", body=None, token=None, headers=None, timeout=10):
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (self.port, path),
                                         method=method, data=body, headers=headers or {})
        if token is not None:
            request.add_header("Authorization", "Bearer " + token)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as reply:
                return Answer(reply.status, reply.headers, reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def try_http(self, path):
        """The answer, or None while nobody listens."""
        try:
            return self.http(path)
        except (OSError, urllib.error.URLError):
            return None

    def metrics(self):
        return parse_metrics(self.http("/metrics").text)

    def metric(self, name, **labels):
        """The sum of the samples of that name that carry these labels; 0 without any."""
        return sum(value for found, value in self.metrics().get(name, [])
                   if all(found.get(label) == wanted for label, wanted in labels.items()))

    # Waiting.

    def running(self):
        return self.child is not None and self.child.poll() is None

    def _check_running(self):
        if not self.running():
            raise Failed("unstale ended with %d\n%s" % (self.child.returncode, self.tail()))

    def _status(self, path):
        self._check_running()
        answer = self.try_http(path)
        return answer.status if answer else 0

    def wait_listening(self, timeout=20):
        wait_until(lambda: self._status("/healthz") == 200, timeout,
                   lambda: "/healthz answers\n" + self.tail())
        return self

    def wait_ready(self, timeout=30):
        wait_until(lambda: self._status("/readyz") == 200, timeout, self._not_ready)
        return self

    def wait_not_ready(self, timeout=30):
        wait_until(lambda: self._status("/readyz") == 503, timeout,
                   lambda: "/readyz says 503\n" + self.tail())
        return self

    def _not_ready(self):
        answer = self.try_http("/readyz")
        return "ready; /readyz: %s\n%s" % (answer.text if answer else "no answer", self.tail())

    def wait_metric(self, condition, name, timeout=30, **labels):
        """Waits until `condition(value)`; returns the value."""
        seen = []

        def holds():
            self._check_running()
            seen.append(self.metric(name, **labels))
            return condition(seen[-1])
        wait_until(holds, timeout, lambda: "%s%s; last %s\n%s" % (name, labels, seen[-1:],
                                                                  self.tail()))
        return seen[-1]

    def wait_log(self, text, timeout=20):
        wait_until(lambda: text in self.log_text(), timeout,
                   lambda: "the log says %r\n%s" % (text, self.tail()))

    def wait_end(self, timeout=30):
        """Waits for an end of its own; returns the exit code."""
        wait_until(lambda: not self.running(), timeout, lambda: "unstale ends\n" + self.tail())
        process.kill(self.child)
        return self.child.returncode

    # What is done to it.

    def stop(self, timeout=30):
        """SIGTERM; returns the exit code."""
        return process.kill(self.child, signal.SIGTERM, timeout)

    def kill(self):
        process.kill(self.child, signal.SIGKILL)

    def reload(self):
        self.child.send_signal(signal.SIGHUP)

    def restart(self):
        self.stop()
        return self.start()
