"""One dictionary of all settings."""
from django.core.cache import cache

from .models import SiteSetting


def get_site_settings():
    key = "site:settings"
    settings = cache.get(key)
    if settings is None:
        settings = {s.key: s.value for s in SiteSetting.objects.all()}
        cache.set(key, settings, timeout=60 * 60)
    return settings
