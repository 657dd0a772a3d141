"""unstale_models and unstale_emit: catalogues that the program accepts, and rows told of again."""
import json
import subprocess

import django
import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from shop.models import Account, Offer, Product, Tag

from unstale.django.models import OutboxEvent
from unstale.testing import assert_emitted, capture

pytestmark = pytest.mark.django_db


def output(capsys, *arguments, **options):
    call_command(*arguments, **options)
    return capsys.readouterr().out


def checked(program, folder, field):
    """`unstale check` of the catalogue, beside a rule that names the field."""
    rule = {"name": "r", "when": {"model": "shop.Product", "changed": [field]},
            "do": {"delete": "c:{%s}" % field}}
    (folder / "rules.json").write_text(json.dumps({"version": 1, "rules": [rule]}))
    done = subprocess.run([program, "check", str(folder)], capture_output=True, text=True,
                          timeout=30, env={})
    return done.returncode, done.stdout + done.stderr


def test_the_catalogue_names_columns_parents_and_relations(capsys):
    models = json.loads(output(capsys, "unstale_models"))["models"]
    assert models["shop.Product"]["table"] == "shop_product"
    assert models["shop.Product"]["fields"]["category_id"] == "int"
    assert models["shop.Product"]["fields"]["price"] == "decimal"
    assert models["shop.Product"]["m2m"] == ["tags"]
    assert models["shop.Book"]["parents"] == ["shop.Product"]
    assert {"name", "isbn", "product_ptr_id"} <= set(models["shop.Book"]["fields"])
    assert models["shop.Account"]["fields"]["password"] == "text, not sent"
    assert models["shop.Account"]["fields"]["id"] == "uuid"
    assert "shop.ProductProxy" not in models
    assert "sessions.Session" not in models


def test_check_accepts_the_catalogue_and_finds_a_wrong_name(capsys, program, tmp_path):
    text = output(capsys, "unstale_models", "shop.*", "--schema", "public")
    assert json.loads(text)["models"]["shop.Tag"]["table"] == "public.shop_tag"
    (tmp_path / "models.json").write_text(text)
    code, said = checked(program, tmp_path, "category_id")
    assert code == 0, said
    code, said = checked(program, tmp_path, "categry_id")
    assert code != 0 and "category_id" in said


def test_the_catalogue_can_be_written_to_a_file(tmp_path):
    call_command("unstale_models", "shop.tag", output=str(tmp_path / "m.json"))
    assert list(json.loads((tmp_path / "m.json").read_text())["models"]) == ["shop.Tag"]
    with pytest.raises(CommandError, match='did you mean "shop.Tag"'):
        call_command("unstale_models", "shop.Tagg")


def test_rows_are_told_of_by_key():
    product = Product.objects.create(name="a", price=3)
    with capture() as events:
        call_command("unstale_emit", "shop.product", str(product.pk))
    event = assert_emitted(events, "shop.Product", times=1, source="resync", pk=product.pk,
                           after={"name": "a", "price": "3.00"})
    assert "changed" not in event and "before" not in event and "created" not in event


def test_rows_are_told_of_by_what_they_hold():
    tag = Tag.objects.create(name="t")
    for price in range(5):
        Product.objects.create(name=str(price), price=price, stock=price % 2).tags.add(tag)
    with capture() as events:
        call_command("unstale_emit", "shop.Product", filter=["price__gte=1", "tags=%d" % tag.pk],
                     exclude=["stock=1"])
    assert [event["after"]["name"] for event in events] == ["2", "4"]
    with capture() as events:
        call_command("unstale_emit", "shop.Product", filter=["name__in=[\"1\",\"3\"]"])
        call_command("unstale_emit", "shop.Product", filter=["category=null"])
        call_command("unstale_emit", "shop.Product", all=True)
    assert len(events) == 2 + 5 + 5


def test_keys_of_other_kinds():
    account = Account.objects.create(email="a@example.com")
    Offer.objects.create(code="1", price=2)
    with capture() as events:
        call_command("unstale_emit", "shop.Account", str(account.pk))
        call_command("unstale_emit", "shop.Offer", "1")
    assert [event["pk"] for event in events] == [str(account.pk), "1"]


@pytest.mark.skipif(django.VERSION < (5, 2), reason="composite keys came with Django 5.2")
def test_keys_of_several_columns():
    from shop.models import Line
    Line.objects.create(order=1, number=2)
    with capture() as events:
        call_command("unstale_emit", "shop.Line", "[1,2]")
        call_command("unstale_emit", "shop.Line", "[1,3]", deleted=True)
    assert [(event["event"], event["pk"]) for event in events] == [
        ("post_save", [1, 2]), ("post_delete", [1, 3])]


def test_a_row_that_is_gone():
    with capture() as events, pytest.raises(CommandError, match="no row has the key 77"):
        call_command("unstale_emit", "shop.Product", "77")
    assert not events
    with capture() as events:
        call_command("unstale_emit", "shop.Product", "77", deleted=True)
    assert_emitted(events, "shop.Product", times=1, event="post_delete", pk=77)


@pytest.mark.parametrize("arguments, text", [
    (["shop.Produkt", "1"], 'did you mean "shop.Product"'),
    (["shop.Product"], "name rows"),
    (["shop.Product", "--filter", "prize=3"], "prize"),
    (["shop.Product", "--filter", "price"], "FIELD=VALUE"),
    (["contenttypes.ContentType", "1"], "not watched"),
    (["shop.Product", "x"], "x"),
])
def test_what_cannot_be_meant(arguments, text):
    with pytest.raises(CommandError, match=text):
        call_command("unstale_emit", *arguments)


def test_a_dry_run_prints(capsys):
    Tag.objects.create(name="t")
    event = json.loads(output(capsys, "unstale_emit", "shop.Tag", all=True, dry_run=True))
    assert event["model"] == "shop.Tag" and event["ts"] and event["id"]


def test_with_the_outbox_they_are_rows(capsys):
    Tag.objects.create(name="t")
    with override_settings(UNSTALE={"OUTBOX": True, "MODELS": ["shop.*"]}):
        assert "1 events are in the outbox" in output(capsys, "unstale_emit", "shop.Tag", all=True)
    assert OutboxEvent.objects.get().key.startswith("shop.Tag:")


def test_they_are_sent(capsys, topic):
    Tag.objects.create(name="t")
    with override_settings(UNSTALE={"BROKERS": topic.brokers, "TOPIC": topic.name,
                                    "MODELS": ["shop.*"]}):
        said = output(capsys, "unstale_emit", "shop.Tag", all=True, rate=1000)
    assert "1 events sent" in said
    assert [json.loads(record.value)["source"] for record in topic.records()] == ["resync"]


@pytest.mark.parametrize("settings, text", [
    ({"BROKERS": "127.0.0.1:1", "OPTIONS": {"compression.type": "most"}}, "most"),
    ({"BROKERS": "127.0.0.1:1", "OPTIONS": {"compresion": "lz4"}}, "compresion"),
    ({"TRANSPORT": "http", "URL": "ftp://bus"}, "url must be"),
])
def test_a_relay_says_which_setting_is_wrong(settings, text):
    with override_settings(UNSTALE={"OUTBOX": True, **settings}):
        with pytest.raises(CommandError, match="UNSTALE: .*" + text):
            call_command("unstale_relay", once=True, timeout=1)
