"""patch - methods of a model that are replaced while it is watched, and put back afterwards."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.db import models

Function = Callable[..., Any]


class Patches:
    """What has been replaced, with what was there: None where a method was inherited."""

    def __init__(self) -> None:
        self.replaced: list[tuple[type[models.Model], str, Any]] = []

    def method(
        self, model: type[models.Model], name: str, make: Callable[[Function], Function]
    ) -> None:
        """Replaces a method by what `make` makes of the one that is there now."""
        original = _original(model, name)
        wrapper: Any = functools.wraps(original)(make(original))
        wrapper.unstale_wraps = original
        is_class_method = hasattr(getattr(model, name), "__func__")
        self.replaced.append((model, name, model.__dict__.get(name)))
        setattr(model, name, classmethod(wrapper) if is_class_method else wrapper)

    def restore(self) -> None:
        while self.replaced:
            model, name, own = self.replaced.pop()
            if own is None:
                delattr(model, name)
            else:
                setattr(model, name, own)


def _original(model: type[models.Model], name: str) -> Function:
    """The function that the model has by this name, without what we put around it in a parent."""
    found = getattr(model, name)
    found = getattr(found, "__func__", found)
    return getattr(found, "unstale_wraps", found)
