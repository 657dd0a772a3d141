"""bench_django - what unstale.django costs: save() and loading rows, with it and without it.

    python bus/python/tests/bench_django.py [--check] [--rounds N] [--saves N] [--rows N]

Both ways run in one process, in turns, so that whatever else the machine does falls on both; the
ratio is that of the medians. Each save changes one column, is committed, and its event goes through
the emitter to Kafka: to UNSTALE_TEST_BROKERS where that is set, else to librdkafka's own mock of a
cluster, which costs the process more than a real one. Databases are sqlite in a file, as
startproject sets it up, and PostgreSQL where UNSTALE_TEST_POSTGRES names one. --check exits 1 if a
ratio is over its goal.
"""
import argparse
import os
import pathlib
import statistics
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
GOALS = {"save": 1.15, "load": 1.25}
WAYS = ("without", "with")
SLICES = 20


def configure():
    sys.path[:0] = [str(HERE / "django"), str(HERE.parent / "src")]
    os.environ["DJANGO_SETTINGS_MODULE"] = "unstale_settings"
    import django
    from django.conf import settings

    brokers = os.environ.get("UNSTALE_TEST_BROKERS")
    settings.UNSTALE = {
        "MODELS": ["shop.*"],
        "BROKERS": brokers or "127.0.0.1:1",
        "TOPIC": "bench-django",
        "OPTIONS": {} if brokers else {"test.mock.num.brokers": 1},
    }
    folder = tempfile.TemporaryDirectory()
    file = os.path.join(folder.name, "db.sqlite3")
    settings.DATABASES["default"].update({"NAME": file, "TEST": {"NAME": file}})
    django.setup()
    return folder


class Bench:
    """The two measurements on one database."""

    def __init__(self, alias, rows):
        from shop.models import Category, Product

        self.alias = alias
        self.model = Product
        category = Category.objects.create(name="tea")
        Product.objects.unstale("off").bulk_create(
            [Product(name="p%d" % nr, price=nr, category=category) for nr in range(rows)]
        )

    def save(self, number):
        """Seconds for one save, measured over `number` of them."""
        product = self.model.objects.order_by("pk").first()
        started = time.perf_counter()
        for nr in range(number):
            product.stock = product.stock + 1
            product.save()
        return (time.perf_counter() - started) / number

    def load(self):
        started = time.perf_counter()
        list(self.model.objects.all())
        return time.perf_counter() - started


def measure(bench, rounds, saves):
    """{name: (seconds without, seconds with)}: medians of `rounds`, after one that is not used.
    A round is made of slices in turns, so that what disturbs it falls on both ways."""
    found = {(name, way): [] for name in GOALS for way in WAYS}
    for nr in range(rounds + 1):
        total = dict.fromkeys(found, 0.0)
        for slice_nr in range(SLICES):
            for way in WAYS if slice_nr % 2 else WAYS[::-1]:
                switch(way)
                total["save", way] += bench.save(max(1, saves // SLICES)) / SLICES
                if slice_nr % 5 == 0:
                    total["load", way] += bench.load() / (SLICES // 5)
        for key, seconds in total.items() if nr > 0 else ():
            found[key].append(seconds)
    return {
        name: tuple(statistics.median(found[name, way]) for way in WAYS)
        for name in GOALS
    }


def switch(way):
    from unstale.django import tracking

    tracking.uninstall()
    if way == "with":
        tracking.install()


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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--saves", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=10000)
    arguments = parser.parse_args()
    folder = configure()
    is_over = False
    for alias in databases():
        figures = measure(Bench(alias, arguments.rows), arguments.rounds, arguments.saves)
        for name, (without, with_it) in figures.items():
            ratio = with_it / without
            is_over = is_over or ratio > GOALS[name]
            print("%-8s %-4s without %9.1f us  with %9.1f us  %.3fx  (goal %.2fx)"
                  % (alias, name, without * 1e6, with_it * 1e6, ratio, GOALS[name]), flush=True)
    folder.cleanup()
    return 1 if arguments.check and is_over else 0


if __name__ == "__main__":
    sys.exit(main())
