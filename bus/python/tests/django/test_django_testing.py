"""What a project's own tests use: capture(), the fixture, assert_emitted()."""
import pytest
from django.test import TestCase
from shop.models import Product, Tag

from unstale.django import delivery
from unstale.testing import assert_emitted, capture, matching, unstale_events  # noqa: F401


class InATestCase(TestCase):
    """A transaction is open from the beginning and is never committed."""

    @classmethod
    def setUpTestData(cls):
        with capture():
            cls.product = Product.objects.create(name="a")

    def test_what_was_made_before_has_been_committed(self):
        self.product.name = "b"
        with capture() as events:
            self.product.save()
            self.assertEqual(events[0]["before"], {"name": "a"})
            self.product.name = "c"
            self.product.save()
        self.assertEqual([each["before"] for each in events], [{"name": "a"}, {"name": "b"}])

    def test_nothing_is_told_twice(self):
        with capture() as first:
            self.product.save()
        with capture() as second:
            Tag.objects.create(name="t")
        self.assertEqual(len(first), 1)
        self.assertEqual([each["model"] for each in second], ["shop.Tag"])

    def test_what_django_captures_counts_as_committed(self):
        sent = delivery.emitter()
        for name, before in (("b", "a"), ("c", "b")):
            sent.clear()
            with self.captureOnCommitCallbacks(execute=True):
                self.product.name = name
                self.product.save()
            self.assertEqual([each["before"] for each in sent], [{"name": before}])

    def test_captures_nest(self):
        with capture() as outer:
            self.product.save()
            with capture() as inner:
                Tag.objects.create(name="t")
            self.product.save()
        self.assertEqual((len(outer), len(inner)), (2, 1))


@pytest.mark.django_db
def test_the_fixture(unstale_events):  # noqa: F811
    Product.objects.create(name="a")
    found = assert_emitted(unstale_events, "shop.product", event="post_save",
                           after={"name": "a"}, times=1)
    assert found["created"] is True
    assert_emitted(unstale_events, "shop.Tag", times=0)


def test_a_failing_assertion_lists_what_was_emitted():
    events = [{"event": "post_save", "model": "shop.Product", "pk": 1, "changed": ["b", "a"]}]
    assert_emitted(events, changed=["a", "b"])
    assert matching(events, "shop.Tag") == []
    with pytest.raises(AssertionError, match=r"no event with .*'pk': 2.*\n.*'pk': 1"):
        assert_emitted(events, "shop.Product", pk=2)
    with pytest.raises(AssertionError, match="1 events instead of 2"):
        assert_emitted(events, times=2)
    with pytest.raises(AssertionError, match="none"):
        assert_emitted([], "shop.Product")
