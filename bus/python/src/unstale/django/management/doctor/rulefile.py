"""rulefile - rule files as the doctor reads them: caches, and each key template with its rule.

Comments and commas at the end are taken as in .jsonc. Whether a file is right is for
`unstale check` to say; here, what has another shape than expected is passed over.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_COMMENT = r"//[^\n]*|/\*(?:(?!\*/).)*\*/"
_TOKEN = re.compile(rf'"(?:[^"\\]|\\.)*"|{_COMMENT}|,(?=(?:\s|{_COMMENT})*[}}\]])', re.S)
#: Which member of a verb's object is its key.
KEY_MEMBERS = {
    "delete": ("key",), "refresh": ("key",), "bump": ("key",), "expire": ("key", "pattern"),
    "purge": ("pattern",), "purge_tag": ("tag",),
}


class Use(NamedTuple):
    """One verb of a rule. `template` is None where a builder such as `page` names the keys."""

    rule: str
    cache: str
    verb: str
    template: str | None
    action: dict[str, Any]


class Rules(NamedTuple):
    caches: dict[str, dict[str, Any]]
    uses: list[Use]


def plain_json(text: str) -> str:
    """JSON without the comments and the last commas."""
    return _TOKEN.sub(lambda found: found[0] if found[0].startswith('"') else " ", text)


def read_json(path: str) -> Any:
    with open(path, encoding="utf-8-sig") as file:
        return json.loads(plain_json(file.read()))


def files(paths: list[str]) -> Iterator[str]:
    for path in paths:
        if not os.path.isdir(path):
            yield path
            continue
        for name in sorted(os.listdir(path)):
            if name.endswith((".json", ".jsonc")) and not re.search(r"_test\.jsonc?$", name):
                yield os.path.join(path, name)


def read(paths: list[str]) -> Rules:
    caches: dict[str, dict[str, Any]] = {}
    uses: list[Use] = []
    default = "default"
    documents = [found for found in map(read_json, files(paths)) if isinstance(found, dict)]
    for each in documents:
        caches.update({name: cache for name, cache in _object(each.get("caches")).items()
                       if isinstance(cache, dict)})
        default = _object(each.get("defaults")).get("cache", default)
    for each in documents:
        for rule in each.get("rules") or ():
            if isinstance(rule, dict):
                uses.extend(_uses(rule, default))
    return Rules(caches, uses)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _uses(rule: dict[str, Any], default: str) -> Iterator[Use]:
    name, cache = str(rule.get("name")), str(rule.get("cache", default))
    for verb, actions in _object(rule.get("do")).items():
        for action in actions if isinstance(actions, list) else [actions]:
            if isinstance(action, str):
                yield Use(name, cache, verb, action, {})
            elif isinstance(action, dict):
                yield from _of_object(name, cache, verb, action)


def _of_object(name: str, cache: str, verb: str, action: dict[str, Any]) -> Iterator[Use]:
    found = [action[each] for each in KEY_MEMBERS.get(verb, ()) if each in action]
    for value in found or [None]:
        for template in value if isinstance(value, list) else [value]:
            yield Use(name, cache, verb, template if isinstance(template, str) else None, action)
