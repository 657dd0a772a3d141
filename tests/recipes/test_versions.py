"""Versions: counters in keys, one that a process reads once, and a column of the row."""
import pytest
from django.core.cache import cache

from apps.blog.models import Article, get_article_data
from apps.shop import versions
from apps.shop.models import Category, Product
from ways import SOME_CHANGES, SOME_DELETES

RULES = "versions"
SAME_PATTERNS = True


@pytest.fixture
def tea(given):
    return given(Product, name="Green", category=given(Category, name="Teas"))


def counters(product):
    """Of all products, of the product's category, and the one that is read once."""
    return ["products_version", "category:%d:version" % product.category_id,
            "product_cache_version"]


def names(products):
    return [product.name for product in products]


@pytest.mark.recipe("A counter in the key", "products-version", "category-version")
@pytest.mark.parametrize("change", SOME_CHANGES.values(), ids=SOME_CHANGES)
def test_a_counter_moves_on(tea, watch, bus, change):
    category = tea.category_id
    assert names(versions.get_products()) == names(versions.get_category_products(category))
    with watch(made=counters(tea)):
        change(tea, name="Sencha")
    first = cache.get("products_version")
    assert names(versions.get_products()) == ["Sencha"]
    assert names(versions.get_category_products(category)) == ["Sencha"]
    bus.renew()
    with watch(changed=counters(tea)):
        Product.objects.create(name="Oolong", category_id=category)
    assert cache.get("products_version") > first
    assert names(versions.get_products()) == ["Sencha", "Oolong"]
    assert names(versions.get_category_products(category)) == ["Sencha", "Oolong"]


@pytest.mark.recipe("A counter in the key", "products-version")
@pytest.mark.parametrize("delete", SOME_DELETES.values(), ids=SOME_DELETES)
def test_a_counter_moves_on_for_a_deleted_product(tea, watch, delete):
    versions.get_products()
    with watch(made=counters(tea)):
        delete(tea)
    assert versions.get_products() == []


@pytest.mark.recipe("A counter in the key", "products-version")
def test_a_lost_counter_brings_nothing_back(tea, watch, bus):
    assert names(versions.get_products()) == ["Green"]
    tea.name = "Sencha"
    with watch(made=counters(tea)):
        tea.save()
    second = cache.get("products_version")
    assert names(versions.get_products()) == ["Sencha"]
    cache.delete("products_version")
    bus.renew()
    assert names(versions.get_products()) == ["Green"], "what was kept under 1 is still there"
    tea.name = "Gyokuro"
    with watch(made=["products_version"], changed=counters(tea)[1:]):
        tea.save()
    assert cache.get("products_version") > second
    assert names(versions.get_products()) == ["Gyokuro"]


@pytest.mark.recipe("A counter in the key", "products-version")
def test_a_counter_is_an_integer_of_djangos_that_does_not_end(tea, watch, keys):
    cache.set("products_version", 1)
    with watch(changed=["products_version"], made=counters(tea)[1:]):
        tea.save()
    assert keys.ttl_ms(cache.make_key("products_version")) == -1
    assert cache.incr("products_version") == cache.get("products_version") > 1


@pytest.mark.recipe("A counter in the key", "category-version")
def test_a_product_that_moves_counts_in_both_categories(tea, given, watch):
    mugs, third = given(Category, name="Mugs"), given(Category, name="Spoons")
    old = tea.category_id
    for category in (old, mugs.pk, third.pk):
        versions.get_category_products(category)
    tea.category = mugs
    with watch(made=counters(tea) + ["category:%d:version" % old]):
        tea.save()
    assert versions.get_category_products(old) == []
    assert names(versions.get_category_products(mugs.pk)) == ["Green"]
    assert cache.get("category:%d:version" % third.pk) is None


@pytest.mark.recipe("A counter read once", "product-cache-version")
def test_a_process_that_reads_the_counter_once(tea, watch):
    running = versions.Catalogue()
    assert running.get_product(tea.pk).name == "Green"
    tea.name = "Sencha"
    with watch(gone=["product:%d:v1" % tea.pk], made=counters(tea)):
        tea.save()
    assert running.get_product(tea.pk).name == "Sencha"
    later = versions.Catalogue()
    assert later.product_cache_version > 1
    assert later.get_product(tea.pk).name == "Sencha"


@pytest.fixture
def articles(given):
    return [given(Article, title="Green"), given(Article, title="Black")]


@pytest.mark.recipe("A version column", "article-row-version")
def test_a_row_that_counts_itself(articles, watch):
    for article in articles:
        get_article_data(article)
    green = articles[0]
    old = green.cache_key
    green.title = "Sencha"
    with watch(gone=[old]):
        green.save()
    assert green.cache_key != old
    assert get_article_data(Article.objects.get(pk=green.pk))["title"] == "Sencha"


@pytest.mark.recipe("A version column", "article-row-version")
def test_a_bulk_change_that_does_not_count(articles, watch):
    green = articles[0]
    get_article_data(green)
    with watch(gone=[green.cache_key]):
        Article.objects.filter(pk=green.pk).update(title="Sencha")
    assert get_article_data(Article.objects.get(pk=green.pk))["title"] == "Sencha"


@pytest.mark.recipe("A version column", "article-row-version")
def test_a_row_that_is_deleted(articles, watch):
    for article in articles:
        get_article_data(article)
    with watch(gone=[articles[0].cache_key]):
        articles[0].delete()
