"""cache - what a project's CACHES say of one alias, told by its settings alone: nothing connects."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.core.cache.backends.base import get_key_func

DEFAULT_TEMPLATE = "{prefix}:{version}:{key}"
_KEY, _PREFIX, _VERSION = "k~key~k", "p~prefix~p", 987654321
_SERIALIZERS = (("json", "json"), ("msgpack", "msgpack"), ("pickle", "pickle"))


class Alias:
    def __init__(self, name: str) -> None:
        self.name = name
        self.settings = settings.CACHES[name]
        self.options = self.settings.get("OPTIONS") or {}
        self.backend = str(self.settings.get("BACKEND", ""))
        self.is_django_redis = self.backend.startswith("django_redis.")
        self.is_redis = self.is_django_redis or self.backend.endswith(".redis.RedisCache")
        self.prefix = str(self.settings.get("KEY_PREFIX", ""))
        self.version = self.settings.get("VERSION", 1)
        self.client = str(self.options.get("CLIENT_CLASS", "")).rpartition(".")[2]

    def serializer(self) -> str | None:
        """How readers decode; None where it is the project's own."""
        named = self.options.get("SERIALIZER" if self.is_django_redis else "serializer")
        if named is None:
            return "pickle"
        text = str(named).rpartition(".")[2].lower()
        return next((name for part, name in _SERIALIZERS if part in text), None)

    def key_template(self) -> str | None:
        """KEY_FUNCTION as a template; None where it cannot be told from what it makes."""
        function = get_key_func(self.settings.get("KEY_FUNCTION"))
        try:
            made = str(function(_KEY, _PREFIX, _VERSION))
        except Exception:
            return None
        made = made.replace(_KEY, "{key}")
        for name in ("md5", "sha1", "sha256"):
            made = made.replace(hashlib.new(name, _KEY.encode()).hexdigest(), "{key|%s}" % name)
        made = made.replace(_PREFIX, "{prefix}").replace(str(_VERSION), "{version}")
        return made if "{key" in made else None

    def location(self) -> str:
        """Where it writes: the first of several."""
        found = self.settings.get("LOCATION", "")
        if isinstance(found, str) and not self.is_django_redis:
            found = found.replace(";", ",").split(",")
        return str(found if isinstance(found, str) else next(iter(found), ""))

    def database(self) -> int | None:
        options = {str(name).lower(): value for name, value in self.options.items()}
        pool = options.get("connection_pool_kwargs") or {}
        for chosen in (options.get("db"), pool.get("db")):
            if chosen is not None:
                return int(chosen)
        return database_of(self.location())


def database_of(url: str) -> int | None:
    """The number of the database that an address names; None where it cannot be read."""
    parts = urlsplit(url)
    chosen = parse_qs(parts.query).get("db")
    text = chosen[0] if chosen else "" if parts.scheme == "unix" else parts.path.strip("/")
    if text == "":
        return 0
    return int(text) if text.isdigit() else None
