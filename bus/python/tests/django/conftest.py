"""Which database a test runs on, and what it has published."""
import os

import pytest
from django.db import connections, transaction
from shop.router import Router

from unstale.django import delivery
from unstale.testing import capture


class Sent(list):
    """Takes the place of the client: what has been sent by now."""

    def emit(self, event):
        self.append(event)
        return True


@pytest.fixture(autouse=True)
def sent(monkeypatch):
    client = Sent()
    monkeypatch.setattr(delivery, "emitter", lambda: client)
    return client


@pytest.fixture(params=["default", "postgres"])
def alias(request):
    """The database that everything goes to during the test, which is marked django_db."""
    if request.param not in connections.databases:
        assert not os.environ.get("UNSTALE_TEST_POSTGRES")
        pytest.skip("UNSTALE_TEST_POSTGRES is not set")
    Router.alias = request.param
    yield request.param
    Router.alias = "default"


@pytest.fixture
def atomic(alias):
    """transaction.atomic() on the database of the test."""
    return lambda **options: transaction.atomic(using=alias, **options)


@pytest.fixture
def events(alias):
    with capture() as events:
        yield events
