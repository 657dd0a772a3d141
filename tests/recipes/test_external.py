"""Answers of other services: an event where a row or a job knows of the change."""
import pytest
from unstale.django import publish

from apps.fx.models import RATES, Rate, get_exchange_rate

RULES = "external"


@pytest.fixture
def rates(monkeypatch):
    """The other service's answers, which are in the cache."""
    for quote in ("USD", "GBP", "CHF"):
        monkeypatch.setitem(RATES, ("EUR", quote), 1)
        get_exchange_rate("EUR", quote)
    return RATES


@pytest.mark.recipe("Answers of other services", "exchange-rate")
def test_a_rate_of_which_there_is_a_row(rates, given, watch):
    row = given(Rate, base="eur", quote="usd", rate="1.000000")
    rates["EUR", "USD"] = 2
    row.rate = "2.000000"
    with watch(gone=["exchange_rate:EUR:USD"]):
        row.save()
    assert get_exchange_rate("EUR", "USD") == 2


@pytest.mark.recipe("Answers of other services", "exchange-rates-published")
def test_rates_that_a_job_fetched(rates, watch):
    rates["EUR", "USD"] = rates["EUR", "GBP"] = 2
    with watch(gone=["exchange_rate:EUR:USD", "exchange_rate:EUR:GBP"]):
        publish({"event": "rates_published", "model": "fx.Feed", "pk": 1,
                 "meta": {"base": "EUR", "quotes": ["USD", "GBP"]}})
    assert get_exchange_rate("EUR", "GBP") == 2
