from django.db import models
from unstale.django import UnstaleManager


class SiteSetting(models.Model):
    key = models.CharField(max_length=50, unique=True)
    value = models.CharField(max_length=200)

    objects = UnstaleManager()
