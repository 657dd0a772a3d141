"""tracking - which models are watched, and the switching on and off.

install() runs when the app registry is ready. A test that overrides UNSTALE gets a fresh
installation by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.core.signals import setting_changed
from django.db import models, router, transaction

from . import conf, labels, m2m, removal, snapshot
from .patch import Patches
from .plan import Plan
from .signals import Handlers


class Installation:
    """What is connected at the moment."""

    def __init__(self) -> None:
        self.plans: dict[type[models.Model], Plan] = {}
        self.handlers: list[Any] = []
        self.patches = Patches()
        self.is_on = False


_now = Installation()


def is_watched(model: type[models.Model], settings: conf.Settings) -> bool:
    """MODELS names what is watched; EXCLUDE, and what Django keeps for itself, is not."""
    concrete = labels.concrete(model)
    if concrete._meta.auto_created or concrete._meta.abstract or concrete._meta.swapped:
        return False
    if labels.any_matches(settings.exclude, concrete):
        return False
    named = [pattern for pattern in settings.models if labels.matches(pattern, concrete)]
    is_bookkeeping = labels.any_matches(conf.EXCLUDE, concrete)
    return any("*" not in pattern or not is_bookkeeping for pattern in named)


def watched_models() -> list[type[models.Model]]:
    """The models that the settings name, proxies too."""
    settings = conf.get()
    return [model for model in apps.get_models() if is_watched(model, settings)]


def plans() -> dict[type[models.Model], Plan]:
    return _now.plans


def plan_of(model: type[models.Model]) -> Plan:
    """The plan of a model, of one that is not watched too."""
    found = _now.plans.get(model)
    return found if found is not None else Plan(model, conf.get())


def install() -> None:
    """Connects everything that the settings ask for."""
    settings = conf.get()
    if _now.is_on or not settings.enabled:
        return
    _now.is_on = True
    for model in watched_models():
        plan = _now.plans[model] = Plan(model, settings)
        snapshot.install(model, plan, _now.patches)
        if settings.outbox:
            _now.patches.method(model, "save_base", _atomically)
        _now.handlers.append(Handlers(plan))
    _now.handlers.extend(m2m.handlers(_now.plans))
    for handler in _now.handlers:
        handler.connect()
    removal.install(_now.plans)


def uninstall() -> None:
    for handler in _now.handlers:
        handler.disconnect()
    _now.patches.restore()
    removal.uninstall()
    _now.plans.clear()
    _now.handlers.clear()
    _now.is_on = False


def _atomically(save_base: Callable[..., None]) -> Callable[..., None]:
    """With the outbox, a save and the event that tells of it are one transaction."""

    def saving(self: models.Model, *args: Any, **kwargs: Any) -> None:
        using = kwargs.get("using", args[1] if len(args) > 1 else None)
        using = using or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using, savepoint=False):
            save_base(self, *args, **kwargs)

    return saving


def _settings_changed(*, setting: str, **kwargs: Any) -> None:
    if setting == "UNSTALE" and apps.ready:
        uninstall()
        install()


setting_changed.connect(_settings_changed)
