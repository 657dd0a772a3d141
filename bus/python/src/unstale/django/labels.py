"""labels - names of models in settings: "shop.Product", "shop.*", "*", compared without case."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from django.apps import apps
from django.db import models

Value = TypeVar("Value")


def concrete(model: type[models.Model]) -> type[models.Model]:
    return model._meta.concrete_model or model


def label(model: type[models.Model]) -> str:
    """The label that an event carries: a proxy's is that of the model that has the table."""
    return concrete(model)._meta.label


def matches(pattern: str, model: type[models.Model]) -> bool:
    return fnmatch.fnmatchcase(label(model).lower(), pattern.lower())


def any_matches(patterns: Iterable[str], model: type[models.Model]) -> bool:
    return any(matches(pattern, model) for pattern in patterns)


def pick(table: Mapping[str, Value], model: type[models.Model], default: Any = None) -> Value | Any:
    """The entry for a model: its own label before a pattern, the longest pattern before others."""
    found = [pattern for pattern in table if matches(pattern, model)]
    if not found:
        return default
    return table[max(found, key=lambda pattern: ("*" not in pattern, len(pattern)))]


def known() -> list[type[models.Model]]:
    """Every model with a table of its own, those made for many-to-many fields left out."""
    return [model for model in apps.get_models() if not model._meta.proxy]


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant."""
    by_folded = {each.lower(): each for each in names}
    found = difflib.get_close_matches(name.lower(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None
