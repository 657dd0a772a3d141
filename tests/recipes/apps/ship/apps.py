from django.apps import AppConfig


class ShipConfig(AppConfig):
    name = "apps.ship"
    label = "ship"
