"""Events that the emitter's thread makes: of the row as it was, whatever becomes of the object."""
import itertools
import threading
import time

import pytest
from django.db import transaction
from django.db.models import F
from shop.models import Category, Everything, Product, Status

from django_support import with_settings
from unstale import InvalidEvent
from unstale.django import delivery, publish

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


class Waiting(list):
    """A client whose thread does not come before made() is called."""

    def emit(self, event):
        self.append(event)
        return True

    def emit_checked(self, event):
        return self.emit(event)

    def emit_later(self, make, *, is_checked):
        return self.emit(make)

    def made(self):
        events = [each() if callable(each) else each for each in self]
        self.clear()
        return events


@pytest.fixture
def client(monkeypatch):
    waiting = Waiting()
    monkeypatch.setattr(delivery, "emitter", lambda: waiting)
    return waiting


@pytest.fixture(params=["at once", "in a transaction"])
def write(request, alias):
    """Does something, in either way."""
    def in_transaction(action):
        with transaction.atomic(using=alias):
            action()

    return in_transaction if request.param == "in a transaction" else lambda action: action()


def test_a_save_is_put_down_and_not_made(product, client, write):
    product.price = 2
    write(product.save)
    assert callable(client[0])
    event, = client.made()
    assert (event["before"], event["changed"]) == ({"price": "1.00"}, ["price"])


def test_what_happens_to_the_object_afterwards_is_not_in_it(product, client, write):
    product.name = "first"
    write(product.save)
    product.name = "second"
    product.__dict__["price"] = "none at all"
    event, = client.made()
    assert event["before"] == {"name": "a"} and event["after"]["name"] == "first"


def test_json_that_is_changed_in_place_is_as_it_was_saved(alias, client, write):
    row = Everything.objects.create(data={"sizes": [1]})
    client.clear()
    row = Everything.objects.get()
    row.data["sizes"].append(2)
    write(row.save)
    row.data["sizes"].append(3)
    row.data["more"] = True
    write(row.save)
    row.data.clear()
    first, second = client.made()
    assert first["before"]["data"] == {"sizes": [1]}
    assert first["after"]["data"] == second["before"]["data"] == {"sizes": [1, 2]}
    assert second["after"]["data"] == {"sizes": [1, 2, 3], "more": True}


def test_enumerations_and_expressions_are_told_as_ever(alias, client, write):
    row = Everything.objects.create(big=1)
    client.clear()
    row = Everything.objects.get()
    row.choice = Status.NEW
    row.big = F("big") + 1
    write(row.save)
    event, = client.made()
    assert event["after"]["choice"] == Status.NEW.value
    assert "big" in event["changed"]


def test_every_way_to_write_keeps_its_place(product, client, alias, write):
    def writes():
        product.price = 2
        product.save()
        Category.objects.create(name="new")
        publish({"event": "truncate", "model": "shop.Tag"}, using=alias)
        Product.objects.filter(pk=product.pk).update(price=3)
        other.delete()

    other = Category.objects.create(name="old")
    client.clear()
    write(writes)
    seen = [(each["event"], each["model"]) for each in client.made()]
    assert seen == [("post_save", "shop.Product"), ("post_save", "shop.Category"),
                    ("truncate", "shop.Tag"), ("bulk_update", "shop.Product"),
                    ("post_delete", "shop.Category")]


def test_the_time_is_that_of_the_commit(product, client, write, monkeypatch):
    product.price = 2
    before = int(time.time() * 1000)
    write(product.save)
    after = int(time.time() * 1000)
    monkeypatch.setattr(time, "time", lambda: 4e9)
    event, = client.made()
    assert before <= event["ts"] <= after and event["id"]


def test_times_never_go_back(product, client, write, monkeypatch):
    clock = itertools.cycle((9e9, 8e9))
    monkeypatch.setattr("unstale.django.events.time.time", lambda: next(clock))
    for price in range(2, 8):
        product.price = price
        write(product.save)
    times = [each["ts"] for each in client.made()]
    assert len(times) == 6 and times == sorted(times)


def test_old_values_follow_from_save_to_save(product, client, write):
    for price in (2, 3, 4):
        product.price = price
        write(product.save)
    assert [each["before"]["price"] for each in client.made()] == ["1.00", "2.00", "3.00"]


def test_another_primary_key_is_another_row(product, client, write):
    product.pk = product.pk + 1000
    write(product.save)
    event, = client.made()
    assert event["created"] and "before" not in event


def test_a_deferred_column_stays_unknown(product, client, write):
    row = Product.objects.defer("name").get()
    row.price = 2
    write(row.save)
    event, = client.made()
    assert event["before"] == {"price": "1.00"} and "name" not in event["after"]


def test_the_real_emitter_takes_it_from_there(product, monkeypatch, write):
    makers = []
    monkeypatch.undo()
    with with_settings(OPTIONS={"test.mock.num.brokers": 1}):
        client = delivery.emitter()
        client.emit({"event": "truncate", "model": "shop.Tag"})
        transport = client._transport
        send = transport.send

        def seen(*arguments):
            makers.append(threading.current_thread().name)
            send(*arguments)

        monkeypatch.setattr(transport, "send", seen)
        product.price = 2
        write(product.save)
        deadline = time.monotonic() + 30
        while not makers and time.monotonic() < deadline:
            time.sleep(0.01)
        assert makers == ["unstale"]
        assert client.flush(30) == 0 and client.counters()["delivered"] == 2


def test_raise_errors_raises_in_the_request(alias, monkeypatch, write):
    row = Everything.objects.create()
    monkeypatch.undo()
    with with_settings(OPTIONS={"test.mock.num.brokers": 1}, RAISE_ERRORS=True):
        row = Everything.objects.get()
        row.data = {"n": 1}
        write(row.save)

        def none(event):
            raise InvalidEvent("no event")

        monkeypatch.setattr("unstale.emitter.prepare", none)
        row.data = {"n": 2}
        with pytest.raises(InvalidEvent):
            write(row.save)


@pytest.mark.parametrize("delay, has_thread", [(0, False), (20, True)])
def test_the_delay_is_a_setting(alias, monkeypatch, delay, has_thread):
    monkeypatch.undo()
    with with_settings(OPTIONS={"test.mock.num.brokers": 1}, DELAY_MS=delay):
        client = delivery.emitter()
        client.emit({"event": "truncate", "model": "shop.Tag"})
        assert (client._transport.late is not None) is has_thread
