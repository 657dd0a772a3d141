"""What the tutorials cache of products: objects, lists, locks, figures."""
from django.core.cache import cache
from django.db.models import Sum

from apps.memo import CachedQuerySet, get_or_wait, get_with_lock

from .models import Order, Product, Rate, Review, Sale, Stock


def get_active_products():
    cache_key = "active_products"
    products = cache.get(cache_key)
    if products is None:
        products = list(Product.objects.filter(active=True).order_by("id"))
        cache.set(cache_key, products, timeout=60 * 15)
    return products


def get_product(pk):
    return cache.get_or_set(f"product_{pk}", lambda: Product.objects.get(pk=pk), timeout=300)


def get_product_dict(pk):
    return cache.get_or_set(f"product:{pk}", lambda: Product.objects.values("name").get(pk=pk), 3600)


def get_featured_products():
    return CachedQuerySet(
        Product.objects.filter(is_featured=True).select_related("category").order_by("id"),
        "products:featured",
        timeout=60 * 15,
    ).get()


def get_category_products(category_id):
    return cache.get_or_set(
        f"products:category:{category_id}",
        lambda: list(Product.objects.filter(category_id=category_id).order_by("id")), 900)


def get_category_page(category_id, page, size=2):
    def read():
        found = Product.objects.filter(category_id=category_id).order_by("id")
        return list(found[(page - 1) * size:page * size])
    return cache.get_or_set(f"products:category:{category_id}:page:{page}", read, 900)


def get_stock(product_id):
    return cache.get_or_set(
        f"product:{product_id}:stock",
        lambda: Stock.objects.values_list("quantity", flat=True).get(product_id=product_id), 60)


def get_tag_products(tag_id):
    return cache.get_or_set(
        f"tag:{tag_id}:products",
        lambda: list(Product.objects.filter(tags=tag_id).order_by("id")), 900)


def compute_expensive_data():
    return {"sum": Rate.objects.aggregate(sum=Sum("value"))["sum"] or 0}


def get_expensive_data(compute=compute_expensive_data):
    return get_with_lock("expensive_data", compute, timeout=300)


def get_expensive_variant(name):
    return get_with_lock(f"expensive_data:{name}", compute_expensive_data, timeout=300)


def compute_expensive_report():
    return {"sum": Sale.objects.aggregate(sum=Sum("amount"))["sum"] or 0}


def get_expensive_report(compute=compute_expensive_report):
    return get_or_wait("expensive_report", compute)


def get_reviews(product_id, page):
    return cache.get_or_set(
        f"reviews:{product_id}:page:{page}",
        lambda: list(Review.objects.filter(product_id=product_id).values_list("text", flat=True)),
        3600)


def get_daily_stats(date):
    def read():
        orders = Order.objects.filter(created_at__date=date)
        return {"orders": orders.count(), "total": orders.aggregate(t=Sum("total"))["t"] or 0}
    return cache.get_or_set(f"stats:daily:{date.isoformat()}", read, 86400)
