"""The Django project of the package's tests: sqlite in memory, and PostgreSQL where there is one.

A test chooses its database with the fixture `alias`; the router sends everything there.
"""
import os
from urllib.parse import unquote, urlsplit

SECRET_KEY = "tests"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "unstale.django",
    "shop",
]
MIDDLEWARE = []
MIGRATION_MODULES = {"contenttypes": None, "auth": None, "shop": None}
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DATABASE_ROUTERS = ["shop.router.Router"]
UNSTALE = {"BROKERS": "127.0.0.1:1", "MODELS": ["shop.*", "auth.*"]}


def postgres(url):
    parts = urlsplit(url)
    query = dict(each.split("=", 1) for each in parts.query.split("&") if "=" in each)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/") or "postgres",
        "USER": unquote(parts.username or query.get("user", "")),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or "") or unquote(query.get("host", "")),
        "PORT": str(parts.port or query.get("port", "")),
    }


if os.environ.get("UNSTALE_TEST_POSTGRES"):
    DATABASES["postgres"] = postgres(os.environ["UNSTALE_TEST_POSTGRES"])
