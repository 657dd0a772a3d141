"""The README's commands, run in order as they are typed (lib/typed.py).

What is not run here stands in NOT_RUN, with the reason; every other command is.
"""
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process, typed
from lib.program import QUICK_SESSIONS
from lib.suite import main

NOT_RUN = {
    "make demo": "test_demo runs what it runs",
    "make test": "it is what runs this test",
    "docker": "no Docker engine is taken for granted; make test-image checks image and compose file",
}


def why_not(line):
    for command, reason in NOT_RUN.items():
        if line == command or (command == "docker" and "docker compose" in line):
            return reason
    return None


def blocks(section):
    return typed.blocks("README.md", section)


class ReadmeTest(typed.TypedTest):
    def test_the_first_two_commands(self):
        (block, _), = blocks(None)[:1]
        for line in block.splitlines():
            self.assertIn(line, NOT_RUN)
        makefile = process.read(os.path.join(process.ROOT, "Makefile"))
        self.assertRegex(makefile, r"(?m)^demo: all .*\n\t@.*tests/demo/demo\.py --build")
        self.assertRegex(makefile, r"(?m)^test: ")

    def test_who_sends_events(self):
        run, emit, look, build = [block for block, _ in
                                  blocks("You send events from an application")]
        self.assertEqual(run, "make run\n")
        del self.env["UNSTALE_HTTP_LISTEN"]
        _, log = self.start("exec %s tests/demo/demo.py --build build --stay" % sys.executable)
        text = self.wait_text(log, "Ctrl-C")
        self.assertIn(emit, text)
        self.check(emit)
        port = re.search(r"redis://127\.0\.0\.1:(\d+)/1", text).group(1)
        brokers = re.search(r"brokers +(\S+)", text).group(1)
        self.replaced = {"-p PORT": "-p " + port, "BROKERS": brokers}
        if shutil.which("redis-cli"):
            wanted = '{"id":42,"name":"Mug","price":"9.50"}\n0\n'
            process.wait_until(lambda: self.check(look) == wanted, 20,
                               lambda: "the keys are as the README says: " + self.check(look))
        if process.is_sanitized():
            return  # what cc makes of the example does not know the library's sanitizer
        self.assertRegex(self.check(build), r"partition \d, offset \d")

    def test_who_runs_the_consumer(self):
        docker, run, ask = [block for block, _ in blocks("You run the consumer")]
        for line in docker.splitlines():
            self.assertEqual(why_not(line), NOT_RUN["docker"], line)
        redis = self.redis()
        self.replaced.update({"127.0.0.1:9092": self.broker.brokers,
                              "redis://127.0.0.1:6379/1": redis.url})
        # The topics and the group are this test's own: others share the broker.
        self.env.update({"UNSTALE_KAFKA_TOPICS": self.name, "UNSTALE_KAFKA_GROUP": self.name,
                         "UNSTALE_KAFKA_DEAD_LETTER_TOPIC": self.name + ".dlq",
                         "UNSTALE_KAFKA_OPTIONS": QUICK_SESSIONS})
        keys = ["myapp:1:products:category:7", "myapp:1:product_42"]
        redis.fill(keys)
        *exports, doctor, program = run.splitlines()
        self.assertEqual(program, "build/unstale run")
        self.check("\n".join(exports + [doctor]))
        _, log = self.start(program)
        self.wait_text(log, "partitions assigned")
        emit, *rest = ask.splitlines()
        self.check(emit)
        self.wait_gone(redis, keys)
        out = self.check("\n".join(rest))
        if shutil.which("curl"):
            self.assertIn('{"ready":true}', out)
            self.assertIn('unstale_events_total{model="shop.Product",op="update"} 1', out)

    def test_who_edits_the_rules(self):
        found = blocks("You edit the rules")
        self.assertEqual(len(found), 2)
        for block, expected in found:
            self.assertIsNotNone(expected)
            self.check(block, expected)

    def test_every_command_is_run_or_named(self):
        sections = ("You send events from an application", "You run the consumer",
                    "You edit the rules")
        self.assertEqual(sum(len(blocks(section)) for section in sections) + 1, len(blocks(None)))
        self.notes += ["not run: %s: %s" % item for item in NOT_RUN.items()]


if __name__ == "__main__":
    main()
