"""unstale.django - an app that publishes every change of your models after its commit.

Put "unstale.django" into INSTALLED_APPS and say where the events go in the setting UNSTALE; see
docs/django.md. What a project imports from here: UnstaleManager and UnstaleQuerySet (and their
mixins) for the writes that Django sends no signal for, and publish() for events of its own.
"""

from typing import Any

_EXPORTS = {
    "UnstaleManager": "queryset",
    "UnstaleQuerySet": "queryset",
    "UnstaleQuerySetMixin": "queryset",
    "publish": "delivery",
}

__all__ = ["UnstaleManager", "UnstaleQuerySet", "UnstaleQuerySetMixin", "publish"]


def __getattr__(name: str) -> Any:
    """Loads an export when it is asked for: this module is imported before Django is set up."""
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_EXPORTS[name]}"), name)
