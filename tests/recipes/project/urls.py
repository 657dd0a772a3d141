from django.contrib import admin
from django.urls import path

from apps.shop import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", views.homepage),
    path("products/", views.product_list),
    path("products/<int:pk>/", views.product_detail),
    path("catalogue/", views.catalogue),
    path("catalogue/first/", views.catalogue_as_first_written),
    path("search/", views.search),
    path("dashboard/", views.dashboard),
    path("sidebar/", views.sidebar),
    path("recommendations/<int:pk>/", views.product_recommendations),
    path("category/<int:pk>/", views.category_products),
]
