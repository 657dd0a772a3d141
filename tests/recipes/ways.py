"""Ways of changing and deleting a product, by name: whatever a project does beside `save()`."""
import os
import sys

import stack as servers
from django.contrib.auth import get_user_model
from django.test import Client
from lib import process

from apps.shop.models import Product

HERE = os.path.dirname(os.path.abspath(__file__))


def save(product, **values):
    for name, value in values.items():
        setattr(product, name, value)
    product.save()


def save_of_a_row_just_read(product, **values):
    save(Product.objects.get(pk=product.pk), **values)


def update_fields(product, **values):
    for name, value in values.items():
        setattr(product, name, value)
    product.save(update_fields=list(values))


def queryset_update(product, **values):
    Product.objects.filter(pk=product.pk).update(**values)


def bulk_update(product, **values):
    for name, value in values.items():
        setattr(product, name, value)
    Product.objects.bulk_update([product], list(values))


def update_or_create(product, **values):
    Product.objects.update_or_create(pk=product.pk, defaults=values)


def in_the_admin(product, **values):
    client = staff()
    data = {"name": product.name, "price": product.price, "category": product.category_id,
            "active": "on", "is_active": "on", "is_featured": "on", "tags": []}
    if "category_id" in values:
        values["category"] = values.pop("category_id")
    data.update(values)
    answer = client.post("/admin/shop/product/%d/change/" % product.pk, data)
    assert answer.status_code == 302, answer.content.decode()


def in_another_process(product, **values):
    worker("change_product", product.pk, *("%s=%s" % item for item in values.items()))


def worker(task, *arguments):
    """A task in a process of its own, as a Celery worker would run it."""
    code, out, err = process.run(
        [sys.executable, os.path.join(HERE, "worker.py"), task] + [str(word) for word in arguments])
    assert code == 0, out + err


def staff():
    """A visitor who may do everything; that user's row is there all along."""
    model = get_user_model()
    boss, = model._base_manager.bulk_create(
        [model(username="boss", is_staff=True, is_superuser=True)])
    client = Client()
    client.force_login(boss)
    return client


def delete(product):
    product.delete()


def queryset_delete(product):
    Product.objects.filter(pk=product.pk).delete()


def delete_in_the_admin(product):
    answer = staff().post("/admin/shop/product/%d/delete/" % product.pk, {"post": "yes"})
    assert answer.status_code == 302, answer.content.decode()


def delete_by_an_admin_action(product):
    answer = staff().post("/admin/shop/product/", {
        "action": "delete_selected", "_selected_action": [product.pk], "post": "yes"})
    assert answer.status_code == 302, answer.content.decode()


CHANGES = {way.__name__: way for way in (
    save, save_of_a_row_just_read, update_fields, queryset_update, bulk_update, update_or_create,
    in_the_admin, in_another_process)}
DELETES = {way.__name__: way for way in (
    delete, queryset_delete, delete_in_the_admin, delete_by_an_admin_action)}
# Where it is not the way that is tested: one by signals, one without, one from elsewhere.
SOME_CHANGES = {name: CHANGES[name] for name in ("save", "queryset_update", "in_another_process")}
SOME_DELETES = {name: DELETES[name] for name in ("delete", "delete_by_an_admin_action")}
