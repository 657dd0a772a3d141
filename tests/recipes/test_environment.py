"""What the suite promises to each job: pinned versions, and a database of its own."""
import os
import re
import sys
from importlib import metadata

import psycopg

HERE = os.path.dirname(os.path.abspath(__file__))


def test_the_environment_holds_what_its_requirements_pin():
    name = os.path.basename(sys.prefix).rpartition("-")[0]
    path = os.path.join(os.path.dirname(HERE), "requirements", name + ".txt")
    with open(path, encoding="ascii") as file:
        pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", file.read(), re.M))
    assert {pin: metadata.version(pin) for pin in pins} == pins


def test_the_database_is_empty_and_ours():
    with psycopg.connect(os.environ["UNSTALE_TEST_POSTGRES"]) as connection:
        tables = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        superuser = connection.execute("SELECT usesuper FROM pg_user WHERE usename = user").fetchone()
    assert tables == (0,)
    assert superuser == (True,)
