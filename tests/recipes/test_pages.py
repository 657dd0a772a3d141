"""Cached pages: exact addresses, pages that vary, pages with any query, and for anonymous only."""
import hashlib

import pytest
from conftest import HOST
from django.test import Client
from django.utils import timezone

from apps.shop.models import Banner, Category, Order, Product
from ways import SOME_CHANGES

RULES = "pages"
SAME_PATTERNS = True
SITE = "https://shop.example"


@pytest.fixture
def tea(given):
    return given(Product, name="Green", category=given(Category, name="Teas"))


@pytest.fixture
def kept(keys):
    """`kept(address)`: the keys of every kept page of that address, in any language."""
    def find(*addresses):
        return [name for address in addresses
                for name in keys.like(hashlib.md5((SITE + address).encode()).hexdigest())]
    return find


@pytest.mark.recipe("Cached pages", "product-list-page")
@pytest.mark.parametrize("change", SOME_CHANGES.values(), ids=SOME_CHANGES)
def test_a_page(tea, given, page, kept, watch, change):
    mug = given(Product, name="Mug", category=tea.category)
    addresses = ["/products/", "/products/%d/" % tea.pk]
    Client().head("/products/", **HOST)
    for address in addresses + ["/products/%d/" % mug.pk]:
        page(address)
    going = kept(*addresses)
    assert len(going) == 5
    with watch(gone=going):
        change(tea, name="Sencha")
    assert all("Sencha" in page(address) for address in addresses)


@pytest.mark.recipe("Cached pages", "product-list-page")
def test_a_page_in_every_language(tea, page, kept, watch):
    page("/products/", HTTP_ACCEPT_LANGUAGE="en-us")
    page("/products/", HTTP_ACCEPT_LANGUAGE="pt-br")
    going = kept("/products/")
    assert {name[-9:] for name in going} == {"en-us.UTC", "pt-br.UTC"}
    with watch(gone=going):
        tea.delete()
    assert "Green" not in page("/products/", HTTP_ACCEPT_LANGUAGE="pt-br")


@pytest.mark.recipe("Cached pages", "home-page")
def test_a_page_for_anonymous_visitors_only(tea, user, given, login, page, kept, watch):
    banner = given(Banner, text="Old banner")
    visitor = login(user)
    assert "ada" in page("/", visitor)
    assert "anonymous" in page("/")
    going = kept("/")
    banner.text = "New banner"
    with watch(gone=going):
        banner.save()
    assert "New banner" in page("/") and "ada" in page("/", visitor)


@pytest.mark.recipe("Pages that vary", "product-agent-page")
def test_a_page_that_varies_on_a_header(tea, page, kept, watch):
    for agent in ("Firefox", "Lynx"):
        assert agent in page("/catalogue/", HTTP_USER_AGENT=agent)
    going = kept("/catalogue/")
    assert len(going) == 3
    tea.name = "Sencha"
    with watch(gone=going):
        tea.save()
    for agent in ("Firefox", "Lynx"):
        shown = page("/catalogue/", HTTP_USER_AGENT=agent)
        assert agent in shown and "Sencha" in shown


@pytest.mark.recipe("Pages that vary", "product-agent-page")
def test_the_header_is_named_too_late_in_the_first_tutorials_order(tea, page, keys):
    keys.reset()
    page("/catalogue/first/", HTTP_USER_AGENT="Firefox")
    assert "Firefox" in page("/catalogue/first/", HTTP_USER_AGENT="Lynx")


@pytest.mark.recipe("Pages that vary", "dashboard-page")
def test_a_page_that_varies_on_the_cookie(user, other_user, given, login, page, kept, watch):
    visitors = [login(one) for one in (user, other_user)]
    orders = [given(Order, user=one, total="9.50", created_at=timezone.now())
              for one in (user, other_user)]
    for visitor in visitors:
        page("/dashboard/", visitor)
    going = kept("/dashboard/")
    assert len(going) == 3
    orders[0].status = "paid"
    with watch(gone=going):
        orders[0].save()
    assert "paid 9.50" in page("/dashboard/", visitors[0])
    assert "pending 9.50" in page("/dashboard/", visitors[1])


@pytest.mark.recipe("Pages with any query", "product-search-pages")
def test_pages_with_any_query(tea, given, page, keys, kept, watch):
    for query in ("?q=Gr", "?q=een", ""):
        page("/search/" + query)
    going = keys.like(r"cache_page\.search\.")
    assert len(going) == 3
    tea.name = "Greener"
    with watch(gone=going):
        tea.save()
    assert "Greener" in page("/search/?q=een")
