"""Write-through of a dictionary, and a reader that shares its shape."""
from django.core.cache import cache
from django.db import transaction
from unstale.django import publish
from unstale.django.events import event_of

from .models import Product


class ProductService:
    @staticmethod
    def update_product(product, **data):
        for key, value in data.items():
            setattr(product, key, value)
        product.save()
        cache_data = ProductService.build_cache_data(product)
        cache.set(f"product:{product.id}", cache_data, timeout=60 * 60)
        return product

    @staticmethod
    def build_cache_data(product):
        return {
            "id": product.id,
            "name": product.name,
            "price": str(product.price),
            "category": product.category.name,
        }

    @staticmethod
    def get_product_data(product_id):
        data = cache.get(f"product:{product_id}")
        if data is None:
            product = Product.objects.select_related("category").get(pk=product_id)
            data = ProductService.build_cache_data(product)
            cache.set(f"product:{product_id}", data, timeout=60 * 60)
        return data

    @staticmethod
    def event(product):
        """An event that says what the cached dictionary needs and the row has not."""
        return dict(event_of(product), meta={"category_name": product.category.name})

    @staticmethod
    def update_and_tell(product, **data):
        """The same without writing to the cache: the event does it."""
        with transaction.atomic():
            for key, value in data.items():
                setattr(product, key, value)
            product.save()
            publish(ProductService.event(product))
        return product
