"""The project of both tutorials, on PostgreSQL and Redis.

Addresses come from the environment: UNSTALE_TEST_POSTGRES names the database, RECIPES_REDIS the
Redis, RECIPES_BACKEND one of CACHES_BY_BACKEND, RECIPES_TOPIC the topic of events. The tests switch
between the backends while they run.
"""
import os
from urllib.parse import urlsplit

BASE_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SECRET_KEY = "for tests only"
DEBUG = False
ALLOWED_HOSTS = ["shop.example", "testserver", "127.0.0.1"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "unstale.django",
    "apps.accounts",
    "apps.shop",
    "apps.site",
    "apps.blog",
    "apps.fx",
    "apps.ship",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "project.urls"
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "DIRS": [os.path.join(BASE_DIR, "templates")],
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

_url = urlsplit(os.environ["UNSTALE_TEST_POSTGRES"])
DATABASES = {"default": {
    "ENGINE": "django.db.backends.postgresql",
    "HOST": _url.hostname,
    "PORT": _url.port,
    "USER": _url.username,
    "NAME": _url.path[1:],
}}
# Tables are made from the models alone, so that the apps here need no migrations.
MIGRATION_MODULES = {name: None for name in (
    "admin", "auth", "contenttypes", "sessions", "unstale")}

LANGUAGE_CODE = "en-us"
LANGUAGES = [("en-us", "English"), ("pt-br", "Portuguese")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

REDIS_URL = os.environ.get("RECIPES_REDIS", "redis://127.0.0.1:6379/1")
DJANGO_REDIS = {
    "BACKEND": "django_redis.cache.RedisCache",
    "LOCATION": REDIS_URL,
    "OPTIONS": {
        "CLIENT_CLASS": "django_redis.client.DefaultClient",
        "SOCKET_CONNECT_TIMEOUT": 5,
        "SOCKET_TIMEOUT": 5,
    },
    "KEY_PREFIX": "myapp",
}
OWN_REDIS = {
    "BACKEND": "django.core.cache.backends.redis.RedisCache",
    "LOCATION": REDIS_URL,
    "KEY_PREFIX": "myapp",
}
PRODUCTION = {
    "BACKEND": "django_redis.cache.RedisCache",
    "LOCATION": REDIS_URL,
    "OPTIONS": {
        "CLIENT_CLASS": "django_redis.client.DefaultClient",
        "COMPRESSOR": "django_redis.compressors.zlib.ZlibCompressor",
        "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
    },
    "KEY_PREFIX": "prod",
    "TIMEOUT": 60 * 15,
}
CACHES_BY_BACKEND = {
    "django-redis": {"default": DJANGO_REDIS},
    "django": {"default": OWN_REDIS},
    "production": {"default": PRODUCTION},
}
CACHES = CACHES_BY_BACKEND[os.environ.get("RECIPES_BACKEND", "django-redis")]

SESSION_ENGINE = "django.contrib.sessions.backends.cache"
SESSION_CACHE_ALIAS = "default"

UNSTALE = {
    "BROKERS": os.environ.get("UNSTALE_TEST_BROKERS", "127.0.0.1:9092"),
    "TOPIC": os.environ.get("RECIPES_TOPIC", "model-events"),
    "MODELS": ["shop.*", "accounts.*", "site.*", "blog.*", "fx.*", "ship.*",
               "auth.Group", "sessions.Session"],
    "VERSION_FIELD": {"shop.Product": "revision"},
}
