"""caches - each alias of CACHES against the cache of that name in the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings

from ... import labels
from . import Finding
from .cache import DEFAULT_TEMPLATE, Alias, database_of
from .rulefile import Rules


def check(rules: Rules, names: Mapping[str, str], targets: Mapping[str, str]) -> Iterator[Finding]:
    """`names`: aliases by the rules' names where they differ. `targets`: URLs of the service's
    Redis targets by name."""
    if not rules.caches and rules.uses:
        yield from _undeclared()
        return
    for name, cache in rules.caches.items():
        alias = names.get(name, name)
        if alias not in settings.CACHES:
            meant = labels.nearest(alias, settings.CACHES)
            hint = f'; did you mean "{meant}"?' if meant else "; --cache RULES=ALIAS says which it is"
            yield Finding("T0", _where(name), f'CACHES has no "{alias}"{hint}')
            continue
        found = Alias(alias)
        yield from _one(name, cache, found, rules)
        yield from _database(name, cache, found, targets)


def _where(name: str) -> str:
    return f'caches["{name}"]'


def _fix(name: str, **members: Any) -> dict[str, Any]:
    return {"caches": {name: members}}


def declaration(alias: Alias) -> dict[str, Any]:
    """What a rule file has to say of an alias."""
    members: dict[str, Any] = {"keys": "django", "prefix": alias.prefix, "version": alias.version}
    template = alias.key_template()
    if template not in (None, DEFAULT_TEMPLATE):
        members["key_function"] = template
    if alias.serializer():
        members["serializer"] = alias.serializer()
    return members


def _undeclared() -> Iterator[Finding]:
    for name in settings.CACHES:
        alias = Alias(name)
        if alias.is_redis:
            text = (f"the rules declare no caches, so they act on whole keys; Django's are"
                    f' "{alias.prefix}:{alias.version}:..."')
            yield Finding("T1", "caches", text, _fix(name, **declaration(alias)))


def _one(name: str, cache: dict[str, Any], alias: Alias, rules: Rules) -> Iterator[Finding]:
    if not alias.is_redis:
        text = f"{alias.backend} is not Redis: no rule reaches its keys"
        yield Finding("T0", f'CACHES["{alias.name}"]', text, "a backend that keeps keys in Redis")
        return
    if cache.get("keys", "raw") == "django":
        yield from _key(name, cache, alias)
    else:
        yield from _raw(name, cache, alias)
    yield from _values(name, cache, alias, rules)


def _key(name: str, cache: dict[str, Any], alias: Alias) -> Iterator[Finding]:
    prefix, versions = cache.get("prefix", ""), cache.get("version", 1)
    if prefix != alias.prefix:
        text = f'KEY_PREFIX is "{alias.prefix}", the rules say "{prefix}"'
        yield Finding("T1", _where(name), text, _fix(name, prefix=alias.prefix))
    if alias.version not in (versions if isinstance(versions, list) else [versions]):
        text = f"VERSION is {alias.version}, the rules say {versions}"
        yield Finding("T1", _where(name), text, _fix(name, version=alias.version))
    template, declared = alias.key_template(), cache.get("key_function", DEFAULT_TEMPLATE)
    if template is None:
        text = "what KEY_FUNCTION makes cannot be told; it must be a template in the rules"
        yield Finding("T1", _where(name), text, _fix(name, key_function="{prefix}...{key}"))
    elif template != declared:
        text = f"KEY_FUNCTION makes {template}, the rules say {declared}"
        yield Finding("T1", _where(name), text, _fix(name, key_function=template))


def _raw(name: str, cache: dict[str, Any], alias: Alias) -> Iterator[Finding]:
    template = alias.key_template() or DEFAULT_TEMPLATE
    start = template.partition("{key")[0].format(prefix=alias.prefix, version=alias.version)
    if not str(cache.get("prefix", "")).startswith(start):
        text = f'raw keys begin with "{cache.get("prefix", "")}"; those of Django with "{start}"'
        yield Finding("T1", _where(name), text, _fix(name, **declaration(alias)))


def _values(name: str, cache: dict[str, Any], alias: Alias, rules: Rules) -> Iterator[Finding]:
    verbs = {use.verb for use in rules.uses if use.cache == name}
    declared, real = cache.get("serializer"), alias.serializer()
    if real is None:
        if declared is not None or "refresh" in verbs:
            text = "its serializer is the project's own: what a refresh writes cannot be read"
            yield Finding("T6", _where(name), text, "delete instead of refresh")
    elif declared != real and (declared is not None or "refresh" in verbs):
        text = f"readers decode {real}, a refresh writes {declared or 'nothing'}: every get fails"
        yield Finding("T6", _where(name), text, _fix(name, serializer=real))
    if alias.client == "HerdClient" and verbs & {"refresh", "bump"}:
        text = "HerdClient wraps values, counters too: neither refresh nor bump can be read"
        yield Finding("T6", _where(name), text, "delete instead, or DefaultClient")
    if alias.client == "ShardClient":
        text = "ShardClient spreads keys over servers: one cache of the rules for each is needed"
        yield Finding("T0", _where(name), text, "a cache and a redis target for each server")


def _database(
    name: str, cache: dict[str, Any], alias: Alias, targets: Mapping[str, str]
) -> Iterator[Finding]:
    target = str(cache.get("redis", "default"))
    if not alias.is_redis or target not in targets:
        return
    ours, theirs = alias.database(), database_of(targets[target])
    if ours is not None and theirs is not None and ours != theirs:
        text = (f'the project keeps it in database {ours}, the service\'s target "{target}" is'
                f" database {theirs}: nothing is ever deleted")
        url = targets[target].partition("?")[0].rstrip("/")
        base = url[: -len(str(theirs)) - 1] if url.endswith(f"/{theirs}") else url
        yield Finding("T0", _where(name), text, {"redis": {target: {"url": f"{base}/{ours}"}}})
