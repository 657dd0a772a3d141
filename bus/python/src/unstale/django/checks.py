"""checks - what `manage.py check` says about the setting UNSTALE.

    E001  UNSTALE is no dictionary            E005  a field that the model does not have
    E002  a member that is none of ours       E006  nowhere to send to
    E003  a member of the wrong kind          E007  a version field that holds no integers
    E004  a label that no model has           W001  models whose bulk writes are not seen
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.core import checks
from django.db import models

from . import conf, labels, tracking, values
from .conf import Problem
from .queryset import UnstaleQuerySetMixin

#: Apps whose models a project cannot change.
_FOREIGN = ("django.contrib.",)


@checks.register(checks.Tags.models)
def check_settings(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    settings = conf.get()
    problems = [
        *settings.problems,
        *_label_problems(settings),
        *_field_problems(settings),
        *_version_problems(settings),
        *_target_problems(settings),
    ]
    messages: list[checks.CheckMessage] = [
        checks.Error(each.text, hint=each.hint, id=f"unstale.{each.code}") for each in problems
    ]
    return messages + list(_unseen(settings))


def _label_tables(settings: conf.Settings) -> Iterator[tuple[str, Iterable[str]]]:
    for name in ("MODELS", "EXCLUDE", "FIELDS", "OLD_VALUES", "VERSION_FIELD", "BULK"):
        value = settings.values[name]
        if not isinstance(value, str) and value is not None:
            yield name, value


def _label_problems(settings: conf.Settings) -> Iterator[Problem]:
    known = [model._meta.label for model in labels.known()]
    for name, patterns in _label_tables(settings):
        for pattern in patterns:
            if _is_known(pattern, name):
                continue
            meant = labels.nearest(pattern, known)
            hint = f'Did you mean "{meant}"?' if meant else 'Labels are "app_label.Model".'
            yield Problem("E004", f'UNSTALE["{name}"]: no model is called "{pattern}".', hint)


def _is_known(pattern: str, name: str) -> bool:
    if "*" in pattern and name == "EXCLUDE":
        return True
    return any(labels.matches(pattern, model) for model in apps.get_models())


def _models_of(pattern: str) -> list[type[models.Model]]:
    return [model for model in labels.known() if labels.matches(pattern, model)]


def _field_names(model: type[models.Model]) -> list[str]:
    names = dict.fromkeys(each.name for each in model._meta.concrete_fields)
    names.update(dict.fromkeys(each.attname for each in model._meta.concrete_fields))
    return list(names)


def _field_problems(settings: conf.Settings) -> Iterator[Problem]:
    for pattern, chosen in settings.fields.items():
        found = _models_of(pattern)
        known = [name for model in found for name in _field_names(model)]
        for name in chosen:
            if found and name.lstrip("+-") not in known:
                yield _no_field(f'FIELDS"]["{pattern}', name.lstrip("+-"), pattern, known)
        signed = [name for name in chosen if name[:1] in "+-"]
        if signed and len(signed) < len(chosen):
            text = f'UNSTALE["FIELDS"]["{pattern}"] mixes plain names with +names or -names.'
            hint = "Plain names are all that is sent; + and - change the default."
            yield Problem("E005", text, hint)


def _no_field(where: str, name: str, label: str, known: list[str]) -> Problem:
    meant = labels.nearest(name, known)
    hint = f'Did you mean "{meant}"?' if meant else f"Its fields are: {', '.join(known)}."
    return Problem("E005", f'UNSTALE["{where}"]: {label} has no field "{name}".', hint)


def _version_problems(settings: conf.Settings) -> Iterator[Problem]:
    setting = settings.version_field
    for pattern, name in (setting.items() if isinstance(setting, dict) else ()):
        for model in _models_of(pattern):
            if name not in _field_names(model):
                known = _field_names(model)
                yield _no_field(f'VERSION_FIELD"]["{pattern}', name, model._meta.label, known)
    wanted = [setting] if isinstance(setting, str) else []
    for model in labels.known():
        own = labels.pick(setting, model) if isinstance(setting, dict) else setting
        field = next((each for each in model._meta.concrete_fields if each.name == own), None)
        if field is None:
            continue
        wanted = []
        if not isinstance(values.concrete_field(field), models.IntegerField):
            text = f'UNSTALE["VERSION_FIELD"]: {model._meta.label}.{own} holds no integers.'
            hint = "A version is a number that grows with each change of the row."
            yield Problem("E007", text, hint)
    for name in wanted:
        yield Problem("E005", f'UNSTALE["VERSION_FIELD"]: no model has a field "{name}".')


def _target_problems(settings: conf.Settings) -> Iterator[Problem]:
    if not settings.enabled or settings.outbox:
        return
    if settings.transport == "kafka" and settings.brokers_text() is None:
        hint = (
            'Set UNSTALE = {"BROKERS": "host:9092"} or UNSTALE_KAFKA_BROKERS, or "ENABLED": False.'
        )
        yield Problem("E006", "UNSTALE names no BROKERS: events have nowhere to go.", hint)
    if settings.transport == "http" and not settings.url:
        hint = 'Set "URL" to the address of the service, as in "http://unstale:8090".'
        yield Problem("E006", 'UNSTALE has "TRANSPORT": "http" and no "URL".', hint)


def _unseen(settings: conf.Settings) -> Iterator[checks.CheckMessage]:
    if not settings.enabled:
        return
    names = [model._meta.label for model in tracking.watched_models() if _misses(model)]
    if names:
        text = "Bulk writes (update, bulk_create, bulk_update) are not seen of: "
        hint = "Give them objects = UnstaleManager(), from unstale.django, or list them in EXCLUDE."
        yield checks.Warning(text + ", ".join(sorted(names)) + ".", hint=hint, id="unstale.W001")


def _misses(model: type[models.Model]) -> bool:
    config = apps.get_app_config(model._meta.app_label)
    if model._meta.proxy or config.name.startswith(_FOREIGN):
        return False
    queryset = getattr(model._default_manager, "_queryset_class", models.QuerySet)
    return not issubclass(queryset, UnstaleQuerySetMixin)
