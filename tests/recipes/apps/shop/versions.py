"""Keys with a counter in them: of all products, of a category, and one that is read once."""
from django.core.cache import cache

from .models import Product


def get_cache_version():
    return cache.get("products_version", 1)


def get_products():
    version = get_cache_version()
    key = f"products_v{version}"
    products = cache.get(key)
    if products is None:
        products = list(Product.objects.all().order_by("id"))
        cache.set(key, products)
    return products


def get_category_products(category_id):
    version = cache.get(f"category:{category_id}:version", 1)
    key = f"products:category:{category_id}:v{version}"
    return cache.get_or_set(
        key, lambda: list(Product.objects.filter(category_id=category_id).order_by("id")), 900)


class Catalogue:
    """The second tutorial's module: what it reads on import stays for the life of the process."""

    def __init__(self):
        self.product_cache_version = cache.get("product_cache_version", 1)

    def get_product(self, product_id):
        key = f"product:{product_id}:v{self.product_cache_version}"
        product = cache.get(key)
        if product is None:
            product = Product.objects.get(id=product_id)
            cache.set(key, product, timeout=3600)
        return product
