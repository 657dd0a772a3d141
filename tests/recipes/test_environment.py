"""What the suite promises to each job: pinned versions, and a database of its own."""
import os
import re
import sys
from importlib import metadata

from django.db import connection

HERE = os.path.dirname(os.path.abspath(__file__))


def test_the_environment_holds_what_its_requirements_pin():
    name = os.path.basename(sys.prefix).rpartition("-")[0]
    path = os.path.join(os.path.dirname(HERE), "requirements", name + ".txt")
    with open(path, encoding="ascii") as file:
        pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", file.read(), re.M))
    assert {pin: metadata.version(pin) for pin in pins} == pins


def test_the_database_is_of_this_job_alone():
    name = os.environ["UNSTALE_TEST_POSTGRES"].rpartition("/")[2]
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database(), usesuper FROM pg_user WHERE usename = user")
        assert cursor.fetchone() == (name, True)
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                       " AND pid <> pg_backend_pid()")
        assert cursor.fetchone() == (0,)
