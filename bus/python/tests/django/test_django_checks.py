"""`manage.py check` on settings that are right, and on settings that are not."""
import pytest
from django.core.checks import run_checks
from django.test import override_settings

from unstale.django import conf, labels
from unstale.django.checks import check_settings


def found(**settings):
    """{id: (message, hint)} of our messages, with these settings."""
    with override_settings(UNSTALE=settings):
        return {each.id: (each.msg, each.hint) for each in check_settings()}


GOOD = {"BROKERS": "kafka:9092", "MODELS": ["shop.Product"]}


def test_nothing_to_say():
    assert found(**GOOD) == {}
    assert found(**GOOD, FIELDS={"shop.product": ["name"]}, VERSION_FIELD="cache_version",
                 EXCLUDE=["celery.*"], OLD_VALUES={"shop.*": "query"}) == {}
    assert found(ENABLED=False) == {}
    assert found(OUTBOX=True, MODELS=["shop.Product"]) == {}


@pytest.mark.parametrize("settings, code, text, hint", [
    ({"BROKER": "x"}, "E002", '"BROKER"', 'Did you mean "BROKERS"?'),
    ({"Models": ["shop.*"]}, "E002", '"Models"', 'Did you mean "MODELS"?'),
    ({"ZZZ": 1}, "E002", '"ZZZ"', "It may hold: "),
    ({"MODELS": "shop.Product"}, "E003", "must be a list of labels", None),
    ({"OLD_VALUES": "queries"}, "E003", '"snapshot" or "query"', None),
    ({"OUTBOX": "yes"}, "E003", "True or False", None),
    ({"MODELS": ["shop.Produkt"]}, "E004", '"shop.Produkt"', 'Did you mean "shop.Product"?'),
    ({"MODELS": ["shp.*"]}, "E004", '"shp.*"', None),
    ({"EXCLUDE": ["shop.Tagg"]}, "E004", '"shop.Tagg"', 'Did you mean "shop.Tag"?'),
    ({"FIELDS": {"shop.Product": ["nam"]}}, "E005", 'no field "nam"', 'Did you mean "name"?'),
    ({"FIELDS": {"shop.Product": ["name", "-price"]}}, "E005", "mixes", "Plain names"),
    ({"VERSION_FIELD": {"shop.Product": "version"}}, "E005", '"version"', "cache_version"),
    ({"VERSION_FIELD": "revision"}, "E005", "no model has a field", None),
    ({"VERSION_FIELD": {"shop.Product": "name"}}, "E007", "holds no integers", "grows"),
    ({"BROKERS": None}, "E006", "names no BROKERS", "UNSTALE_KAFKA_BROKERS"),
    ({"TRANSPORT": "http"}, "E006", 'no "URL"', "http://"),
])
def test_mistakes(settings, code, text, hint, monkeypatch):
    monkeypatch.delenv("UNSTALE_KAFKA_BROKERS", raising=False)
    message, tip = found(**{**GOOD, **settings})["unstale." + code]
    assert text in message
    assert hint is None or hint in tip


def test_brokers_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("UNSTALE_KAFKA_BROKERS", "a:1,b:2")
    assert found(MODELS=["shop.Product"]) == {}
    assert conf.read({}).brokers_text() == "a:1,b:2"
    assert conf.read({"BROKERS": ["c:3", "d:4"]}).brokers_text() == "c:3,d:4"


def test_what_is_no_dictionary():
    with override_settings(UNSTALE=["shop.*"]):
        assert [each.id for each in check_settings()][0] == "unstale.E001"


@pytest.mark.django_db(databases="__all__")
def test_the_command_runs_our_checks():
    with override_settings(UNSTALE={"BROKER": "x"}):
        assert "unstale.E002" in [each.id for each in run_checks()]


def test_models_whose_bulk_writes_are_not_seen_are_named():
    message, hint = found(BROKERS="kafka:9092", MODELS=["shop.*", "auth.*"])["unstale.W001"]
    assert "shop.Plain" in message and "shop.Tag" in message
    assert "shop.Product" not in message and "auth." not in message and "Offer" not in message
    assert "UnstaleManager" in hint


def test_a_mistake_never_stops_the_rest():
    settings = conf.read({"MODELS": 5, "MERGE": False, "NO": 1})
    assert (settings.models, settings.merge) == (("*",), False)
    assert [each.code for each in settings.problems] == ["E003", "E002"]


def test_an_exact_label_counts_before_a_pattern():
    from shop.models import Product

    table = {"*": 1, "shop.*": 2, "SHOP.product": 3}
    assert labels.pick(table, Product) == 3
    assert labels.pick({"*": 1, "shop.*": 2}, Product) == 2
    assert labels.pick({}, Product, 9) == 9
