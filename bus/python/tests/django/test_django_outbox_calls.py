"""What is handed to the outbox, and when: within the transaction that changes the data."""
import pytest
from django.db import connections, transaction
from django.test import override_settings
from shop.models import Book, Product, Tag

from unstale.django import delivery

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")
SETTINGS = {"MODELS": ["shop.*"], "OUTBOX": True}


@pytest.fixture
def stored(alias, monkeypatch):
    """The events so far. Each must have come while a transaction was open."""
    events = []

    def store(event, using):
        assert using == alias and connections[using].in_atomic_block
        events.append(event)

    monkeypatch.setattr(delivery, "store", store)
    with override_settings(UNSTALE=SETTINGS):
        yield events


def test_each_change_is_stored_at_once_and_sent_by_nobody(stored, sent, alias):
    product = Product.objects.create(name="a")
    product.name = "b"
    product.save()
    product.tags.add(Tag.objects.create(name="t"))
    Product.objects.update(stock=1)
    Product.objects.bulk_create([Product(pk=77, name="c")])
    Book.objects.create(name="d", isbn="1")
    pk = product.pk
    product.delete()
    told = [(each["event"], each["model"]) for each in stored]
    assert told == [
        ("post_save", "shop.Product"), ("post_save", "shop.Product"), ("post_save", "shop.Tag"),
        ("m2m_changed", "shop.Product"), ("bulk_update", "shop.Product"),
        ("bulk_create", "shop.Product"), ("post_save", "shop.Book"),
        ("m2m_changed", "shop.Product"), ("post_delete", "shop.Product")]
    assert stored[1]["before"] == {"name": "a"} and stored[-1]["pk"] == pk
    assert sent == []


def test_old_values_are_the_committed_ones_in_each_event(stored, atomic, alias):
    product = Product.objects.create(name="a")
    stored.clear()
    with pytest.raises(KeyError), atomic():
        product.name = "lost"
        product.save()
        raise KeyError
    with atomic():
        product.name = "b"
        product.save(update_fields=["name"])
        with pytest.raises(KeyError), atomic():
            product.stock = 9
            product.save(update_fields=["stock"])
            raise KeyError
        product.price = 5
        product.save(update_fields=["price"])
    assert [each["before"] for each in stored] == [
        {"name": "a"}, {"name": "a"}, {"name": "a", "stock": 0}, {"name": "a", "price": "0.00"}]
    assert stored[-1]["after"]["stock"] == 0, "what a savepoint took back is not what the row holds"
    product.refresh_from_db()
    product.name = "c"
    product.save()
    assert stored[-1]["before"] == {"name": "b"}


def test_a_save_whose_event_cannot_be_stored_is_none(alias, monkeypatch):
    def fail(event, using):
        raise transaction.TransactionManagementError("no table")

    monkeypatch.setattr(delivery, "store", fail)
    with override_settings(UNSTALE=SETTINGS), pytest.raises(transaction.TransactionManagementError):
        Product.objects.create(name="a")
    assert not Product.objects.exists()
