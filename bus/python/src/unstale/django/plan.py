"""plan - what is to be known of one model to tell of its changes: made once, read at every save.

Columns are the concrete fields by attname (a foreign key is `category_id`), those of multi-table
parents too. A column that is not shown is compared, so that its name can stand in `changed`, but
its value never leaves the process.
"""

from __future__ import annotations

import fnmatch
import functools
import logging
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from django.db import models

from . import labels, values
from .conf import Settings

log = logging.getLogger("unstale.django")

MAX_VERSION = 2**53 - 1

#: A row with fewer characters fits into an event twice, whatever these are.
SMALL_CHARS = 40_000


class Column(NamedTuple):
    """`kind` is the type whose values need no conversion, where there is one."""

    name: str
    convert: values.Converter
    kind: type | None
    shown: bool
    generated: bool


class Plan:
    """One model. `names` are the columns' names, `mutable` those that a snapshot must copy."""

    def __init__(self, model: type[models.Model], settings: Settings) -> None:
        meta = model._meta
        self.model = model
        self.label = labels.label(model)
        self.sender = meta.label if meta.label != self.label else None
        self.parents = [
            parent._meta.label for parent in labels.concrete(model)._meta.get_parent_list()
        ]
        self.columns = tuple(_columns(model, settings))
        self.names = tuple(column.name for column in self.columns)
        self.shown = tuple(each for each in self.columns if each.shown and not each.generated)
        self.hidden = tuple(each for each in self.columns if not each.shown and not each.generated)
        self.generated = frozenset(column.name for column in self.columns if column.generated)
        fields = {each.attname: each for each in meta.concrete_fields}
        self.mutable = frozenset(n for n, each in fields.items() if values.is_mutable(each))
        self.is_small = _room(fields[c.name] for c in self.columns if c.shown) < SMALL_CHARS
        self.attnames = {each.name: each.attname for each in meta.concrete_fields}
        self.pk_names = tuple(each.attname for each in _pk_fields(model))
        self.pk_parts = tuple(
            functools.partial(values.key_part, values.converter(each)) for each in _pk_fields(model)
        )
        self.queries_old = _choice(settings.old_values, model, "snapshot") == "query"
        self.bulk_rows = _choice(settings.bulk, model, "rows") == "rows"
        self.version_name = _version_name(model, settings)
        self.source = settings.source
        self.pk_at = self.names.index(self.pk_names[0])
        self.read_plain = None if settings.outbox else _reader(self)
        self.reported: set[str] = set()

    def pk(self, row: Mapping[str, Any]) -> Any:
        """The primary key in a row, as events carry it: a list where it has several columns."""
        if type(row.get(self.pk_names[0])) is int and len(self.pk_names) == 1:
            return row[self.pk_names[0]]
        parts = [part(row[name]) for name, part in zip(self.pk_names, self.pk_parts)]
        return parts[0] if len(parts) == 1 else parts

    def attname(self, name: str) -> str | None:
        """The column of a field that may be called by either of its names."""
        return self.attnames.get(name) or (name if name in self.names else None)

    def same_pk(self, row: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        for name in self.pk_names:
            if row.get(name) != other.get(name):
                return False
        return True

    def read(self, instance: models.Model) -> dict[str, Any]:
        """The row in an instance, as it is now: deferred fields are not in it."""
        held = instance.__dict__
        row = {name: held[name] for name in self.names if name in held}
        for name in self.mutable:
            if name in row:
                row[name] = values.freeze(row[name])
        return row

    def version(self, row: Mapping[str, Any]) -> int | None:
        """The number that orders this row's changes, where the project has named one."""
        if self.version_name is None:
            return None
        version = row.get(self.version_name)
        if type(version) is int and 0 <= version <= MAX_VERSION:
            return version
        if version is not None and not values.is_expression(version):
            self.complain(self.version_name, f"is no version: {version!r}")
        return None

    def complain(self, name: str, what: str) -> None:
        """Logs once what is wrong with a field."""
        if name not in self.reported:
            self.reported.add(name)
            log.warning("unstale: %s.%s %s; left out of events", self.label, name, what)


def _reader(plan: Plan) -> Callable[[Mapping[str, Any]], tuple[Any, ...]] | None:
    """What reads all the columns of an instance's __dict__ at once, and raises KeyError where one is
    deferred. None: there is more to know of such a model than these values."""
    if plan.generated or plan.mutable or plan.queries_old or len(plan.pk_names) > 1:
        return None
    return operator.itemgetter(*plan.names) if len(plan.names) > 1 else None


def _pk_fields(model: type[models.Model]) -> Iterable[models.Field]:
    return getattr(model._meta, "pk_fields", None) or [model._meta.pk]


def _choice(setting: Any, model: type[models.Model], default: str) -> str:
    return labels.pick(setting, model, default) if isinstance(setting, Mapping) else setting


def _version_name(model: type[models.Model], settings: Settings) -> str | None:
    setting = settings.version_field
    name = labels.pick(setting, model) if isinstance(setting, Mapping) else setting
    fields = {each.name: each.attname for each in model._meta.concrete_fields}
    return fields.get(name) if name else None


def _room(fields: Iterable[models.Field]) -> float:
    """How many characters the columns may hold together: infinite if one has no bound."""
    return sum(_chars(values.concrete_field(field)) for field in fields)


def _chars(field: models.Field) -> float:
    if isinstance(field, models.TextField) or values.is_mutable(field):
        return math.inf
    if isinstance(field, models.CharField):
        return math.inf if field.max_length is None else field.max_length
    return 100


def _columns(model: type[models.Model], settings: Settings) -> Iterable[Column]:
    shown = shown_fields(model, settings)
    for each in model._meta.concrete_fields:
        convert, kind = values.converter(each), values.exact_type(each)
        is_generated = bool(getattr(each, "generated", False))
        yield Column(each.attname, convert, kind, each in shown, is_generated)


def shown_fields(model: type[models.Model], settings: Settings) -> set[models.Field]:
    """The fields whose values are sent. FIELDS of the model: plain names are the only ones;
    "-name" takes one away from the default and "+name" adds one that is sensitive."""
    chosen = labels.pick(settings.fields, model, ())
    exact = {name for name in chosen if name[:1] not in "+-"}
    fields = set()
    for each in model._meta.concrete_fields:
        names = {each.name, each.attname}
        if exact:
            wanted = bool(names & exact)
        else:
            wanted = not is_sensitive(each, settings.sensitive)
        if {f"+{name}" for name in names}.intersection(chosen):
            wanted = True
        if {f"-{name}" for name in names}.intersection(chosen):
            wanted = False
        if wanted or each.primary_key:
            fields.add(each)
    return fields


def is_sensitive(field: models.Field, patterns: Iterable[str]) -> bool:
    name = field.name.lower()
    return any(fnmatch.fnmatchcase(name, pattern.lower()) for pattern in patterns)
