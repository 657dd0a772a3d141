"""Write-through: of a dictionary, with both serializers, and of an instance that only Python writes."""
import pytest
from django.core.cache import cache
from django.test.utils import CaptureQueriesContext
from django.db import connection
from lib.process import wait_until
from unstale.django import publish

from apps.accounts.models import UserProfile
from apps.accounts.services import get_user_profile, update_user_profile
from apps.shop.models import Category, Product
from apps.shop.services import ProductService
from ways import SOME_CHANGES, SOME_DELETES

RULES = "write-through"
EVERYWHERE = ["django-redis", "django", "production"]


@pytest.fixture
def tea(given):
    return given(Product, name="Green", price="4.20", category=given(Category, name="Teas"))


@pytest.fixture
def own_key(tea, backend):
    """The product's key as this backend has it; the rules write that of another prefix, too."""
    return cache.make_key("product:%d" % tea.pk)


@pytest.fixture
def other_key(tea, own_key):
    prefix = "myapp" if own_key.startswith("prod:") else "prod"
    return "%s:1:product:%d" % (prefix, tea.pk)


def companions(*keys):
    """Where the versions of these keys are kept."""
    return ["{%s}:v" % key for key in keys]


def read(product):
    """What a reader gets, and how many queries that took."""
    with CaptureQueriesContext(connection) as queries:
        return ProductService.get_product_data(product.pk), len(queries)


@pytest.mark.backends(EVERYWHERE)
@pytest.mark.recipe("Write-through", "product-write-through", "product-write-through-json")
def test_a_change_that_says_what_the_value_needs(tea, watch, own_key, other_key):
    read(tea)
    with watch(changed=[own_key], made=[other_key] + companions(own_key, other_key)):
        ProductService.update_and_tell(tea, name="Caf\u00e9 \u2713", price="12.50")
    wanted = {"id": tea.pk, "name": "Caf\u00e9 \u2713", "price": "12.50", "category": "Teas"}
    assert read(tea) == (wanted, 0)
    assert ProductService.build_cache_data(Product.objects.get(pk=tea.pk)) == wanted


@pytest.mark.backends(EVERYWHERE)
@pytest.mark.recipe("Write-through", "product-write-through", "product-write-through-json")
def test_an_older_change_that_comes_late(tea, watch, own_key, other_key):
    ProductService.update_and_tell(tea, name="Sencha")
    late = dict(ProductService.event(tea), version=tea.revision - 1)
    late["after"] = dict(late["after"], name="Green")
    with watch():
        publish(late)
    assert read(tea)[0]["name"] == "Sencha"


@pytest.mark.backends(EVERYWHERE)
@pytest.mark.recipe("Write-through", "product-write-through-unsaid",
                    "product-write-through-json-unsaid")
@pytest.mark.parametrize("change", SOME_CHANGES.values(), ids=SOME_CHANGES)
def test_a_change_that_does_not_say_it(tea, watch, own_key, change):
    read(tea)
    with watch(gone=[own_key]):
        change(tea, name="Sencha")
    assert read(tea)[0]["name"] == "Sencha"


@pytest.mark.backends(EVERYWHERE)
@pytest.mark.recipe("Write-through", "product-write-through-unsaid",
                    "product-write-through-json-unsaid")
def test_the_tutorials_own_write_through(tea, watch, own_key):
    read(tea)
    with watch(free=[own_key]):
        ProductService.update_product(tea, name="Sencha")
    assert read(tea)[0]["name"] == "Sencha"


@pytest.mark.backends(EVERYWHERE)
@pytest.mark.recipe("Write-through", "product-write-through-gone",
                    "product-write-through-json-gone")
@pytest.mark.parametrize("delete", SOME_DELETES.values(), ids=SOME_DELETES)
def test_a_deleted_product_does_not_come_back(tea, watch, own_key, other_key, delete):
    read(tea)
    late = ProductService.event(tea)
    with watch(gone=[own_key], made=companions(own_key, other_key)):
        delete(tea)
    with watch():
        publish(late)


@pytest.mark.backends(EVERYWHERE)
@pytest.mark.recipe("Write-through", "category-name", "category-name-json")
def test_a_renamed_category(tea, given, watch, own_key):
    mug = given(Product, name="Mug", category=tea.category)
    for product in (tea, mug):
        read(product)
    tea.category.name = "Leaves"
    with watch(gone=[own_key, cache.make_key("product:%d" % mug.pk)]):
        tea.category.save()
    assert read(tea)[0]["category"] == "Leaves"


@pytest.fixture
def profile(user, given):
    return given(UserProfile, user=user, bio="old")


@pytest.mark.recipe("Write-through of instances", "profile-instance")
def test_an_instance(profile, watch):
    get_user_profile(profile.user_id)
    with watch(gone=["profile_%d" % profile.user_id]):
        update_user_profile(profile.user_id, {"bio": "new"})
    assert get_user_profile(profile.user_id).bio == "new"


@pytest.mark.recipe("Write-through of instances", "profile-instance")
def test_a_reader_that_had_the_old_row_in_hand(profile, bus, keys):
    name = "profile_%d" % profile.user_id
    old = get_user_profile(profile.user_id)
    profile.bio = "new"
    profile.save()
    wait_until(lambda: cache.get(name) is None, 10, "the first delete")
    cache.set(name, old, 3600)
    bus.applied()
    assert get_user_profile(profile.user_id).bio == "new"


@pytest.mark.recipe("Counters", "visits")
def test_a_counter(watch):
    cache.set("counter", 0)
    assert cache.incr("counter") == 1
    with watch(changed=["counter"]):
        publish({"event": "page_visited", "model": "shop.Page", "pk": 1})
    assert cache.get("counter") == 2
    assert cache.decr("counter") == 1
