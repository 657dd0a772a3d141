"""Keys and relations of odd kinds, what is sent of which fields, and failures."""
import django
import pytest
from django.db import transaction
from django.db.models import F
from django.test import override_settings
from shop.models import (Account, Category, Comment, Everything, Group, Membership, Page, Person,
                         Product, Tag)

from django_support import with_settings
from unstale.django import delivery, events as making, tracking
from unstale.testing import assert_emitted, capture

pytestmark = pytest.mark.django_db(databases="__all__")
in_real_transactions = pytest.mark.django_db(transaction=True, databases="__all__")


# ---- keys and relations of other kinds ----

def test_uuid_keys_are_text(alias, events):
    account = Account.objects.create(email="a@b.example")
    assert events[0]["pk"] == str(account.pk) == events[0]["after"]["id"]


if django.VERSION >= (5, 2):

    def test_composite_keys_are_arrays(alias, events):
        from shop.models import Line

        line = Line.objects.create(order=1, number=2)
        line = Line.objects.get()
        line.amount = 5
        line.save()
        Line.objects.update(amount=6)
        line.delete()
        assert [each["pk"] for each in (events[0], events[1], events[3])] == [[1, 2]] * 3
        assert events[1]["before"] == {"amount": 1}
        assert events[2]["rows"][0]["pk"] == [1, 2]


if django.VERSION >= (5, 0):

    def test_generated_columns(alias, events):
        from shop.models import Square

        Square.objects.create(side=2)
        square = Square.objects.get()
        square.side = 3
        square.save()
        assert events[1]["changed"] == ["side", "area"] and "area" not in events[1]["after"]
        Square.objects.update(side=4)
        row = events[2]["rows"][0]
        assert row["before"]["side"] == 3 and row["after"]["area"] == 16
        square.refresh_from_db()
        square.label = "x"
        square.save(update_fields=["label"])
        assert events[3]["before"] == {"label": "none", "area": 16}, "whether it changed is not known"


def test_generic_relations(alias, events):
    page = Page.objects.create(title="p")
    comment = Comment.objects.create(about=page, text="c")
    assert events[1]["after"]["object_id"] == page.pk
    assert events[1]["after"]["content_type_id"] == comment.content_type_id
    page.delete()
    assert_emitted(events, "shop.comment", event="post_delete", before={"text": "c"})


def test_symmetrical_relations_are_told_of_both(alias, events):
    one, two = (Person.objects.create(name=name) for name in "ab")
    events.clear()
    one.friends.add(two)
    told = [(each["pk"], each["m2m"]) for each in events]
    assert told == [(one.pk, {"field": "friends", "action": "add", "pks": [two.pk]}),
                    (two.pk, {"field": "friends", "action": "add", "pks": [one.pk]})]
    events.clear()
    two.follows.add(one)
    one.followers.clear()
    told = [(each["pk"], each["m2m"]["action"], each["m2m"]["pks"]) for each in events]
    assert told == [(two.pk, "add", [one.pk]), (two.pk, "remove", [one.pk])]


def test_relations_through_a_model(alias, events):
    group, person = Group.objects.create(), Person.objects.create(name="a")
    events.clear()
    group.members.add(person)
    assert_emitted(events, "shop.Group", event="m2m_changed", m2m={"field": "members"})
    group_pk = group.pk
    group.delete()
    assert_emitted(events, "shop.Group", pk=group_pk, m2m={"action": "clear", "pks": [person.pk]})
    assert_emitted(events, "shop.Membership", event="post_delete")
    assert not Membership.objects.exists()


# ---- values and fields ----

def test_sensitive_values_never_leave(alias, events):
    account = Account.objects.create(email="a@b.example", password="x", api_token="y")
    account = Account.objects.get()
    account.password = account.api_token = "secret"
    account.save()
    assert "secret" not in str(events) and "'x'" not in str(list(events))
    assert events[1]["changed"] == ["password", "api_token"] and events[1]["before"] == {}
    Account.objects.update(password="other")
    assert events[2]["changed"] == ["password"] and "other" not in str(list(events))


@pytest.mark.parametrize("chosen, shown", [
    (["email"], {"id", "email"}),
    (["-email"], {"id", "status"}),
    (["+api_token"], {"id", "email", "status", "api_token"}),
])
def test_fields_widen_and_narrow(alias, chosen, shown):
    with with_settings(FIELDS={"shop.Account": chosen}), capture() as events:
        Account.objects.create(email="a@b.example")
    assert set(events[0]["after"]) == shown


def test_versions_come_from_the_named_field_alone(product, events):
    product.save()
    assert "version" not in events[0]
    with with_settings(VERSION_FIELD={"shop.Product": "cache_version"}), capture() as versioned:
        product = Product.objects.get()
        product.cache_version = 8
        product.save()
        product.cache_version = F("cache_version") + 1
        product.save()
        product.refresh_from_db()
        product.delete()
    resolved = [8, 9] if django.VERSION >= (6, 0) and "version" in versioned[1] else [8, None]
    assert [each.get("version") for each in versioned] == resolved + [9]


def test_models_that_are_not_named_are_left_alone(alias):
    with with_settings(MODELS=["shop.Tag"], EXCLUDE=[]), capture() as events:
        Category.objects.create(name="c")
        Tag.objects.create(name="t")
        assert "unstale" not in Category.objects.get()._state.__dict__
    assert [each["model"] for each in events] == ["shop.Tag"]
    with with_settings(ENABLED=False), capture() as events:
        Tag.objects.create(name="t")
    assert list(events) == []


# ---- failures ----

def test_a_value_that_cannot_be_told_is_left_out_and_said_once(alias, caplog):
    with with_settings(), capture() as events:
        plan = tracking.plan_of(Everything)
        Everything.objects.create()
        row = Everything.objects.get()
        row.data = {"a": object}
        change = making.images(plan, plan.read(Everything.objects.get()), plan.read(row))
        making.images(plan, plan.read(Everything.objects.get()), plan.read(row))
    assert "data" in change[2] and "data" not in change[1] and "text" in change[1]
    assert len([each for each in caplog.records if "shop.Everything.data" in each.message]) == 1
    assert len(events) == 1


@in_real_transactions
def test_no_failure_reaches_a_request_unless_asked(product, alias, monkeypatch, caplog):
    def broken(*args):
        raise ValueError("broken")

    for name in ("send", "send_later"):
        monkeypatch.setattr(delivery, name, broken)
    product.save()
    assert "broken" in caplog.text
    with with_settings(RAISE_ERRORS=True), pytest.raises(ValueError):
        Product.objects.get().save()


def test_without_brokers_the_log_says_so(caplog, monkeypatch):
    monkeypatch.delenv("UNSTALE_KAFKA_BROKERS", raising=False)
    monkeypatch.undo()
    with override_settings(UNSTALE={"MODELS": ["shop.*"]}):
        monkeypatch.delenv("UNSTALE_KAFKA_BROKERS", raising=False)
        for _ in range(2):
            delivery.send({"event": "truncate", "model": "shop.Product"})
    assert caplog.text.count("names no BROKERS") == 1


@in_real_transactions
def test_without_autocommit_events_leave_at_once(product, alias, events):
    transaction.set_autocommit(False, using=alias)
    try:
        product.save()
        assert len(events) == 1
    finally:
        transaction.rollback(using=alias)
        transaction.set_autocommit(True, using=alias)


def test_resync_tells_the_whole_row_and_nothing_of_before(product):
    event = making.resync_event(product)
    assert event["event"] == "post_save" and "created" not in event and "before" not in event
    assert event["after"]["price"] == "1.00" and event["pk"] == product.pk
    assert event["source"] == "resync"
