"""An exchange rate is another service's answer; RATES stands for that service."""
from django.core.cache import cache
from django.db import models
from unstale.django import UnstaleManager

RATES = {}


class Rate(models.Model):
    """What a job noted when it last asked that service."""

    base = models.CharField(max_length=3)
    quote = models.CharField(max_length=3)
    rate = models.DecimalField(max_digits=12, decimal_places=6)

    objects = UnstaleManager()


def get_exchange_rate(from_currency, to_currency):
    key = f"exchange_rate:{from_currency}:{to_currency}"
    rate = cache.get(key)
    if rate is None:
        rate = RATES[from_currency, to_currency]
        cache.set(key, rate, timeout=60 * 60)
    return rate
