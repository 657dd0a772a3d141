"""Each recorded behaviour of Django, and what is published where Django behaves so.

data/django-vectors.json tells which signals came, and when callbacks ran; the tests here do the
same and look at the events. Every vector has a test, or stands in ELSEWHERE with the reason.
"""
import io
import json
import logging
import pathlib

import django
import pytest
from django.core.management import call_command
from django.core import serializers
from django.db import connections, models, transaction
from django.db.models import F
from django.test import TestCase
from django.utils import timezone
from shop.models import Book, Impl, Note, Product, ProductProxy, Review, Tag

from django_support import Shop, of, only, published
from unstale.django import delivery
from unstale.testing import capture

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")
DATA = pathlib.Path(__file__).resolve().parents[1] / "data" / "django-vectors.json"
VECTORS = sorted({each["id"] for each in json.loads(DATA.read_text())["vectors"]})
TESTS = {}

ELSEWHERE = {
    "race.double_delete": "the order of commands in Redis; rules ask for it with again_after",
    "race.version_bump": "the order of commands in Redis; rules ask for it with bump",
    "race.write_through_then_stale_set": "the order of commands in Redis: a guarded refresh",
    "race.write_through_then_add": "the order of commands in Redis: a guarded refresh",
}


def vector(*names):
    """Makes a function the test of these vectors."""
    def take(function):
        TESTS.update(dict.fromkeys(names, function))
        return function
    return take


@pytest.mark.parametrize("name", [name for name in VECTORS if name not in ELSEWHERE])
def test_vector(name, alias, sent):
    shop = Shop(alias, sent)
    TESTS[name](shop)


def test_every_vector_has_a_test():
    assert sorted([*TESTS, *ELSEWHERE]) == VECTORS


# ---- signal.*: single rows ----

@vector("signal.create", "signal.get_or_create_new")
def created(shop):
    event = only(lambda: Product.objects.create(name="n"))
    product = Product.objects.get(name="n")
    assert (event["event"], event["model"]) == ("post_save", "shop.Product")
    assert event["pk"] == product.pk and event["created"] is True and "before" not in event
    assert event["after"]["name"] == "n" and event["after"]["price"] == "0.00"
    assert only(lambda: Product.objects.get_or_create(name="m"))["created"] is True
    assert published(lambda: Product.objects.get_or_create(name="m")) == []


@vector("signal.save")
def saved(shop):
    shop.product.price = 2
    event = only(shop.product.save)
    assert event["created"] is False
    assert (event["before"], event["changed"]) == ({"price": "1.00"}, ["price"])
    assert event["after"]["price"] == "2.00" and event["after"]["category_id"] == shop.category.pk


@vector("signal.save_nochange")
def nothing_changed(shop):
    event = only(shop.product.save)
    assert (event["before"], event["changed"]) == ({}, [])


@vector("signal.save_update_fields")
def update_fields(shop):
    shop.product.name, shop.product.price = "b", 7
    event = only(lambda: shop.product.save(update_fields=["name"]))
    assert (event["before"], event["changed"]) == ({"name": "a"}, ["name"])
    assert event["after"]["price"] == "1.00", "what was not saved is not what the row holds"
    event = only(shop.product.save)
    assert (event["before"], event["changed"]) == ({"price": "1.00"}, ["price"])


@vector("signal.save_update_fields_empty")
def update_fields_empty(shop):
    shop.product.name = "b"
    assert published(lambda: shop.product.save(update_fields=[])) == []


@vector("signal.save_deferred")
def deferred(shop):
    product = Product.objects.only("name").get(pk=shop.product.pk)
    product.name = "b"
    event = only(product.save)
    assert (event["before"], event["changed"]) == ({"name": "a"}, ["name"])
    assert event["after"] == {"id": product.pk, "name": "b"}, "the rest is not known"
    product.price = 3
    event = only(product.save)
    assert (event["before"], event["changed"]) == ({}, ["price"]), "its old value is not known"


@vector("signal.update_or_create")
def update_or_create(shop):
    event = only(lambda: Product.objects.update_or_create(name="a", defaults={"price": 3}))
    assert event["created"] is False
    assert (event["before"], event["changed"]) == ({"price": "1.00"}, ["price"])


@vector("signal.f_expression")
def f_expression(shop):
    shop.product.stock = F("stock") + 1
    event = only(shop.product.save)
    assert event["changed"] == ["stock"] and event["before"] == {"stock": 0}
    is_resolved = django.VERSION >= (6, 0) and "stock" in event["after"]
    assert is_resolved or "stock" not in event["after"], "only the database knows it"
    shop.product.refresh_from_db()
    shop.product.stock = 5
    assert only(shop.product.save)["before"] == {"stock": 1}


@vector("signal.delete", "signal.qs_delete")
def deleted(shop):
    pk, other = shop.product.pk, Product.objects.create(name="o", price=2)
    shop.product.price = 99
    event = only(shop.product.delete)
    assert (event["event"], event["model"], event["pk"]) == ("post_delete", "shop.Product", pk)
    assert event["before"]["price"] == "1.00", "what was never saved is not what was deleted"
    assert event["before"]["category_id"] == shop.category.pk and "after" not in event
    event = only(lambda: Product.objects.filter(name="o").delete())
    assert (event["pk"], event["before"]["price"]) == (other.pk, "2.00")


# ---- signal.*: what Django sends nothing for ----

@vector("signal.qs_update")
def query_set_update(shop):
    event = only(lambda: Product.objects.filter(pk=shop.product.pk).update(name="z"))
    assert event["event"] == "bulk_update"
    [row] = event["rows"]
    assert (row["pk"], row["before"]) == (shop.product.pk, {"name": "a"})
    assert row["after"]["name"] == "z" and row["after"]["category_id"] == shop.category.pk


@vector("signal.bulk_create")
def bulk_create(shop):
    if not connections[shop.alias].features.can_return_rows_from_bulk_insert:
        assert published(lambda: Product.objects.bulk_create([Product(name="x")])) == []
        return
    event = only(lambda: Product.objects.bulk_create([Product(name="x"), Product(name="y")]))
    assert event["event"] == "bulk_create"
    pks = list(Product.objects.filter(name__in="xy").order_by("name").values_list("pk", flat=True))
    assert [(row["pk"], row["after"]["name"]) for row in event["rows"]] == list(zip(pks, "xy"))


@vector("signal.bulk_update")
def bulk_update(shop):
    shop.product.name = "z"
    event = only(lambda: Product.objects.bulk_update([shop.product], ["name"]))
    [row] = event["rows"]
    assert (row["before"], row["after"]["name"]) == ({"name": "a"}, "z")
    assert only(shop.product.save)["changed"] == []


@vector("signal.qs_raw_delete")
def raw_delete(shop):
    objects = Product.objects.filter(pk=shop.product.pk)
    event = only(lambda: objects._raw_delete(shop.alias))
    assert event["event"] == "bulk_delete"
    assert event["rows"][0]["pk"] == shop.product.pk
    assert event["rows"][0]["before"]["category_id"] == shop.category.pk


@vector("signal.raw_sql")
def raw_sql(shop):
    def change():
        with connections[shop.alias].cursor() as cursor:
            cursor.execute("UPDATE shop_product SET name = 'sql'")
        delivery.publish({"event": "truncate", "model": "shop.Product"}, shop.alias)

    assert only(change)["event"] == "truncate", "SQL of one's own wants an event of one's own"


@vector("signal.cascade", "signal.db_cascade")
def cascade(shop):
    review = Review.objects.create(product=shop.product)
    note = Note.objects.create(category=shop.category)
    shop.product.tags.set(shop.tags)
    category, product = shop.category.pk, shop.product.pk
    events = published(shop.category.delete)
    told = sorted((each["event"], each["model"], each.get("pk")) for each in events)
    assert told == sorted([
        ("bulk_update", "shop.Note", None),
        ("m2m_changed", "shop.Product", product),
        ("post_delete", "shop.Category", category),
        ("post_delete", "shop.Product", product),
        ("post_delete", "shop.Review", review.pk),
    ])
    [row] = next(each["rows"] for each in events if each["model"] == "shop.Note")
    assert row["pk"] == note.pk and row["before"] == {"category_id": category}
    assert row["after"]["category_id"] is None
    link = next(each["m2m"] for each in events if each["event"] == "m2m_changed")
    assert link == {"field": "tags", "action": "clear", "pks": sorted(shop.tag_pks)}
    names = [(each["event"], each["model"]) for each in events]
    assert names.index(("m2m_changed", "shop.Product")) < names.index(
        ("post_delete", "shop.Product"))


# ---- signal.*: relations ----

def link(product, action, pks):
    return {"event": "m2m_changed", "model": "shop.Product", "pk": product.pk,
            "m2m": {"field": "tags", "action": action, "pks": sorted(pks)}}


@vector("signal.m2m_add", "signal.m2m_add_again")
def m2m_add(shop):
    product = shop.product
    assert only(lambda: product.tags.add(*shop.tags)) == link(product, "add", shop.tag_pks)
    assert published(lambda: product.tags.add(shop.tags[0])) == [], "nothing was added"


@vector("signal.m2m_remove", "signal.m2m_clear")
def m2m_remove(shop):
    product = shop.product
    product.tags.set(shop.tags)
    first, second = shop.tags
    assert only(lambda: product.tags.remove(first)) == link(product, "remove", [first.pk])
    assert only(product.tags.clear) == link(product, "clear", [second.pk])
    assert published(product.tags.clear) == []


@vector("signal.m2m_set")
def m2m_set(shop):
    product, (first, second) = shop.product, shop.tags
    product.tags.add(first)
    assert published(lambda: product.tags.set([second])) == [
        link(product, "remove", [first.pk]), link(product, "add", [second.pk])]


@vector("signal.m2m_reverse")
def m2m_reverse(shop):
    product, tag = shop.product, shop.tags[0]
    other = Product.objects.create(name="o")
    both = sorted([product, other], key=lambda each: each.pk)
    added = [link(each, "add", [tag.pk]) for each in both]
    assert published(lambda: tag.product_set.add(*both)) == added
    assert only(lambda: tag.product_set.remove(other)) == link(other, "remove", [tag.pk])
    assert only(tag.product_set.clear) == link(product, "remove", [tag.pk])
    product.tags.add(tag)
    pk = tag.pk
    events = published(tag.delete)
    assert events[0] == link(product, "remove", [pk]) and events[1]["model"] == "shop.Tag"


# ---- signal.*: inheritance, fixtures, labels ----

@vector("signal.mti_child_save")
def mti_child_save(shop):
    event = only(lambda: Book.objects.create(name="b", isbn="1"))
    assert (event["model"], event["parents"]) == ("shop.Book", ["shop.Product"])
    assert event["after"]["name"] == "b" and event["after"]["isbn"] == "1"
    book = Book.objects.get()
    assert event["pk"] == book.pk
    book.name = "c"
    event = only(book.save)
    assert (event["before"], event["changed"]) == ({"name": "b"}, ["name"])


@vector("signal.mti_child_delete")
def mti_child_delete(shop):
    book = Book.objects.create(name="b", isbn="1")
    pk = book.pk
    events = published(book.delete)
    assert [(each["event"], each["model"], each["pk"]) for each in events] == [
        ("post_delete", "shop.Book", pk), ("post_delete", "shop.Product", pk)]
    assert events[0]["parents"] == ["shop.Product"] and events[1]["before"]["name"] == "b"


@vector("signal.mti_parent_save")
def mti_parent_save(shop):
    book = Book.objects.create(name="b", isbn="1")
    event = only(Product.objects.get(pk=book.pk).save)
    assert event["model"] == "shop.Product" and "parents" not in event


@vector("signal.proxy_save", "signal.proxy_delete")
def proxy(shop):
    event = only(lambda: ProductProxy.objects.create(name="x"))
    assert (event["model"], event["sender"]) == ("shop.Product", "shop.ProductProxy")
    event = only(ProductProxy.objects.get(name="x").delete)
    assert (event["event"], event["model"]) == ("post_delete", "shop.Product")
    assert event["sender"] == "shop.ProductProxy"


@vector("signal.loaddata")
def loaddata(shop):
    product = Product(pk=900, name="f", created_at=timezone.now())
    text = serializers.serialize("json", [Tag(pk=901, name="t"), product])
    records = json.loads(text)
    records[1]["fields"]["tags"] = [901]
    fixture = io.StringIO(json.dumps(records))

    def load():
        for each in serializers.deserialize("json", fixture, using=shop.alias):
            each.save(using=shop.alias)

    events = published(load)
    assert [(each["event"], each["model"], each["pk"]) for each in events] == [
        ("post_save", "shop.Tag", 901), ("post_save", "shop.Product", 900),
        ("m2m_changed", "shop.Product", 900)]
    assert {each["source"] for each in events} == {"fixture"}


@vector("signal.labels")
def labels(shop):
    told = {each: only(lambda: each.objects.create())["model"]
            for each in (Product, ProductProxy, Book, Impl)}
    assert told == {Product: "shop.Product", ProductProxy: "shop.Product", Book: "shop.Book",
                    Impl: "shop.Impl"}


# ---- oncommit.* ----

@vector("oncommit.autocommit")
def autocommit(shop):
    shop.sent.clear()
    shop.product.save()
    assert len(shop.sent) == 1


@vector("oncommit.atomic")
def after_commit(shop):
    shop.sent.clear()
    with shop.atomic():
        shop.product.save()
        assert shop.sent == []
    assert len(shop.sent) == 1


@vector("oncommit.rollback", "oncommit.signal_before_commit")
def rolled_back(shop):
    shop.sent.clear()
    with pytest.raises(KeyError), shop.atomic():
        shop.product.name = "never"
        shop.product.save()
        Product.objects.update(stock=1)
        shop.product.tags.set(shop.tags)
        raise KeyError
    assert shop.sent == []
    shop.product.name = "b"
    shop.product.save()
    assert [each["before"] for each in shop.sent] == [{"name": "a"}], "the last committed one"


@vector("oncommit.savepoints")
def savepoints(shop):
    shop.sent.clear()
    outer, inner, lost = (Product(name=name) for name in ("outer", "inner", "lost"))
    with shop.atomic():
        outer.save()
        with pytest.raises(KeyError), shop.atomic():
            lost.save()
            raise KeyError
        with shop.atomic():
            inner.save()
        assert shop.sent == []
    assert [each["after"]["name"] for each in shop.sent] == ["outer", "inner"]


@vector("oncommit.error_default", "oncommit.error_robust")
def failing(shop):
    """Our failure reaches neither the request nor the callbacks of others."""
    ran = []

    class Failing:
        def emit(self, event):
            raise ValueError("broken")

        emit_checked = emit

        def emit_later(self, make, *, is_checked):
            return self.emit(make())

    before, delivery.emitter = delivery.emitter, lambda: Failing()
    log = logging.getLogger("django.db.backends.base")
    was_disabled, log.disabled = log.disabled, True
    try:
        with shop.atomic():
            shop.product.save()
            transaction.on_commit(lambda: ran.append("later"), using=shop.alias)
        shop.product.save()
    finally:
        delivery.emitter, log.disabled = before, was_disabled
    assert ran == ["later"]


@vector("oncommit.testcase")
def in_a_test_case(shop):
    seen = {}

    class Inner(TestCase):
        databases = {shop.alias}

        def runTest(self):
            product = Product.objects.create(name="t")
            with capture() as events:
                product.name = "u"
                product.save()
            seen["captured"] = [of(event) for event in events]
            shop.sent.clear()
            with self.captureOnCommitCallbacks(using=shop.alias, execute=True):
                product.name = "v"
                product.save()
            seen["sent"] = [of(event) for event in shop.sent]

    result = Inner().run()
    assert not result.errors and not result.failures, result.errors + result.failures
    [event] = seen["captured"]
    assert (event["created"], event["before"]) == (False, {"name": "t"})
    [event] = seen["sent"]
    assert event["after"]["name"] == "v"


# ---- changed.* and race.* ----

@vector("changed.Tracked", "changed.DirtyEarly", "changed.DirtyLate")
def old_values(shop):
    """Frozen in the handler, whichever receiver ran before, and the same after the commit."""
    shop.sent.clear()
    with shop.atomic():
        shop.product.name = "new"
        shop.product.save()
        shop.product.name = "not saved"
    [event] = shop.sent
    assert (event["before"], event["after"]["name"]) == ({"name": "a"}, "new")
    shop.sent.clear()
    shop.product.name = "newer"
    shop.product.save()
    assert [each["before"] for each in shop.sent] == [{"name": "new"}]
    receivers = models.signals.post_save
    seen = []
    receivers.connect(lambda instance, **kwargs: seen.append(instance), sender=Product, weak=False,
                      dispatch_uid="another")
    try:
        shop.product.name = "newest"
        assert only(shop.product.save)["before"] == {"name": "newer"} and seen
    finally:
        receivers.disconnect(sender=Product, dispatch_uid="another")


@vector("race.refill_after_delete")
def refill(shop):
    """An event leaves after its commit: whoever reads when it arrives reads the new row."""
    seen = []

    class Reading:
        def emit(self, event):
            seen.append(Product.objects.get(pk=event["pk"]).name)
            assert not connections[shop.alias].in_atomic_block

        emit_checked = emit

        def emit_later(self, make, *, is_checked):
            return self.emit(make())

    before, delivery.emitter = delivery.emitter, lambda: Reading()
    try:
        with shop.atomic():
            shop.product.name = "new"
            shop.product.save()
            assert seen == []
    finally:
        delivery.emitter = before
    assert seen == ["new"]


def test_loaddata_command_marks_fixtures(alias, tmp_path):
    fixture = tmp_path / "one.json"
    fixture.write_text(serializers.serialize("json", [Tag(pk=950, name="t")]))
    event = only(lambda: call_command("loaddata", str(fixture), database=alias, verbosity=0))
    assert (event["source"], event["pk"]) == ("fixture", 950)
