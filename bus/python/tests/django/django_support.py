"""What the tests of unstale.django share: a little shop, settings, what an action publishes."""
from django.db import transaction
from django.test import override_settings
from shop.models import Category, Product, Tag

from unstale.testing import capture

SETTINGS = {"BROKERS": "127.0.0.1:1", "MODELS": ["shop.*", "auth.*"]}


def with_settings(**more):
    return override_settings(UNSTALE={**SETTINGS, **more})


class Shop:
    """What a test finds: a category, a product in it, two tags; and what has been sent by now."""

    def __init__(self, alias, sent):
        self.alias = alias
        self.sent = sent
        self.category = Category.objects.create(name="tea")
        self.product = Product.objects.create(name="a", price=1, category=self.category)
        self.product = Product.objects.get(pk=self.product.pk)
        self.tags = [Tag.objects.create(name=name) for name in ("x", "y")]

    @property
    def tag_pks(self):
        return [tag.pk for tag in self.tags]

    def atomic(self, **options):
        return transaction.atomic(using=self.alias, **options)


def of(event):
    """An event without time and id."""
    return {name: value for name, value in event.items() if name not in ("ts", "id")}


def published(action):
    with capture() as events:
        action()
    return [of(event) for event in events]


def only(action):
    events = published(action)
    assert len(events) == 1, events
    return events[0]
