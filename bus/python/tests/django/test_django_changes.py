"""Transactions, old values, costs in queries, bulk writes."""
import copy
import pickle
import time

import django
import pytest
from django.db import transaction
from django.db.models import F
from shop.models import Category, Everything, Offer, Plain, Product, Tag

from django_support import with_settings
from unstale.django import bulk, events as making
from unstale.testing import assert_emitted, capture, matching

pytestmark = pytest.mark.django_db(databases="__all__")
in_real_transactions = pytest.mark.django_db(transaction=True, databases="__all__")


# ---- transactions ----

def test_saves_of_one_row_in_a_transaction_are_one_event(product, atomic, events):
    with atomic():
        for name in "bcd":
            product.name = name
            product.save()
        with atomic():
            product.stock = 3
            product.save()
    [event] = events
    assert event["before"] == {"name": "a", "stock": 0}
    assert event["changed"] == ["name", "stock"] and event["after"]["name"] == "d"


def test_a_change_that_is_undone_in_the_transaction_is_none(product, atomic, events):
    with atomic():
        product.name = "b"
        product.save()
        product.name = "a"
        product.save()
    assert [(each["before"], each["changed"]) for each in events] == [({}, [])]


def test_each_save_is_an_event_without_merge(product, atomic):
    with with_settings(MERGE=False), capture() as events:
        product = Product.objects.get()
        with atomic():
            product.name = "b"
            product.save()
            product.stock = 2
            product.save()
    assert [each["before"] for each in events] == [{"name": "a"}, {"name": "a", "stock": 0}]


@in_real_transactions
def test_what_a_savepoint_took_back_is_in_no_event(product, atomic, events):
    with atomic():
        product.name = "b"
        product.save()
        with pytest.raises(KeyError), atomic():
            product.name, product.stock = "lost", 9
            product.save()
            raise KeyError
    [event] = events
    assert (event["before"], event["changed"]) == ({"name": "a"}, ["name"])
    assert (event["after"]["name"], event["after"]["stock"]) == ("b", 0)
    product.save()
    assert events[1]["before"] == {"name": "b", "stock": 0}


def test_the_old_values_are_the_committed_ones_for_another_instance_too(product, atomic, events):
    with atomic():
        product.name = "b"
        product.save()
        other = Product.objects.get(pk=product.pk)
        other.stock = 2
        other.save()
    [event] = events
    assert event["before"] == {"name": "a", "stock": 0}


def test_a_refresh_does_not_take_uncommitted_values_for_old_ones(product, atomic, events):
    with pytest.raises(KeyError), atomic():
        product.name = "b"
        product.save()
        product.refresh_from_db()
        raise KeyError
    product.name = "c"
    product.save()
    assert [each["before"] for each in events] == [{"name": "a"}]


def test_a_refresh_outside_moves_the_old_values(product, events):
    Product.objects.unstale("off").update(name="z", stock=7)
    product.refresh_from_db(fields=["name"])
    product.name, product.stock = "y", 8
    product.save()
    assert events[0]["before"] == {"name": "z", "stock": 0}


def test_partial_saves_add_up(product, atomic, events):
    with atomic():
        product.name = "b"
        product.save(update_fields=["name"])
        product.stock = 4
        product.save(update_fields=["stock"])
    [event] = events
    assert event["before"] == {"name": "a", "stock": 0}
    assert (event["after"]["name"], event["after"]["stock"]) == ("b", 4)


def test_made_and_changed_in_a_transaction_is_made(alias, atomic, events):
    with atomic():
        product = Product.objects.create(name="a")
        product.name = "b"
        product.save()
    [event] = events
    assert event["created"] is True and "before" not in event and event["after"]["name"] == "b"


def test_changed_and_deleted_in_a_transaction_is_deleted(product, atomic, events):
    pk = product.pk
    with atomic():
        product.name = "b"
        product.save()
        product.delete()
    [event] = events
    assert (event["event"], event["pk"], event["before"]["name"]) == ("post_delete", pk, "a")


def test_made_and_deleted_in_a_transaction_is_deleted(alias, atomic, events):
    with atomic():
        Product.objects.create(name="a").delete()
    [event] = events
    assert event["event"] == "post_delete" and event["before"]["name"] == "a"


def test_deleted_and_made_again_are_two_events(product, atomic, events):
    pk = product.pk
    with atomic():
        product.delete()
        Product.objects.create(pk=pk, name="new")
    assert [each["event"] for each in events] == ["post_delete", "post_save"]
    assert events[0]["before"]["name"] == "a" and events[1]["created"] is True


def test_order_is_that_of_the_changes(product, atomic, events):
    with atomic():
        tag = Tag.objects.create(name="t")
        product.tags.add(tag)
        product.name = "b"
        product.save()
        tag.name = "u"
        tag.save()
        Product.objects.filter(pk=product.pk).update(stock=1)
    assert [(each["event"], each["model"]) for each in events] == [
        ("post_save", "shop.Tag"), ("m2m_changed", "shop.Product"), ("post_save", "shop.Product"),
        ("bulk_update", "shop.Product")]
    assert events[0]["after"]["name"] == "u"


def test_time_never_goes_back(monkeypatch):
    clock = making.Clock()
    times = iter([5.0, 7.0, 6.0, 8.0])
    monkeypatch.setattr(making.time, "time", lambda: next(times))
    assert [clock.now_ms() for _ in range(4)] == [5000, 7000, 7000, 8000]


def test_events_have_ids_of_their_own(product, events):
    for _ in range(3):
        product.save()
    assert len({each["id"] for each in events}) == 3


# ---- old values ----

def test_an_instance_made_by_hand_knows_no_old_values(product, events):
    Product(pk=product.pk, name="b", created_at=product.created_at).save()
    [event] = events
    assert event["created"] is False and "before" not in event and "changed" not in event
    Product(pk=product.pk, name="c").save(update_fields=["name"])
    assert events[1]["changed"] == ["name"] and "before" not in events[1]


def test_a_pickle_has_nothing_of_ours(product, events):
    data = pickle.dumps(product)
    assert b"unstale.django" not in data and b"Snapshot" not in data
    thawed = pickle.loads(data)
    thawed.name = "b"
    thawed.save()
    assert "before" not in events[0]
    thawed.name = "c"
    thawed.save()
    assert events[1]["before"] == {"name": "b"}


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy])
def test_copies_know_the_old_values(product, events, way):
    other = way(product)
    other.name = "b"
    other.save()
    assert events[0]["before"] == {"name": "a"}


def test_a_clone_is_a_new_object(product, events):
    product.pk = None
    product.save()
    assert events[0]["created"] is True and "before" not in events[0]


def test_another_key_is_another_object(product, events):
    other = Product.objects.create(name="o")
    product.pk = other.pk
    product.save()
    assert events[1]["pk"] == other.pk and "before" not in events[1]


def test_mutable_values_are_compared_with_what_they_were(alias, events):
    Everything.objects.create(data={"a": [1]})
    row = Everything.objects.get()
    row.data["a"].append(2)
    row.save()
    row.data["a"].append(3)
    row.save()
    assert [each["changed"] for each in events[1:]] == [["data"], ["data"]]
    assert [each["before"]["data"] for each in events[1:]] == [{"a": [1]}, {"a": [1, 2]}]
    assert events[2]["after"]["data"] == {"a": [1, 2, 3]}


def test_old_values_can_be_asked_for(product, atomic, django_assert_num_queries, alias):
    with with_settings(OLD_VALUES={"shop.Product": "query"}), capture() as events:
        stale = Product.objects.get()
        Product.objects.unstale("off").update(name="by another process")
        stale.name = "b"
        with django_assert_num_queries(2, connection=django.db.connections[alias]):
            stale.save()
        with atomic():
            stale.name = "c"
            stale.save()
            stale.name = "d"
            stale.save()
        stale.delete()
    assert events[0]["before"] == {"name": "by another process"}
    assert [each["before"].get("name") for each in events[1:]] == ["b", "d"]


# ---- what it costs ----

def test_nothing_that_is_usual_adds_a_query(product, alias, django_assert_num_queries):
    connection = django.db.connections[alias]
    with capture() as events:
        with django_assert_num_queries(1, connection=connection):
            product.save()
        with django_assert_num_queries(1, connection=connection):
            Product.objects.create(name="n")
        with django_assert_num_queries(1, connection=connection):
            list(Product.objects.all())
        with django_assert_num_queries(1, connection=connection):
            product.save(update_fields=["name"])
        with django_assert_num_queries(1, connection=connection):
            Plain.objects.create(name="p")
        with transaction.atomic(using=alias):
            with django_assert_num_queries(1, connection=connection):
                Product.objects.bulk_create([Product(name="x")])
    assert len(events) >= 4


def test_the_stated_costs_in_queries(product, alias, atomic, django_assert_num_queries):
    connection = django.db.connections[alias]
    tag = Tag.objects.create(name="t")
    product.tags.add(tag)
    with atomic(), capture():
        with django_assert_num_queries(2, connection=connection):
            Product.objects.update(name="b")
        with django_assert_num_queries(3, connection=connection):
            Product.objects.update(stock=F("stock") + 1)
        with django_assert_num_queries(2, connection=connection):
            Product.objects.unstale("pks").update(stock=F("stock") + 1)
        with django_assert_num_queries(1, connection=connection):
            Product.objects.unstale("off").update(stock=1)
        product = Product.objects.get()
        with django_assert_num_queries(1, connection=connection):
            Product.objects.bulk_update([product], ["name"])
        with django_assert_num_queries(2, connection=connection):
            Product.objects.bulk_update([Product(pk=product.pk, name="z")], ["name"])


# ---- bulk writes ----

def test_bulk_update_moves_the_old_values(product, events):
    product.name = "b"
    Product.objects.bulk_update([product], ["name"])
    product.name = "c"
    product.save()
    assert events[0]["rows"][0]["before"] == {"name": "a"}
    assert events[1]["before"] == {"name": "b"}


def test_bulk_update_reads_what_it_does_not_know(product, events):
    Product.objects.bulk_update([Product(pk=product.pk, name="b")], ["name"])
    [row] = events[0]["rows"]
    assert row["before"] == {"name": "a"}
    assert row["after"]["name"] == "b" and row["after"]["category_id"] == product.category_id


def test_update_with_an_expression_is_read_back(product, events):
    Product.objects.update(stock=F("stock") + 5)
    [row] = events[0]["rows"]
    assert (row["before"], row["after"]["stock"]) == ({"stock": 0}, 5)


def test_update_by_object_and_through_relations(product, events):
    other = Category.objects.create(name="other")
    assert Product.objects.filter(category__name="tea").update(category=other) == 1
    row = events[1]["rows"][0]
    assert row["before"] == {"category_id": product.category_id}
    assert row["after"]["category_id"] == other.pk
    other.product_set.update(stock=2)
    assert events[2]["rows"][0]["before"] == {"stock": 0}
    assert Product.objects.filter(pk=0).update(stock=1) == 0 and len(events) == 3


def test_update_keeps_its_errors(product, events):
    with pytest.raises((TypeError, AssertionError)):
        Product.objects.all()[:1].update(stock=1)
    with pytest.raises(django.core.exceptions.FieldDoesNotExist):
        Product.objects.update(nothing=1)
    assert len(events) == 0


def test_pks_alone_when_told_to_be_cheap(product, alias, events):
    Product.objects.unstale("pks").update(stock=1)
    assert_emitted(events, "shop.Product", event="bulk_update", pks=[product.pk],
                   changed=["stock"])
    Product.objects.unstale("off").update(stock=2)
    assert len(events) == 1
    with pytest.raises(ValueError):
        Product.objects.unstale("cheap")


def test_the_setting_for_cheap(product):
    with with_settings(BULK={"shop.Product": "pks"}), capture() as events:
        Product.objects.update(stock=1)
    assert events[0]["pks"] == [product.pk] and "rows" not in events[0]


def test_many_rows_are_many_events(alias, events):
    Offer.objects.bulk_create([Offer(code="c%04d" % nr, price=1) for nr in range(2500)])
    assert [len(each["rows"]) for each in events] == [1000, 1000, 500]
    events.clear()
    assert Offer.objects.cheap().update(price=2) == 2500
    assert sum(len(each["rows"]) for each in events) == 2500
    assert all(len(each["rows"]) <= 1000 for each in events)
    events.clear()
    Offer.objects.unstale("pks").update(price=3)
    assert [len(each["pks"]) for each in events] == [2500]


def test_events_stay_below_a_megabyte(alias, events):
    Everything.objects.create(text="x" * 300_000)
    row = Everything.objects.get()
    row.text = "é" * 900_000
    row.save()
    assert "text" in events[0]["after"] and "text" in events[1]["before"]
    assert "text" not in events[1]["after"] and events[1]["changed"] == ["text"]


def test_keys_alone_stay_below_a_megabyte_too():
    assert [len(each) for each in bulk.portions(list(range(25_000)))] == [10_000, 10_000, 5_000]
    some = list(bulk.portions(["x" * 200] * 10_000))
    assert sum(map(len, some)) == 10_000 and max(map(len, some)) * 203 < 1 << 20
    assert list(bulk.portions([])) == []


def test_upserts_may_be_creates(alias, events):
    if django.VERSION < (4, 1):
        pytest.skip("bulk_create has no update_conflicts here")
    Offer.objects.bulk_create([Offer(code="a", price=1)], update_conflicts=True,
                              update_fields=["price"], unique_fields=["code"])
    [event] = events
    assert event["event"] == "post_save" and "created" not in event
    assert event["rows"][0]["after"]["price"] == "1.00"


def test_a_foreign_key_set_to_null_by_a_delete_of_another(alias, events):
    first = Offer.objects.create(code="a", price=1)
    Offer.objects.create(code="b", price=1, replaces=first)
    events.clear()
    Offer.objects.filter(code="a").delete()
    told = matching(events, "shop.Offer", event="bulk_update")
    assert told[0]["rows"][0]["before"] == {"replaces_id": "a"}
    with with_settings(SET_NULL=False, M2M_ON_DELETE=False), capture() as fewer:
        Offer.objects.create(code="c", price=1, replaces=Offer.objects.get(code="b"))
        Offer.objects.filter(code="b").delete()
    assert not matching(fewer, event="bulk_update")


# ---- large transactions ----

@in_real_transactions
def test_one_hook_holds_what_comes_outside_of_savepoints(alias, atomic, sent):
    """Django takes its hooks off the front of a list, which a hundred thousand would make slow."""
    connection = django.db.connections[alias]
    with atomic():
        before = len(connection.run_on_commit)
        for nr in range(50):
            Tag.objects.create(name=str(nr))
        assert len(connection.run_on_commit) == before + 1
        with pytest.raises(KeyError), atomic():
            Tag.objects.create(name="lost")
            raise KeyError
        Tag.objects.create(name="last")
    names = [each["after"]["name"] for each in sent]
    assert names == [str(nr) for nr in range(50)] + ["last"]
    assert "unstale_batch" not in connection.__dict__


def test_many_saves_and_deletes_in_one_transaction_take_no_time(alias, atomic, events):
    started = time.monotonic()
    with atomic():
        tags = [Tag.objects.create(name=str(nr)) for nr in range(1000)]
        for tag in tags:
            transaction.on_commit(int, using=alias)
            tag.name = "x"
            tag.save()
        Tag.objects.all().delete()
    assert [each["event"] for each in events] == ["post_delete"] * 1000
    assert time.monotonic() - started < 30
