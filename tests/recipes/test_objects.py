"""Objects and lists: one product under two keys, and every list that it may stand in."""
import pytest
from django.core.cache import cache
from django.db import transaction
from django.db.models import F
from django.test import Client

from apps.accounts.models import UserProfile
from apps.accounts.services import get_profile_data, get_user, get_user_profile
from apps.shop import caching
from apps.shop.models import Category, Product, Stock
from apps.site.models import SiteSetting
from apps.site.services import get_site_settings
from ways import CHANGES, DELETES

RULES = "lists-and-objects"


@pytest.fixture
def shop(given):
    """Two categories with two products each, and everything about them in the cache."""
    class Shop:
        teas = given(Category, name="Teas")
        mugs = given(Category, name="Mugs")
        green = given(Product, name="Green", category=teas, is_featured=True)
        black = given(Product, name="Black", category=teas)
        small = given(Product, name="Small", category=mugs)
        large = given(Product, name="Large", category=mugs)

        @classmethod
        def fill(cls):
            caching.get_active_products()
            caching.get_featured_products()
            for product in Product.objects.all():
                caching.get_product(product.pk)
                caching.get_product_dict(product.pk)
            for category in (cls.teas, cls.mugs):
                caching.get_category_products(category.pk)
                caching.get_category_page(category.pk, 1)
                caching.get_category_page(category.pk, 2)
    return Shop


def of_lists(*categories):
    """The keys of lists that a product of these categories may stand in."""
    names = ["active_products", "products:featured"]
    for category in categories:
        prefix = "products:category:%d" % category.pk
        names += [prefix, prefix + ":page:1", prefix + ":page:2"]
    return names


def of_product(product):
    return ["product_%d" % product.pk, "product:%d" % product.pk]


def names(products):
    return [product.name for product in products]


@pytest.mark.recipe("Objects and lists", "product-objects")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_product(shop, watch, change):
    shop.fill()
    with watch(gone=of_product(shop.green) + of_lists(shop.teas)):
        change(shop.green, name="Sencha")
    assert caching.get_product(shop.green.pk).name == "Sencha"
    assert caching.get_product_dict(shop.green.pk) == {"name": "Sencha"}
    assert names(caching.get_active_products()) == ["Sencha", "Black", "Small", "Large"]
    assert names(caching.get_featured_products()) == ["Sencha"]
    assert names(caching.get_category_page(shop.teas.pk, 1)) == ["Sencha", "Black"]


@pytest.mark.recipe("Objects and lists", "product-objects")
@pytest.mark.parametrize("delete", DELETES.values(), ids=DELETES)
def test_a_deleted_product(shop, watch, delete):
    shop.fill()
    with watch(gone=of_product(shop.green) + of_lists(shop.teas)):
        delete(Product.objects.get(pk=shop.green.pk))
    assert names(caching.get_active_products()) == ["Black", "Small", "Large"]
    assert names(caching.get_category_products(shop.teas.pk)) == ["Black"]


@pytest.mark.recipe("Objects and lists", "product-objects")
@pytest.mark.parametrize("create", [
    lambda **values: Product.objects.create(**values),
    lambda **values: Product.objects.bulk_create([Product(**values)]),
    lambda **values: Product.objects.update_or_create(name=values["name"], defaults=values),
], ids=["create", "bulk_create", "update_or_create"])
def test_a_new_product(shop, watch, create):
    shop.fill()
    with watch(gone=of_lists(shop.teas)):
        create(name="Oolong", category=shop.teas)
    assert "Oolong" in names(caching.get_active_products())
    assert names(caching.get_category_page(shop.teas.pk, 2)) == ["Oolong"]


@pytest.mark.recipe("Objects and lists", "product-objects")
def test_objects_that_were_kept_by_set_many(shop, watch):
    cache.set_many({"product_%d" % product.pk: product for product in Product.objects.all()}, 300)
    with watch(gone=["product_%d" % shop.black.pk]):
        shop.black.save()
    assert len(cache.get_many(["product_%d" % p.pk for p in Product.objects.all()])) == 3


@pytest.mark.recipe("Objects and lists", "product-objects")
def test_nothing_goes_for_what_is_rolled_back(shop, watch):
    shop.fill()
    with watch():
        with pytest.raises(RuntimeError), transaction.atomic():
            shop.green.name = "Sencha"
            shop.green.save()
            raise RuntimeError
    with watch(gone=of_product(shop.black) + of_lists(shop.teas)):
        with transaction.atomic():
            shop.black.save()
            with pytest.raises(RuntimeError), transaction.atomic():
                shop.small.save()
                raise RuntimeError


@pytest.mark.recipe("Lists of a parent", "product-category-lists", "product-category-list-pages")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_product_that_moves(shop, watch, given, change):
    third = given(Category, name="Spoons")
    shop.fill()
    caching.get_category_products(third.pk)
    with watch(gone=of_product(shop.green) + of_lists(shop.teas, shop.mugs)):
        change(shop.green, category_id=shop.mugs.pk)
    assert names(caching.get_category_products(shop.teas.pk)) == ["Black"]
    assert names(caching.get_category_products(shop.mugs.pk)) == ["Green", "Small", "Large"]
    assert names(caching.get_category_page(shop.mugs.pk, 2)) == ["Large"]


@pytest.mark.recipe("Everything below a prefix", "product-lists-of-a-category")
def test_a_renamed_category(shop, watch):
    shop.fill()
    shop.teas.name = "Leaves"
    with watch(gone=["products:featured"] + of_lists(shop.teas, shop.mugs)[2:]):
        shop.teas.save()
    assert caching.get_featured_products()[0].category.name == "Leaves"


@pytest.mark.recipe("Everything below a prefix", "product-lists-of-a-category")
def test_a_category_that_takes_its_products_along(shop, watch):
    shop.fill()
    products = of_product(shop.green) + of_product(shop.black)
    with watch(gone=products + of_lists(shop.teas, shop.mugs)):
        shop.teas.delete()
    assert names(caching.get_active_products()) == ["Small", "Large"]


@pytest.mark.recipe("Users, profiles, settings", "user-objects")
def test_a_user(user, other_user, given, watch):
    for one in (user, other_user):
        given(UserProfile, user=one)
        get_user(one.pk)
        get_profile_data(one.pk)
    user.email = "ada@home.example"
    with watch(gone=["user:%d" % user.pk, "user:%d:profile" % user.pk]):
        user.save()
    assert get_user(user.pk)["email"] == "ada@home.example"
    assert get_profile_data(user.pk)["email"] == "ada@home.example"


@pytest.mark.recipe("Users, profiles, settings", "user-objects")
def test_a_visit_is_no_reason(user, watch):
    get_user(user.pk)
    with watch():
        Client().force_login(user)
    assert type(user).objects.get(pk=user.pk).last_login is not None


@pytest.mark.recipe("Users, profiles, settings", "user-profile")
def test_a_profile(user, other_user, given, watch):
    given(UserProfile, user=other_user)
    profile = given(UserProfile, user=user, bio="old")
    for one in (user, other_user):
        get_user_profile(one.pk)
        get_profile_data(one.pk)
    profile.bio = "new"
    with watch(gone=["profile_%d" % user.pk, "user:%d:profile" % user.pk]):
        profile.save()
    assert get_user_profile(user.pk).bio == "new"
    assert get_profile_data(user.pk)["bio"] == "new"


@pytest.mark.recipe("Users, profiles, settings", "site-settings")
def test_a_setting(given, watch):
    setting = given(SiteSetting, key="title", value="Tea")
    assert get_site_settings() == {"title": "Tea"}
    setting.value = "Tea and more"
    with watch(gone=["site:settings"]):
        setting.save()
    assert get_site_settings() == {"title": "Tea and more"}


@pytest.mark.recipe("What had better not be cached", "product-stock")
def test_stock(shop, given, watch):
    stock = given(Stock, product=shop.green, quantity=5)
    given(Stock, product=shop.black, quantity=5)
    assert caching.get_stock(shop.green.pk) == caching.get_stock(shop.black.pk) == 5
    with watch(gone=["product:%d:stock" % shop.green.pk]):
        Stock.objects.filter(pk=stock.pk).update(quantity=F("quantity") - 1)
    assert caching.get_stock(shop.green.pk) == 4
