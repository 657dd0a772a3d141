"""A database whose outbox is on: PostgreSQL for this process too, SQLite for others."""
import os

import pytest
from django.db import connections
from django.test import override_settings
from outbox_support import Project, url_of
from shop.router import Router


@pytest.fixture
def outbox(transactional_db):
    """This process writes into PostgreSQL, with the outbox on; its connection."""
    if "postgres" not in connections.databases:
        assert not os.environ.get("UNSTALE_TEST_POSTGRES")
        pytest.skip("UNSTALE_TEST_POSTGRES is not set")
    Router.alias = "postgres"
    with override_settings(UNSTALE={"OUTBOX": True, "MODELS": ["shop.*"]}):
        yield connections["postgres"]
    Router.alias = "default"


@pytest.fixture
def project(outbox, tmp_path, topic):
    """Commands in processes of their own, on the same database."""
    found = Project(url_of(outbox), tmp_path, topic)
    yield found
    found.stop()


@pytest.fixture
def quiet_project(outbox, tmp_path):
    """The same without Kafka."""
    found = Project(url_of(outbox), tmp_path, None)
    yield found
    found.stop()


@pytest.fixture
def sqlite_project(tmp_path, topic):
    found = Project(str(tmp_path / "shop.sqlite3"), tmp_path, topic)
    code, text = found.run("migrate", "--run-syncdb", "-v", "0")
    assert code == 0, text
    yield found
    found.stop()
