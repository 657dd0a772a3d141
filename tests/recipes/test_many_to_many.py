"""Many-to-many: tags on products from both sides, tags in a column, and keys that no rule can name."""
import pytest
from django.core.cache import cache
from stack import redis_connection

from apps.blog.models import Post, get_posts_of_tag
from apps.shop import caching
from apps.shop.models import Category, Product, Tag

RULES = "many-to-many"


@pytest.fixture
def shop(given):
    """Two products that have the first two of three tags; all of it is in the cache."""
    class Shop:
        category = given(Category, name="Teas")
        tags = [given(Tag, name=name) for name in ("hot", "cold", "new")]
        tea = given(Product, name="Tea", category=category)
        mug = given(Product, name="Mug", category=category)

        @classmethod
        def fill(cls):
            for product in (cls.tea, cls.mug):
                caching.get_product_dict(product.pk)
            for tag in cls.tags:
                caching.get_tag_products(tag.pk)
    for product in (Shop.tea, Shop.mug):
        for tag in Shop.tags[:2]:
            given(Product.tags.through, product=product, tag=tag)
    Shop.fill()
    return Shop


def of_tags(*tags):
    return ["tag:%d:products" % tag.pk for tag in tags]


def of_product(product):
    return "product:%d" % product.pk


def products_of(tag):
    return [product.name for product in caching.get_tag_products(tag.pk)]


ACTIONS = {
    "add": (lambda tea, hot, cold, new: tea.tags.add(new), "..n"),
    "add of what is there": (lambda tea, hot, cold, new: tea.tags.add(hot, new), "..n"),
    "remove": (lambda tea, hot, cold, new: tea.tags.remove(hot), "h.."),
    "set": (lambda tea, hot, cold, new: tea.tags.set([cold, new]), "h.n"),
    "clear": (lambda tea, hot, cold, new: tea.tags.clear(), "hc."),
    "add from the other side": (lambda tea, hot, cold, new: new.products.add(tea), "..n"),
    "remove from the other side": (lambda tea, hot, cold, new: hot.products.remove(tea), "h.."),
    "create through": (lambda tea, hot, cold, new: tea.tags.add(new.pk), "..n"),
}


@pytest.mark.recipe("Many-to-many", "product-tags")
@pytest.mark.parametrize("act, moved", ACTIONS.values(), ids=ACTIONS)
def test_tags_of_a_product(shop, watch, act, moved):
    tags = [tag for tag, mark in zip(shop.tags, moved) if mark != "."]
    with watch(gone=[of_product(shop.tea)] + of_tags(*tags)):
        act(shop.tea, *shop.tags)
    for tag in shop.tags:
        assert products_of(tag) == [one.name for one in tag.products.order_by("id")]


@pytest.mark.recipe("Many-to-many", "product-tags")
@pytest.mark.parametrize("act", [
    lambda tag, tea, mug: tag.products.clear(),
    lambda tag, tea, mug: tag.products.set([]),
    lambda tag, tea, mug: tag.products.remove(tea, mug),
], ids=["clear", "set", "remove"])
def test_products_of_a_tag(shop, watch, act):
    hot = shop.tags[0]
    with watch(gone=[of_product(shop.tea), of_product(shop.mug)] + of_tags(hot)):
        act(hot, shop.tea, shop.mug)
    assert products_of(hot) == []


@pytest.mark.recipe("Many-to-many", "product-tags")
def test_a_product_that_is_deleted_with_its_tags(shop, watch):
    with watch(gone=[of_product(shop.tea)] + of_tags(*shop.tags[:2])):
        shop.tea.delete()
    assert products_of(shop.tags[0]) == ["Mug"]


@pytest.mark.recipe("Many-to-many", "post-tags")
@pytest.mark.parametrize("act", [
    lambda post: Post.objects.filter(pk=post.pk).update(tag_ids=[2, 3]),
    lambda post: (post.tag_ids.remove(1), post.tag_ids.append(3), post.save()),
], ids=["update", "changed in place"])
def test_tags_in_a_column(given, watch, act):
    post = given(Post, title="Tea", tag_ids=[1, 2])
    for tag in (1, 2, 3, 4):
        get_posts_of_tag(tag)
    with watch(gone=["tag:%d:posts" % tag for tag in (1, 2, 3)]):
        act(post)
    assert [len(get_posts_of_tag(tag)) for tag in (1, 2, 3, 4)] == [0, 1, 1, 0]


def cached_with_tag(key, value, tag_id, timeout):
    """The recipe's, through a Redis client that both backends have."""
    cache.set(key, value, timeout)
    with redis_connection() as redis:
        members = cache.make_key(f"tag:{tag_id}:keys")
        redis.sadd(members, cache.make_key(key))
        redis.expire(members, timeout + 60, nx=True)
        redis.expire(members, timeout + 60, gt=True)


@pytest.mark.recipe("Keys that no rule can name", "tag-members")
def test_whatever_shows_a_tag(shop, watch):
    hot, cold, _ = shop.tags
    cached_with_tag("teaser:5f3a", "hot teas", hot.pk, 300)
    cached_with_tag("teaser:77b1", "hot mugs", hot.pk, 300)
    cached_with_tag("teaser:0c2d", "cold teas", cold.pk, 300)
    hot.name = "very hot"
    with watch(gone=["teaser:5f3a", "teaser:77b1", "tag:%d:keys" % hot.pk]):
        hot.save()
    assert cache.get("teaser:0c2d") == "cold teas"
