"""The shop of the two caching tutorials, and models that are odd in one way or another."""
import uuid

import django
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models

from unstale.django import UnstaleManager, UnstaleQuerySetMixin


class Category(models.Model):
    name = models.CharField(max_length=100)
    updated_at = models.DateTimeField(auto_now=True)

    objects = UnstaleManager()


class Tag(models.Model):
    name = models.CharField(max_length=50)


class Product(models.Model):
    name = models.CharField(max_length=255)
    price = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    stock = models.IntegerField(default=0)
    is_featured = models.BooleanField(default=False)
    category = models.ForeignKey(Category, models.CASCADE, null=True)
    tags = models.ManyToManyField(Tag)
    created_at = models.DateTimeField(auto_now_add=True)
    cache_version = models.PositiveIntegerField(default=1)

    objects = UnstaleManager()


class Book(Product):
    isbn = models.CharField(max_length=20)


class ProductProxy(Product):
    class Meta:
        proxy = True


class Review(models.Model):
    product = models.ForeignKey(Product, models.CASCADE)
    text = models.TextField(default="")


class Note(models.Model):
    """Loses its category without a signal."""
    category = models.ForeignKey(Category, models.SET_NULL, null=True)
    text = models.CharField(max_length=50, default="")


class AbstractBase(models.Model):
    title = models.CharField(max_length=50)

    class Meta:
        abstract = True


class Impl(AbstractBase):
    pass


class Person(models.Model):
    """Friendship goes both ways; following does not."""
    name = models.CharField(max_length=50)
    friends = models.ManyToManyField("self")
    follows = models.ManyToManyField("self", symmetrical=False, related_name="followers")


class Group(models.Model):
    members = models.ManyToManyField(Person, through="Membership")


class Membership(models.Model):
    person = models.ForeignKey(Person, models.CASCADE)
    group = models.ForeignKey(Group, models.CASCADE)
    since = models.DateField(null=True)


class Account(models.Model):
    """Holds what must not leave the process."""
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField()
    password = models.CharField(max_length=128, default="")
    api_token = models.CharField(max_length=64, default="")
    status = models.CharField(max_length=10, default="new")

    objects = UnstaleManager()


class Status(models.TextChoices):
    NEW = "new", "New"
    OLD = "old", "Old"


class Level(models.IntegerChoices):
    LOW = 1
    HIGH = 2


class Everything(models.Model):
    """One field of each kind."""
    text = models.TextField(default="")
    choice = models.CharField(max_length=3, choices=Status.choices, default=Status.NEW)
    level = models.IntegerField(choices=Level.choices, default=Level.LOW)
    decimal = models.DecimalField(max_digits=12, decimal_places=3, null=True)
    number = models.FloatField(null=True)
    big = models.BigIntegerField(null=True)
    flag = models.BooleanField(null=True)
    moment = models.DateTimeField(null=True)
    day = models.DateField(null=True)
    hour = models.TimeField(null=True)
    span = models.DurationField(null=True)
    key = models.UUIDField(null=True)
    data = models.JSONField(null=True)
    raw = models.BinaryField(null=True)
    file = models.FileField(null=True)
    address = models.GenericIPAddressField(null=True)


class Comment(models.Model):
    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.PositiveIntegerField()
    about = GenericForeignKey()
    text = models.CharField(max_length=50)


class Page(models.Model):
    title = models.CharField(max_length=50)
    comments = GenericRelation(Comment)


class OwnQuerySet(UnstaleQuerySetMixin, models.QuerySet):
    def cheap(self):
        return self.filter(price__lt=5)


class Offer(models.Model):
    """A query set of its own, and a key that is no id."""
    code = models.CharField(max_length=20, primary_key=True)
    price = models.DecimalField(max_digits=6, decimal_places=2)
    replaces = models.ForeignKey("self", models.SET_NULL, null=True)

    objects = models.Manager.from_queryset(OwnQuerySet)()


class Plain(models.Model):
    """Has Django's own manager."""
    name = models.CharField(max_length=20)


if django.VERSION >= (5, 2):

    class Line(models.Model):
        pk = models.CompositePrimaryKey("order", "number")
        order = models.IntegerField()
        number = models.IntegerField()
        amount = models.IntegerField(default=1)

        objects = UnstaleManager()


if django.VERSION >= (5, 0):

    class Square(models.Model):
        side = models.IntegerField()
        area = models.GeneratedField(
            expression=models.F("side") * models.F("side"),
            output_field=models.IntegerField(),
            db_persist=True,
        )
        label = models.CharField(max_length=10, db_default="none")

        objects = UnstaleManager()
