"""Dashboards and figures: of a user, of a day, and of a job."""
import datetime

import pytest
from unstale.django import publish

from apps.accounts.services import get_dashboard_stats
from apps.shop.caching import get_daily_stats
from apps.shop.models import Order

RULES = "dashboards"
NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.timezone.utc)
DAY = NOON.date()
NEXT = DAY + datetime.timedelta(days=1)


@pytest.fixture
def order(user, other_user, given):
    """An order of the first user; everybody's figures are in the cache."""
    made = given(Order, user=user, total="9.50", created_at=NOON)
    given(Order, user=other_user, total="1.00", created_at=NOON + datetime.timedelta(days=1))
    for one in (user, other_user):
        get_dashboard_stats(one)
    for day in (DAY, NEXT):
        get_daily_stats(day)
    return made


def of_user(user):
    return "dashboard:stats:%d" % user.pk


def of_day(day):
    return "stats:daily:%s" % day.isoformat()


@pytest.mark.recipe("Dashboards and figures", "order-dashboard")
@pytest.mark.parametrize("act", [
    lambda order: Order.objects.create(user=order.user, total="0.50", created_at=NOON),
    lambda order: Order.objects.bulk_create([Order(user=order.user, total=3, created_at=NOON)]),
    lambda order: Order.objects.filter(pk=order.pk).update(status="paid"),
    lambda order: Order.objects.filter(pk=order.pk).delete(),
], ids=["create", "bulk_create", "update", "delete"])
def test_a_users_figures(order, user, other_user, watch, act):
    with watch(gone=[of_user(user), of_day(DAY)]):
        act(order)
    orders = Order.objects.filter(user=user)
    assert get_dashboard_stats(user)["total_orders"] == orders.count()
    assert get_dashboard_stats(user)["pending_orders"] == orders.filter(status="pending").count()
    assert get_daily_stats(DAY)["orders"] == orders.count()


@pytest.mark.recipe("Dashboards and figures", "order-dashboard")
def test_an_order_that_changes_hands(order, user, other_user, watch):
    order.user = other_user
    with watch(gone=[of_user(user), of_user(other_user), of_day(DAY)]):
        order.save()
    assert get_dashboard_stats(user)["total_orders"] == 0
    assert get_dashboard_stats(other_user)["total_spent"] == 10.5


@pytest.mark.recipe("Dashboards and figures", "order-dashboard")
def test_a_change_that_is_not_counted(order, watch):
    order.note = "ring twice"
    with watch(gone=[of_day(DAY)]):
        order.save()


@pytest.mark.recipe("Dashboards and figures", "daily-stats")
def test_an_order_that_moves_to_another_day(order, user, watch):
    order.created_at = NOON + datetime.timedelta(days=1)
    with watch(gone=[of_day(DAY), of_day(NEXT)]):
        order.save()
    assert get_daily_stats(DAY)["orders"] == 0
    assert get_daily_stats(NEXT)["orders"] == 2


@pytest.mark.recipe("Dashboards and figures", "day-closed")
def test_a_day_that_is_closed(order, watch):
    with watch(gone=[of_day(NEXT)]):
        publish({"event": "stats_closed", "model": "shop.Stats", "pk": NEXT.isoformat(),
                 "meta": {"day": NEXT.isoformat()}})
