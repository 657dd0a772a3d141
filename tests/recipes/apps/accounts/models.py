from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models import Sum
from unstale.django import UnstaleManager, UnstaleQuerySet

from apps.memo import cached_method


class Users(UserManager.from_queryset(UnstaleQuerySet)):
    """A named class, so that migrations find it."""


class User(AbstractUser):
    updated_at = models.DateTimeField(auto_now=True)

    objects = Users()

    @cached_method(timeout=300)
    def get_order_stats(self):
        return {
            "total": self.orders.count(),
            "total_value": self.orders.aggregate(Sum("total"))["total__sum"],
        }


class UserProfile(models.Model):
    user = models.OneToOneField(User, on_delete=models.CASCADE)
    bio = models.CharField(max_length=200, default="")

    objects = UnstaleManager()
