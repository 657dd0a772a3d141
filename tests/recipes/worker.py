#!/usr/bin/env python3
"""worker - one task in a process of its own, as a Celery worker would run it: worker.py TASK ARG...

Nothing of the web process is in here: what it changes reaches the cache as an event or not at all.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

import django

django.setup()

from django.db import transaction

from apps.shop.models import Product


def change_product(pk, *values):
    """values: NAME=VALUE"""
    with transaction.atomic():
        product = Product.objects.select_for_update().get(pk=pk)
        for name, value in (item.split("=", 1) for item in values):
            setattr(product, name, value)
        product.save()


TASKS = {"change_product": change_product}

if __name__ == "__main__":
    TASKS[sys.argv[1]](*sys.argv[2:])
