"""verbs - what rules do to keys, and what it misses or hits besides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings

from . import Finding
from .cache import Alias, database_of
from .rulefile import Rules, Use

_COUNTER = re.compile(r"(^|[:_.-])(v|ver|version|generation)$", re.I)
_NEW_ONLY = re.compile(r"\{after\.(\w+_id)\b")
_HEADER = "views.decorators.cache.cache_header"


def check(rules: Rules, names: Mapping[str, str]) -> Iterator[Finding]:
    bumped = {(use.cache, use.template) for use in rules.uses if use.verb == "bump"}
    for use in rules.uses:
        if use.template is None:
            continue
        yield from _prefixed(use, rules, names)
        yield from _counter(use, bumped)
        yield from _new_only(use, rules)
        yield from _header(use)
    yield from _neighbours(rules, names)


def _where(use: Use) -> str:
    return f'rule "{use.rule}", {use.verb}'


def _prefixed(use: Use, rules: Rules, names: Mapping[str, str]) -> Iterator[Finding]:
    alias = names.get(use.cache, use.cache)
    if rules.caches.get(use.cache, {}).get("keys") != "django" or alias not in settings.CACHES:
        return
    found, template = Alias(alias), str(use.template)
    for start in (f"{found.prefix}:{found.version}:", f"{found.prefix}:"):
        if start != ":" and template.startswith(start):
            text = f'"{template}" has the prefix in it, which a django cache adds by itself'
            yield Finding("T1", _where(use), text, {use.verb: template[len(start) :]})
            return


def _counter(use: Use, bumped: set[tuple[str, str | None]]) -> Iterator[Finding]:
    template = str(use.template)
    if use.verb == "delete" and _COUNTER.search(template):
        text = (f'"{template}" looks like a version counter: without it readers begin at their'
                " default again, and find the values of that version")
        yield Finding("T2", _where(use), text, {"bump": {"key": template, "start": 1}})
    if use.verb in ("expire", "refresh") and (use.cache, template) in bumped:
        text = f'"{template}" is a counter that rules bump: it must not expire'
        yield Finding("T3", _where(use), text, f"no {use.verb} of it")


def _new_only(use: Use, rules: Rules) -> Iterator[Finding]:
    template = str(use.template)
    for name in _NEW_ONLY.findall(template):
        has_old = any(other.rule == use.rule and f"{{before.{name}" in str(other.template)
                      for other in rules.uses)
        if use.verb in ("delete", "purge") and not has_old:
            text = f'"{template}" is the new one only: that of the old {name} stays'
            fixed = template.replace("{after.%s" % name, "{%s" % name)
            yield Finding("T5", _where(use), text, {use.verb: fixed})


def _header(use: Use) -> Iterator[Finding]:
    if use.verb in ("delete", "purge") and _HEADER in str(use.template):
        text = "what cache_page keeps of a page's headers is not the page: others still get the old"
        fix = {"delete": {"page": "https://shop.example/products/", "vary": True}}
        yield Finding("T9", _where(use), text, fix)


def _neighbours(rules: Rules, names: Mapping[str, str]) -> Iterator[Finding]:
    """Sessions and queues that share a database with keys that patterns are let loose on."""
    for name, cache in rules.caches.items():
        alias = names.get(name, name)
        if alias not in settings.CACHES or not Alias(alias).is_redis:
            continue
        broad = [use for use in rules.uses if use.cache == name and _is_broad(use)]
        shared = list(_sharing(Alias(alias)))
        if shared and (broad or cache.get("allow_broad")):
            rule = f'rule "{broad[0].rule}"' if broad else "allow_broad"
            text = f"{rule} has patterns that may reach anything, beside {', '.join(shared)}"
            fix: Any = {"caches": {name: {"allow_broad": False}}}
            yield Finding("T7", f'caches["{name}"]', text, fix)


def _is_broad(use: Use) -> bool:
    return use.verb in ("purge", "expire") and len(re.split(r"[*?\[{]", str(use.template))[0]) < 3


def _sharing(alias: Alias) -> Iterator[str]:
    place = _place(alias.location(), alias.database())
    if str(settings.SESSION_ENGINE).rpartition(".")[2] in ("cache", "cached_db"):
        name = settings.SESSION_CACHE_ALIAS
        if name in settings.CACHES:
            sessions = Alias(name)
            if _place(sessions.location(), sessions.database()) == place:
                yield "the sessions"
    for name in ("CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "BROKER_URL"):
        url = str(getattr(settings, name, "") or "")
        if url.startswith("redis") and _place(url, database_of(url)) == place:
            yield name


def _place(url: str, database: int | None) -> tuple[str, int | None]:
    return url.partition("://")[2].rpartition("@")[2].partition("/")[0].partition("?")[0], database
