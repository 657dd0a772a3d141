"""outbox - a Django project under fire: changes go on while Kafka, relay and project are killed.

`OutboxRun` has a PostgreSQL and a Kafka of its own. What was committed is told by the notes that
the writer leaves in the same transactions (bus/python/tests/outbox/outbox_writer.py); what arrived
is in the topic. `verify` compares the two.
"""
import json
import os
import random
import re
import time

from lib import process, venv
from lib.kafka import KafkaBroker
from lib.postgres import PostgresServer

TESTS = os.path.join(process.ROOT, "bus", "python", "tests")
TOPIC = "model-events"
PARTITIONS = 3
SETTLE_SECONDS = 120


class OutboxRun:
    def __init__(self, test, environment="django52", **settings):
        self.test = test
        self.seed = int(os.environ.get("UNSTALE_TEST_SEED") or random.randrange(1 << 31))
        self.random = random.Random(self.seed)
        test.notes.append("seed %d" % self.seed)
        self.python = venv.venv(environment)
        self.postgres = PostgresServer()
        test.addCleanup(self.postgres.stop)
        self.kafka = KafkaBroker()
        test.addCleanup(self.kafka.stop)
        self.kafka.topics.create(TOPIC, PARTITIONS)
        self.environment = venv.environment({
            "PYTHONPATH": os.pathsep.join([venv.PACKAGE, os.path.join(TESTS, "outbox"),
                                           os.path.join(TESTS, "django")]),
            "DJANGO_SETTINGS_MODULE": "outbox_settings", "PYTHONDONTWRITEBYTECODE": "1",
            "OUTBOX_DATABASE": self.postgres.database("shop"), "OUTBOX_TOPIC": TOPIC,
            "OUTBOX_BROKERS": self.kafka.brokers, "OUTBOX_MODELS": "shop.Product", **settings})
        self.folder = process.private_folder("outbox")
        self.logs = []
        self.writers = 0
        self._manage("migrate", "--run-syncdb", "-v", "0")

    def _manage(self, *arguments):
        code, out, err = process.run([self.python, "-m", "django"] + list(arguments),
                                     env=self.environment, timeout=60)
        self.test.assertEqual(code, 0, out + err)
        return out

    def _start(self, name, arguments):
        log = os.path.join(self.folder, "%s-%d.log" % (name, len(self.logs)))
        self.logs.append(log)
        self.test.watch(name, log)
        return process.start([self.python] + arguments, log=log, env=self.environment), log

    def relay(self):
        return self._start("relay", ["-m", "django", "unstale_relay", "--batch", "100"])

    def writer(self, count, pace):
        self.writers += 1
        script = os.path.join(TESTS, "outbox", "outbox_writer.py")
        return self._start("writer", [script, str(self.seed % 100000 + self.writers), str(count),
                                      str(pace)])

    def kill_kafka(self, seconds):
        """For so long at least; a start takes a few more."""
        self.kafka.kill()
        process.wait_until(self._after(seconds), seconds + 5, "the time is over")
        self.kafka.start()

    @staticmethod
    def _after(seconds):
        end = time.monotonic() + seconds
        return lambda: time.monotonic() > end

    def wait_writer(self, child, log, made):
        """Until a writer has made that many changes, or has ended."""
        def there():
            return child.poll() is not None or changes_in(log) >= made
        process.wait_until(there, SETTLE_SECONDS, lambda: process.tail(log))

    def wait_sent(self):
        def is_empty():
            return self.waiting() == 0
        process.wait_until(is_empty, SETTLE_SECONDS, lambda: "%d rows are left\n%s" % (
            self.waiting(), "\n".join(process.tail(log) for log in self.logs)))

    def waiting(self):
        return int(self.postgres.sql("SELECT count(*) FROM unstale_outbox", "shop"))

    def committed(self):
        """{pk: [(event, name)]} in the order of the commits."""
        found = {}
        lines = self.postgres.sql("SELECT text FROM shop_note ORDER BY id", "shop").splitlines()
        for line in lines:
            event, pk, name = line.split()
            found.setdefault(int(pk), []).append((event, name))
        return found

    def arrived(self):
        """The same from the topic, with what came more than once."""
        found = {}
        for record in self.kafka.topics.consume(TOPIC):
            event = json.loads(record.value)
            row = event.get("after") or event["before"]
            found.setdefault(event["pk"], []).append((event["event"], row["name"]))
        return found


def fire(run, kills, count, pace):
    """Writes that many changes, with the kills spread over them in random order."""
    run.random.shuffle(kills)
    relay, _ = run.relay()
    writer, log = run.writer(count, pace)
    left = count
    for nr, what in enumerate(kills):
        run.wait_writer(writer, log, left * (1 + run.random.random()) / (2 + len(kills) - nr))
        if what == "kafka":
            run.kill_kafka(run.random.uniform(0, 3))
        elif what == "relay":
            process.kill(relay)
            relay, _ = run.relay()
        else:
            process.kill(writer)
            left = max(left - changes_in(log), count // 5)
            writer, log = run.writer(left, pace)
    run.test.assertEqual(writer.wait(SETTLE_SECONDS), 0, process.tail(log))
    run.wait_sent()
    committed, arrived = run.committed(), run.arrived()
    verify(run.test, committed, arrived)
    run.test.notes.append("%d committed changes, %d records, killed: %s" % (
        total(committed), total(arrived), " ".join(kills)))
    run.test.assertGreater(total(committed), count * 0.4)


def changes_in(log):
    """Of both threads, as the last lines say."""
    counts = [int(nr) for nr in re.findall(r"^changes (\d+)$", process.read(log), re.M)]
    return 2 * max(counts, default=0)


def total(changes):
    return sum(map(len, changes.values()))


def first_ones(values):
    return list(dict.fromkeys(values))


def last_ones(values):
    return list(dict.fromkeys(reversed(values)))[::-1]


def verify(test, committed, arrived):
    """Nothing is missing, nothing is there that was rolled back, and what is sent again after a
    crash is a stretch of the same order: by first and by last arrival it is that of the commits."""
    test.assertEqual(sorted(set(arrived) - set(committed)), [], "rolled back, and sent")
    for pk, changes in committed.items():
        came = arrived.get(pk, [])
        test.assertEqual(first_ones(came), changes, "product %d" % pk)
        test.assertEqual(last_ones(came), changes, "product %d" % pk)
