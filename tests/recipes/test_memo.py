"""Methods and functions: results under class, id and method, or under a hash of the arguments."""
import datetime
import json
from hashlib import md5

import pytest
from unstale.django import publish

from apps.shop.models import Order
from apps.ship.models import Tariff, calculate_shipping

RULES = "memo"
NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.timezone.utc)


def of_user(user):
    return "User:%d:get_order_stats" % user.pk


def of_call(*args, **kwargs):
    call = json.dumps({"args": args, "kwargs": kwargs}, sort_keys=True)
    return "calculations:calculate_shipping:" + md5(call.encode()).hexdigest()


@pytest.mark.recipe("Methods and functions", "cached-method")
@pytest.mark.parametrize("act", [
    lambda user: Order.objects.create(user=user, total="0.50", created_at=NOON),
    lambda user: Order.objects.filter(user=user).update(total="7.00"),
    lambda user: user.orders.all().delete(),
    lambda user: user.orders.get().delete(),
], ids=["create", "update", "delete all", "delete one"])
def test_a_method(user, other_user, given, watch, act):
    for one in (user, other_user):
        given(Order, user=one, total="9.50", created_at=NOON)
        assert one.get_order_stats()["total"] == 1
    with watch(gone=[of_user(user)]):
        act(user)
    rows = list(Order.objects.filter(user=user).values_list("total", flat=True))
    assert user.get_order_stats() == {"total": len(rows), "total_value": sum(rows) or None}


@pytest.mark.recipe("Methods and functions", "cached-method")
def test_a_method_of_both_users(user, other_user, given, watch):
    order = given(Order, user=user, total="9.50", created_at=NOON)
    for one in (user, other_user):
        one.get_order_stats()
    with watch(gone=[of_user(user), of_user(other_user)]):
        order.user = other_user
        order.save()
    assert other_user.get_order_stats()["total"] == 1


@pytest.fixture
def tariff(given):
    given(Tariff, carrier="bike", price=7)
    return given(Tariff, carrier="post", price=2)


@pytest.mark.recipe("Methods and functions", "shipping-prices")
def test_a_function_of_which_any_result_may_be_old(tariff, watch):
    assert calculate_shipping(2.5, "AT", carrier="post") == 5
    assert calculate_shipping(1, "DE", "bike") == 7
    with watch(gone=[of_call(2.5, "AT", carrier="post"), of_call(1, "DE", "bike")]):
        Tariff.objects.filter(pk=tariff.pk).update(price=4)
    assert calculate_shipping(2.5, "AT", carrier="post") == 10


@pytest.mark.recipe("Methods and functions", "shipping-price")
def test_one_result_of_a_function(tariff, watch):
    calculate_shipping(2.5, "Graz & \u00d6tz", "post")
    calculate_shipping(2.5, "AT", "post")
    with watch(gone=[of_call(2.5, "Graz & \u00d6tz", "post")]):
        publish({"event": "price_changed", "model": "ship.Quote", "pk": 1,
                 "meta": {"call": {"args": [2.5, "Graz & \u00d6tz", "post"], "kwargs": {}}}})
