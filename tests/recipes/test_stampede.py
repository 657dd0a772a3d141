"""Locks against stampedes, and keys that end soon instead of now."""
import pytest
from django.core.cache import cache
from lib.process import wait_until

from apps.shop import caching
from apps.shop.models import Category, Product, Rate, Review, Sale

RULES = "stampede"


def wait_gone(name):
    wait_until(lambda: cache.get(name) is None, 10, "%s is gone" % name)


@pytest.mark.recipe("Locks against stampedes", "expensive-data")
def test_a_value_that_is_computed_under_a_lock(given, bus):
    rate = given(Rate, value=1)
    assert caching.get_expensive_data() == {"sum": 1}
    cache.set("weather", "rain")
    rate.value = 2
    rate.save()
    wait_gone("expensive_data")
    assert caching.get_expensive_data() == {"sum": 2}
    assert cache.get("weather") == "rain"


@pytest.mark.backends(["django-redis"])
@pytest.mark.recipe("Locks against stampedes", "expensive-data")
def test_an_owner_of_the_lock_that_computes_from_old_rows(given, watch, bus, keys):
    rate = given(Rate, value=1)

    def compute():
        found = caching.compute_expensive_data()
        rate.value = 2
        rate.save()
        bus.unstale.wait_metric(lambda held: held > 0, "unstale_records_held")
        assert cache.get("expensive_data:lock") is not None
        return found
    assert caching.get_expensive_data(compute) == {"sum": 1}
    assert cache.get("expensive_data") == {"sum": 1}
    bus.applied()
    assert caching.get_expensive_data() == {"sum": 2}


@pytest.mark.recipe("Locks against stampedes", "expensive-report")
def test_a_lock_that_is_taken_away(given, bus):
    sale = given(Sale, amount=1)

    def compute():
        found = caching.compute_expensive_report()
        sale.amount = 2
        sale.save()
        wait_gone("expensive_report_lock")
        assert caching.get_expensive_report() == {"sum": 2}, "nobody waits for the old owner"
        return found
    assert caching.get_expensive_report(compute) == {"sum": 1}


@pytest.mark.recipe("Locks against stampedes", "expensive-report")
def test_the_first_tutorials_lock(given, bus):
    sale = given(Sale, amount=1)
    assert caching.get_expensive_report() == {"sum": 1}
    sale.delete()
    wait_gone("expensive_report")
    assert caching.get_expensive_report() == {"sum": 0}


@pytest.mark.recipe("Locks against stampedes", "expensive-variants")
def test_values_below_one_prefix_with_their_locks_among_them(given, bus):
    rate = given(Rate, value=1)
    for name in ("day", "week"):
        assert caching.get_expensive_variant(name) == {"sum": 1}
    assert cache.add("expensive_data:month:lock", "1", 60)
    assert cache.add("expensive_data:year_lock", 1, 60)
    rate.value = 2
    rate.save()
    for name in ("day", "week"):
        wait_gone("expensive_data:" + name)
        assert caching.get_expensive_variant(name) == {"sum": 2}
    assert cache.get("expensive_data:month:lock") == "1"
    assert cache.get("expensive_data:year_lock") == 1


@pytest.mark.recipe("Ending soon instead of now", "reviews-soon")
def test_reviews_end_soon(given, watch, keys):
    category = given(Category, name="Teas")
    tea, mug = (given(Product, name=name, category=category) for name in ("Tea", "Mug"))
    for product in (tea, mug):
        caching.get_reviews(product.pk, 1)
    with watch():
        Review.objects.create(product=tea, text="good")
    ending = keys.ttl_ms(cache.make_key("reviews:%d:page:1" % tea.pk))
    assert 0 < ending <= 30000
    assert keys.ttl_ms(cache.make_key("reviews:%d:page:1" % mug.pk)) > 3000000
