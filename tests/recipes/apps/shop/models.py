from django.db import models
from unstale.django import UnstaleManager


class Category(models.Model):
    name = models.CharField(max_length=100)
    updated_at = models.DateTimeField(auto_now=True)

    objects = UnstaleManager()


class Tag(models.Model):
    name = models.CharField(max_length=100)

    objects = UnstaleManager()


class Product(models.Model):
    name = models.CharField(max_length=255)
    price = models.DecimalField(max_digits=10, decimal_places=2, default="1.00")
    category = models.ForeignKey(Category, on_delete=models.CASCADE)
    active = models.BooleanField(default=True)
    is_active = models.BooleanField(default=True)
    is_featured = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    revision = models.PositiveIntegerField(default=0)
    tags = models.ManyToManyField(Tag, related_name="products", blank=True)

    objects = UnstaleManager()

    def save(self, *args, **kwargs):
        self.revision += 1
        super().save(*args, **kwargs)

    def __str__(self):
        return self.name


class Stock(models.Model):
    product = models.OneToOneField(Product, on_delete=models.CASCADE)
    quantity = models.PositiveIntegerField(default=0)

    objects = UnstaleManager()


class Order(models.Model):
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="orders")
    total = models.DecimalField(max_digits=10, decimal_places=2)
    status = models.CharField(max_length=20, default="pending")
    note = models.CharField(max_length=100, default="")
    created_at = models.DateTimeField()

    objects = UnstaleManager()


class SidebarItem(models.Model):
    text = models.CharField(max_length=100)

    objects = UnstaleManager()


class Recommendation(models.Model):
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE)
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    rank = models.PositiveIntegerField(default=0)

    objects = UnstaleManager()


class Banner(models.Model):
    text = models.CharField(max_length=100)

    objects = UnstaleManager()


class Review(models.Model):
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    text = models.CharField(max_length=100)

    objects = UnstaleManager()


class Rate(models.Model):
    value = models.IntegerField()

    objects = UnstaleManager()


class Sale(models.Model):
    amount = models.IntegerField()

    objects = UnstaleManager()
