"""The tutorials' cached views."""
from functools import wraps

from django.shortcuts import render
from django.views.decorators.cache import cache_page
from django.views.decorators.vary import vary_on_cookie, vary_on_headers

from apps.site.models import SiteSetting

from .models import Banner, Category, Product, Recommendation, SidebarItem


@cache_page(60 * 15)
@vary_on_headers("Accept-Language")
def product_list(request):
    products = Product.objects.filter(is_active=True).order_by("id")
    return render(request, "products/list.html", {"products": products})


@cache_page(60 * 15)
def product_detail(request, pk):
    return render(request, "products/list.html", {"products": [Product.objects.get(pk=pk)]})


@vary_on_headers("User-Agent")
@cache_page(60 * 15)
def catalogue_as_first_written(request):
    """The first tutorial's order: the header is added to what is kept already."""
    return catalogue_page(request)


@cache_page(60 * 15)
@vary_on_headers("User-Agent")
def catalogue(request):
    return catalogue_page(request)


def catalogue_page(request):
    products = Product.objects.order_by("id")
    agent = request.headers.get("User-Agent", "")
    return render(request, "products/list.html", {"products": products, "reader": agent})


@cache_page(60 * 15, key_prefix="search")
def search(request):
    products = Product.objects.filter(name__contains=request.GET.get("q", "")).order_by("id")
    return render(request, "products/list.html", {"products": products})


@cache_page(3600, key_prefix="dashboard")
@vary_on_cookie
def dashboard(request):
    orders = request.user.orders.order_by("id")
    return render(request, "dashboard.html", {"user_data": orders})


def cache_for_anonymous(timeout):
    def decorator(view_func):
        @wraps(view_func)
        def wrapper(request, *args, **kwargs):
            if request.user.is_authenticated:
                return view_func(request, *args, **kwargs)
            return cache_page(timeout)(view_func)(request, *args, **kwargs)
        return wrapper
    return decorator


@cache_for_anonymous(60 * 15)
def homepage(request):
    return render(request, "home.html", {
        "banners": Banner.objects.order_by("id"), "products": Product.objects.order_by("id")})


def sidebar(request):
    """Not cached as a whole: the template caches its fragments."""
    return render(request, "sidebar.html", {
        "items": SidebarItem.objects.order_by("id"),
        "footer": SiteSetting.objects.filter(key="footer").first()})


def product_recommendations(request, pk):
    recommendations = Recommendation.objects.filter(user=request.user).select_related("product")
    return render(request, "recommendations.html", {
        "product": Product.objects.get(pk=pk),
        "recommendations": recommendations.order_by("rank", "id")})


def category_products(request, pk):
    category = Category.objects.get(pk=pk)
    return render(request, "category.html", {
        "category": category, "products": category.product_set.order_by("id")})
