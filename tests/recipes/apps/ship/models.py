from django.db import models
from unstale.django import UnstaleManager

from apps.memo import cache_result


class Tariff(models.Model):
    carrier = models.CharField(max_length=20)
    price = models.IntegerField()

    objects = UnstaleManager()


@cache_result(timeout=3600, prefix="calculations")
def calculate_shipping(weight, destination, carrier):
    return int(weight * Tariff.objects.get(carrier=carrier).price)
