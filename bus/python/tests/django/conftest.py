"""Which database a test runs on, and what it has published."""
import os

import pytest
from django.db import connections, transaction
from shop.models import Category, Product
from shop.router import Router

from unstale import validate
from unstale.django import delivery, events as making
from unstale.testing import capture


class Sent(list):
    """Takes the place of the client: what has been sent by now."""

    def emit(self, event):
        self.append(event)
        return True

    emit_checked = emit

    def emit_later(self, event, *, is_checked=True):
        return self.emit(event() if callable(event) else event)


@pytest.fixture(autouse=True)
def sent(monkeypatch):
    client = Sent()
    monkeypatch.setattr(delivery, "emitter", lambda: client)
    return client


@pytest.fixture(autouse=True)
def every_event_is_valid(monkeypatch):
    """Most are sent without being checked, which takes our word for it."""
    send, send_later = delivery.send, delivery.send_later

    def checked(event, *more):
        validate(making.fit(event))
        send(event, *more)

    def checked_later(make, *more):
        def making_valid():
            event = make()
            validate(event)
            return event

        send_later(making_valid, *more)

    monkeypatch.setattr(delivery, "send", checked)
    monkeypatch.setattr(delivery, "send_later", checked_later)


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


@pytest.fixture
def product(alias):
    """A product in a category, as it is loaded."""
    category = Category.objects.create(name="tea")
    made = Product.objects.create(name="a", price=1, category=category)
    return Product.objects.get(pk=made.pk)
