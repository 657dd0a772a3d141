"""bench_django - what unstale.django costs: save() and loading rows, with it and without it.

    python bus/python/tests/bench_django.py [--check] [--rounds N] [--saves N] [--rows N]

Both ways run in one process, in slices that take turns, so that whatever else the machine does
falls on both; the ratio is that of the medians of the rounds. `save` is a save() in autocommit,
`atomic` one in a transaction of its own, `load` reads all rows once. Each save changes one column,
and its event goes through the emitter to Kafka: to UNSTALE_TEST_BROKERS where that is set, else to
librdkafka's own mock of a cluster, which costs the process more than a real one. Before the ways
change, what is under way is delivered, so that none of it is charged to the way without; a slice is
long enough that most of it is delivered while its own clock runs.

Next to the time that passes stands the processor time of the calling thread, which other processes
disturb less. An event that Kafka did not confirm makes the figures void, and so does a query that
was added.

Databases are sqlite in a file, as startproject sets it up, PostgreSQL where UNSTALE_TEST_POSTGRES
names one, and another where UNSTALE_TEST_POSTGRES_DURABLE does. What the servers flush to disk is
printed: one that keeps its promises when the power fails (PostgreSQL's default) is what production
has, and its rows are what the goals are for; one that flushes nothing shows what the app takes
where the database takes next to nothing. Without a durable one the goals are for the other.

The last line is JSON: {database: {"save": ratio, "atomic": ratio, "load": ratio, "queries": added,
"fsync": whether it flushes}}. --check exits 1 if a ratio is over its goal.
"""
import argparse
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
GOALS = {"save": 1.15, "atomic": 1.15, "load": 1.25}
WAYS = ("without", "with")
TOPIC = "bench-django"
SLICE_SAVES = 250


def configure():
    sys.path[:0] = [str(HERE / "django"), str(HERE.parent / "src")]
    os.environ["DJANGO_SETTINGS_MODULE"] = "unstale_settings"
    import django
    from django.conf import settings

    brokers = os.environ.get("UNSTALE_TEST_BROKERS")
    settings.UNSTALE = {
        "MODELS": ["shop.*"],
        "BROKERS": brokers or "127.0.0.1:1",
        "TOPIC": TOPIC,
        "OPTIONS": {} if brokers else {"test.mock.num.brokers": 1},
    }
    if brokers:
        make_topic(brokers)
    folder = tempfile.TemporaryDirectory()
    file = os.path.join(folder.name, "db.sqlite3")
    settings.DATABASES["default"].update({"NAME": file, "TEST": {"NAME": file}})
    durable = os.environ.get("UNSTALE_TEST_POSTGRES_DURABLE")
    if durable:
        from unstale_settings import postgres
        settings.DATABASES["durable"] = postgres(durable)
    django.setup()
    return folder


def make_topic(brokers):
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": brokers})
    try:
        admin.create_topics([NewTopic(TOPIC, 4, 1)])[TOPIC].result(30)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise


class Bench:
    """The measurements on one database. Each gives the seconds that one of its units took: those
    that passed, and those of this thread on a processor."""

    def __init__(self, alias, rows):
        from shop.models import Category, Product

        self.alias = alias
        self.model = Product
        category = Category.objects.create(name="tea")
        Product.objects.unstale("off").bulk_create(
            [Product(name="p%d" % nr, price=nr, category=category) for nr in range(rows)]
        )

    def save(self, number):
        product = self.model.objects.order_by("pk").first()

        def saves():
            for _ in range(number):
                product.stock = product.stock + 1
                product.save()

        return timed(saves, number)

    def atomic(self, number):
        from django.db import transaction

        product = self.model.objects.order_by("pk").first()

        def saves():
            for _ in range(number):
                with transaction.atomic(using=self.alias):
                    product.stock = product.stock + 1
                    product.save()

        return timed(saves, number)

    def load(self, _number):
        return timed(lambda: list(self.model.objects.all()), 1)

    def flushes(self):
        """Whether a commit is on disk when it is answered."""
        from django.db import connections

        if connections[self.alias].vendor != "postgresql":
            return True
        with connections[self.alias].cursor() as cursor:
            cursor.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
            return cursor.fetchone() == ("on", "on")

    def queries(self):
        """How many queries the three make."""
        from django.db import connections
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connections[self.alias]) as captured:
            for name in GOALS:
                getattr(self, name)(1)
        return len(captured)


def timed(function, number):
    wall, thread = time.perf_counter(), time.thread_time()
    function()
    return (time.perf_counter() - wall) / number, (time.thread_time() - thread) / number


def measure(bench, rounds, saves):
    """{(name, way): (seconds, seconds of the thread)}: medians of `rounds`, after one round that is
    not used. A round is made of slices in turns, and the way that is first changes, too."""
    slices = max(2, saves // SLICE_SAVES)
    found = {(name, way): [] for name in GOALS for way in WAYS}
    for nr in range(rounds + 1):
        parts = {key: [] for key in found}
        for slice_nr in range(slices):
            for way in WAYS if (slice_nr + nr) % 2 else WAYS[::-1]:
                switch(way)
                for name in GOALS:
                    parts[name, way].append(getattr(bench, name)(min(saves, SLICE_SAVES)))
                    drain()
        for key, pairs in parts.items() if nr > 0 else ():
            found[key].append([sum(each) / len(pairs) for each in zip(*pairs)])
    return {key: [statistics.median(each) for each in zip(*pairs)] for key, pairs in found.items()}


def added_queries(bench):
    """Queries with unstale less those without."""
    numbers = {}
    for way in WAYS:
        switch(way)
        numbers[way] = bench.queries()
    return numbers["with"] - numbers["without"]


def switch(way):
    from unstale.django import tracking

    drain()
    tracking.uninstall()
    if way == "with":
        tracking.install()


def drain():
    """Waits until Kafka has confirmed what was sent."""
    from unstale.django import delivery

    if delivery.emitter().flush(60):
        sys.exit("bench_django: Kafka does not confirm events; the figures would be worth nothing")


def databases():
    """Makes the tables in each database, and gives their aliases one after the other."""
    from django.db import connections
    from django.test.utils import setup_databases, teardown_databases
    from shop.router import Router

    made = setup_databases(verbosity=0, interactive=False)
    try:
        for alias in connections.databases:
            Router.alias = alias
            yield alias
    finally:
        Router.alias = "default"
        teardown_databases(made, verbosity=0)


def show(bench, figures, added):
    """Prints the figures of one database; its part of the last line."""
    found = {"fsync": bench.flushes(), "queries": added}
    for name, goal in GOALS.items():
        without, with_it = figures[name, "without"], figures[name, "with"]
        ratio, thread_ratio = (new / old for new, old in zip(with_it, without))
        found[name] = round(ratio, 3)
        print("%-8s %-6s without %9.1f us  with %9.1f us  %.3fx  (goal %.2fx)   thread %9.1f -> "
              "%9.1f us  %.3fx" % (bench.alias, name, without[0] * 1e6, with_it[0] * 1e6, ratio,
                                   goal, without[1] * 1e6, with_it[1] * 1e6, thread_ratio),
              flush=True)
    print("%-8s queries added: %d   commits are %s" %
          (bench.alias, added, "flushed to disk" if found["fsync"] else "not flushed"), flush=True)
    return found


def is_over(found):
    """Whether a goal is missed where the goals count."""
    chosen = {alias: each for alias, each in found.items()
              if each["fsync"] or "durable" not in found}
    return any(each["queries"] or any(each[name] > goal for name, goal in GOALS.items())
               for each in chosen.values())


def check_delivered():
    from unstale.django import delivery

    counters = delivery.emitter().counters()
    print("events: %(queued)d queued, %(delivered)d delivered, %(failed)d failed, "
          "%(refused)d refused" % counters)
    if not counters["delivered"] or counters["delivered"] != counters["queued"] or \
            counters["refused"] or counters["invalid"]:
        sys.exit("bench_django: events were lost; the figures are worth nothing")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--saves", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=10000)
    arguments = parser.parse_args()
    folder = configure()
    found = {}
    for alias in databases():
        bench = Bench(alias, arguments.rows)
        added = added_queries(bench)
        found[alias] = show(bench, measure(bench, arguments.rounds, arguments.saves), added)
    check_delivered()
    folder.cleanup()
    print(json.dumps(found))
    return 1 if arguments.check and is_over(found) else 0


if __name__ == "__main__":
    sys.exit(main())
