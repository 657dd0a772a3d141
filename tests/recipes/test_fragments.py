"""Template fragments: plain, for a user, for a user and a product, with a time, and HTML by hand."""
import pytest
from django.contrib.auth.models import Group, Permission
from django.core.cache.utils import make_template_fragment_key as fragment

from apps.accounts.services import get_navigation_html
from apps.shop.models import Category, Product, Recommendation, SidebarItem
from apps.site.models import SiteSetting
from ways import CHANGES, DELETES

RULES = "fragments"
SAME_PATTERNS = True


def fresh(row):
    return type(row).objects.get(pk=row.pk)


def navigation(user):
    return "nav:html:%d:%s" % (user.pk, user.updated_at.timestamp())


@pytest.fixture
def tea(given):
    return given(Product, name="Green", category=given(Category, name="Teas"))


@pytest.mark.recipe("Template fragments", "sidebar")
@pytest.mark.parametrize("act", [
    lambda item: SidebarItem.objects.create(text="new"),
    lambda item: SidebarItem.objects.filter(pk=item.pk).delete(),
    lambda item: SidebarItem(pk=item.pk, text="other").save(),
], ids=["create", "delete", "save"])
def test_a_fragment(given, page, watch, act):
    item = given(SidebarItem, text="first")
    assert "first" in page("/sidebar/")
    with watch(gone=[fragment("sidebar")]):
        act(item)
    texts = SidebarItem.objects.values_list("text", flat=True)
    shown = page("/sidebar/")
    assert all(text in shown for text in texts) and ("first" in shown) == ("first" in texts)


@pytest.mark.recipe("Template fragments", "sidebar-of-user")
def test_a_users_fragment(user, other_user, login, page, watch):
    visitors = [login(user), login(other_user)]
    for visitor in visitors:
        page("/sidebar/", visitor)
    user.username = "ada.l"
    with watch(gone=[fragment("sidebar", [user.pk]), fragment("user_sidebar", [user.pk])]):
        user.save()
    assert "ada.l's sidebar" in page("/sidebar/", visitors[0])
    assert "bob's sidebar" in page("/sidebar/", visitors[1])


@pytest.mark.recipe("Template fragments", "sidebar-of-user")
def test_a_login_is_no_reason(user, login, page, watch):
    visitor = login(user)
    page("/sidebar/", visitor)
    get_navigation_html(user)
    with watch():
        login(user)
    assert type(user).objects.get(pk=user.pk).last_login is not None


@pytest.mark.recipe("Template fragments", "recommendation")
def test_a_fragment_of_a_user_and_a_product(user, other_user, given, login, page, watch, tea):
    mug = given(Product, name="Mug", category=tea.category)
    for one in (user, other_user):
        given(Recommendation, user=one, product=mug)
    row = given(Recommendation, user=user, product=tea)
    visitors = [login(user), login(other_user)]
    for visitor in visitors:
        page("/recommendations/%d/" % tea.pk, visitor)
        page("/recommendations/%d/" % mug.pk, visitor)
    with watch(gone=[fragment("product_recommendations", [user.pk, tea.pk])]):
        row.delete()
    assert "Green" not in page("/recommendations/%d/" % tea.pk, visitors[0])


@pytest.mark.recipe("Template fragments", "recommendations-of-a-product")
@pytest.mark.parametrize("way", ["save", "queryset_update", "in_another_process"])
def test_a_product_in_fragments_of_users(user, other_user, given, login, page, watch, tea, way):
    visitors = []
    for one in (user, other_user):
        given(Recommendation, user=one, product=tea)
        visitors.append(login(one))
        page("/recommendations/%d/" % tea.pk, visitors[-1])
    with watch(gone=[fragment("product_recommendations", [one.pk, tea.pk])
                     for one in (user, other_user)]):
        CHANGES[way](tea, name="Sencha")
    for visitor in visitors:
        assert "Sencha" in page("/recommendations/%d/" % tea.pk, visitor)


@pytest.mark.recipe("Template fragments", "footer")
def test_a_fragment_in_a_cache_of_its_own(settings, given, page, watch):
    alias = dict(settings.CACHES["default"], KEY_PREFIX="html")
    settings.CACHES = dict(settings.CACHES, template_fragments=alias)
    setting = given(SiteSetting, key="footer", value="2025")
    assert "2025" in page("/sidebar/")
    setting.value = "2026"
    with watch(gone=["html:1:" + fragment("footer")]):
        setting.save()
    assert "2026" in page("/sidebar/")


@pytest.mark.recipe("Fragments with a time", "category-product-list")
def test_a_fragment_with_a_time(given, page, watch, tea):
    other = given(Category, name="Mugs")
    category = tea.category
    for one in (category, other):
        page("/category/%d/" % one.pk)
    old = fragment("product_list", [category.pk, category.updated_at])
    category.name = "Leaves"
    with watch(gone=[old]):
        category.save()
    assert "Leaves" in page("/category/%d/" % category.pk)


@pytest.mark.recipe("Fragments with a time", "product-list-of-a-product")
@pytest.mark.parametrize("act", [CHANGES["save"], CHANGES["bulk_update"], DELETES["delete"]],
                         ids=["save", "bulk_update", "delete"])
def test_a_product_leaves_the_time_as_it_is(page, watch, tea, act):
    category = tea.category
    assert "Green" in page("/category/%d/" % category.pk)
    with watch(gone=[fragment("product_list", [category.pk, category.updated_at])]):
        act(tea, **({} if act is DELETES["delete"] else {"name": "Sencha"}))
    shown = page("/category/%d/" % category.pk)
    assert "Green" not in shown and ("Sencha" in shown) == Product.objects.exists()


@pytest.mark.recipe("Rendered HTML under a key of one's own", "navigation")
def test_navigation(user, other_user, watch, bus):
    for one in (user, other_user):
        get_navigation_html(one)
    old = navigation(user)
    user.username = "ada.l"
    with watch(gone=[old]):
        user.save()
    assert "ada.l" in get_navigation_html(fresh(user))
    bus.renew()
    get_navigation_html(user)
    with watch(gone=[navigation(user)]):
        type(user).objects.filter(pk=user.pk).update(username="ada")
    assert "ada:" in get_navigation_html(fresh(user))


@pytest.fixture
def may_add_tags():
    return Permission.objects.get(codename="add_tag")


@pytest.mark.recipe("Rendered HTML under a key of one's own", "navigation-permissions")
@pytest.mark.parametrize("side", ["user", "permission"])
def test_navigation_of_a_user_who_may_more(user, other_user, watch, may_add_tags, side):
    for one in (user, other_user):
        assert "add_tag" not in get_navigation_html(fresh(one))
    with watch(gone=[navigation(user)]):
        if side == "user":
            user.user_permissions.add(may_add_tags)
        else:
            may_add_tags.user_set.add(user)
    assert "add_tag" in get_navigation_html(fresh(user))


@pytest.mark.recipe("Rendered HTML under a key of one's own", "navigation-permissions")
@pytest.mark.parametrize("action", ["remove", "clear", "set"])
def test_navigation_of_a_user_who_leaves_a_group(user, given, watch, may_add_tags, action):
    group = given(Group, name="editors")
    given(Group.permissions.through, group=group, permission=may_add_tags)
    given(type(user).groups.through, user=user, group=group)
    assert "add_tag" in get_navigation_html(fresh(user))
    with watch(gone=[navigation(user)]):
        {"remove": lambda: user.groups.remove(group), "clear": user.groups.clear,
         "set": lambda: user.groups.set([])}[action]()
    assert "add_tag" not in get_navigation_html(fresh(user))


@pytest.mark.recipe("Rendered HTML under a key of one's own", "navigation-of-a-group")
def test_navigation_of_a_group_that_may_more(user, given, watch, may_add_tags):
    group = given(Group, name="editors")
    given(type(user).groups.through, user=user, group=group)
    assert "add_tag" not in get_navigation_html(fresh(user))
    with watch(gone=[navigation(user)]):
        group.permissions.add(may_add_tags)
    assert "add_tag" in get_navigation_html(fresh(user))
