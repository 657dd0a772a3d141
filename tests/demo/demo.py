#!/usr/bin/env python3
"""demo - the main job, shown: model changes go in, and every key is looked at before and after.

  tests/demo/demo.py [--build DIR] [--rules PATH] [--script FILE] [--stay]

Starts a private Redis and `unstale run --embedded` on free ports, fills the cache as django-redis
would, and plays the script: for each change it prints the event, the rules that matched, and every
key before and after. What a key must become stands in the script, never taken from the program
under test. Exit code 0 only if every key became that. --stay leaves the same stack running.
"""
import argparse
import json
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from demo_keys import Keys, judge
from demo_print import Printer
from lib import process
from lib.program import Unstale, json_lines, unstale
from lib.servers import RedisServer

HERE = os.path.dirname(os.path.abspath(__file__))
STEP_SECONDS = 15
USUAL_HTTP_PORT = 8089
# A step is over when its offset is committed, and the demo has better to do than to wait for that.
QUICK_COMMITS = ["--kafka", "auto.commit.interval.ms=20"]
TRY = ('{"event":"post_save","model":"shop.Product","pk":42,"created":false,'
       '"before":{"category_id":3},"after":{"name":"Mug","price":"9.50","category_id":7}}')


class Stack:
    """The bus of the demo: a private Redis, and the program with its broker inside."""

    def __init__(self, rules, home=None, port=None):
        self.rules = os.path.abspath(rules)
        self.redis = RedisServer()
        self.env = {"XDG_RUNTIME_DIR": home} if home else {}
        self.bus = Unstale("", "", rules=self.rules, bare=True, start=False,
                           arguments=["--embedded", "--redis", self.redis.url,
                                      "--rules", self.rules] + QUICK_COMMITS)
        if port:
            self.bus.port = port
        self.bus.env = dict(self.env, UNSTALE_HTTP_LISTEN="127.0.0.1:%d" % self.bus.port)
        self.sent = 0
        self.bus.start().wait_ready()

    def _verb(self, *arguments, events, fine=(0,)):
        text = "".join(json.dumps(event) + "\n" for event in events)
        code, out, err = unstale(*arguments, "-", input=text, env=self.env)
        if code not in fine:
            raise process.Failed("unstale %s ended with %d\n%s%s" % (arguments[0], code, out, err))
        return out

    def explain(self, events):
        """The rules that these events match, and the dead letters they would lead to."""
        lines = json_lines(self._verb("explain", "--rules", self.rules, "--format", "json",
                                      events=events, fine=(0, 1)))
        matched = [rule["name"] for line in lines for rule in line["rules"] if rule["matched"]]
        letters = [line["dead_letter"] for line in lines if line["dead_letter"]]
        return list(dict.fromkeys(matched)), letters

    def emit(self, events):
        """Sends events and waits until Kafka knows that all they led to is done."""
        self._verb("emit", "--embedded", events=events)
        self.sent += len(events)
        self.bus.wait_metric(lambda done: done == self.sent, "unstale_committed_offset",
                             timeout=STEP_SECONDS)

    @property
    def brokers(self):
        """Where the broker inside listens, as the program's log says it."""
        lines = [json.loads(line) for line in self.bus.log_text().splitlines() if line[:1] == "{"]
        return next(line["brokers"] for line in lines if "brokers" in line)

    def stop(self):
        if self.bus.running():
            self.bus.stop()
        self.redis.stop()


def play(step, stack, keys, printer):
    """One step of the script; returns what became of each key as {key: verdict}."""
    keys.fill(step.get("reads", []))
    before = keys.look()
    told = stack.explain(step["events"])
    stack.emit(step["events"])
    after = keys.look()
    verdicts = {key: judge(before.get(key), after.get(key), step["expect"].get(key, "kept"))
                for key in sorted(before.keys() | after.keys() | step["expect"].keys())}
    printer.step(step, told, before, after, verdicts)
    return verdicts


def check_by_hand(script, seen):
    """[(line of the tutorials, rows seen to change so)]: none seen is a failure."""
    return [(row["code"], [key for key in row["keys"] if row["became"] in seen.get(key, ())])
            for row in script["by_hand"]]


def show(script, stack, printer):
    """Plays the whole script. True if every key became what the script says."""
    keys = Keys(stack.redis, script["cache"])
    keys.fill(script["cache"])
    first = keys.look()
    seen, wrong = {}, set()
    for step in script["steps"]:
        for key, verdict in play(step, stack, keys, printer).items():
            seen.setdefault(key, set()).add(verdict.became)
            if verdict.problem:
                wrong.add(key)
    last = keys.look()
    wrong.update(key for key in script["survivors"]
                 if key not in first or first[key].text != getattr(last.get(key), "text", None))
    by_hand = check_by_hand(script, seen)
    printer.by_hand(by_hand)
    printer.survivors(script["survivors"], wrong)
    missing = [code for code, found in by_hand if not found]
    printer.summary(len(seen) - len(wrong & seen.keys()), sorted(wrong), missing)
    return not wrong and not missing


def interrupted(number, frame):
    raise KeyboardInterrupt


def stay(script, printer, rules):
    """The same stack, left running for whoever wants to try things."""
    port = USUAL_HTTP_PORT if not process.listens(USUAL_HTTP_PORT) else None
    stack = Stack(rules, port=port)
    try:
        Keys(stack.redis, script["cache"]).fill(script["cache"])
        printer.address(stack, TRY)
        while stack.bus.running():
            signal.sigtimedwait([], 1)
        print(stack.bus.tail())
        return 1
    except KeyboardInterrupt:
        print("\nstopping", flush=True)
        return 0
    finally:
        stack.stop()


def parse():
    parser = argparse.ArgumentParser(description="Show what the bus does to a cache.")
    parser.add_argument("--build", default="build", help="the folder of the built program")
    parser.add_argument("--rules", default=os.path.join(process.ROOT, "config", "rules"))
    parser.add_argument("--script", default=os.path.join(HERE, "script.json"))
    parser.add_argument("--stay", action="store_true", help="leave it running until Ctrl-C")
    return parser.parse_args()


def main():
    arguments = parse()
    os.environ["UNSTALE_TEST_BUILD"] = os.path.abspath(arguments.build)
    script = json.loads(process.read(arguments.script))
    printer = Printer(sys.stdout)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupted)
    try:
        if arguments.stay:
            return stay(script, printer, arguments.rules)
        stack = Stack(arguments.rules, home=process.private_folder("home"))
        try:
            return 0 if show(script, stack, printer) else 1
        finally:
            stack.stop()
    except process.Failed as error:
        print("demo: %s" % error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
