"""removal - what Django changes without a signal when it deletes objects.

Two things: rows whose foreign key is set to NULL or to a default (on_delete=SET_NULL and its
like), and the links of many-to-many fields. Both are read just before Django's Collector deletes:
one query for each such foreign key and for each many-to-many field with objects to be deleted,
however many objects these are (in steps, where the database takes only so many parameters). The
settings SET_NULL and M2M_ON_DELETE turn them off.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import connections, models, transaction
from django.db.models.deletion import Collector

from . import bulk, commit, conf, m2m
from .plan import Plan
from .trouble import quiet


class _Hold:
    """What is put around Collector.delete, while it is."""

    def __init__(self) -> None:
        self.original: Any = None
        self.plans: dict[type[models.Model], Plan] = {}
        self.relations: list[m2m.Relation] = []


_hold = _Hold()


def install(plans: dict[type[models.Model], Plan]) -> None:
    _hold.plans = plans
    _hold.relations = m2m.handlers(plans)
    if _hold.original is not None:
        return
    original = _hold.original = Collector.delete

    @functools.wraps(original)
    def delete(self: Collector) -> Any:
        commit.catch_up(self.using)
        if not _concerns(self):
            return original(self)
        with transaction.atomic(using=self.using, savepoint=False):
            _tell(self)
            return original(self)

    Collector.delete = delete


def uninstall() -> None:
    if _hold.original is not None:
        Collector.delete = _hold.original
        _hold.original = None


def _concerns(collector: Collector) -> bool:
    return bool(collector.field_updates) or any(_deleted_from(collector, relation)
                                                for relation in _hold.relations)


@quiet
def _tell(collector: Collector) -> None:
    settings = conf.get()
    if settings.set_null:
        for field, value, rows in _field_updates(collector):
            plan = _hold.plans.get(field.model)
            if plan is not None:
                bulk.tell_set(plan, rows, {field.attname: value}, collector.using)
    if settings.m2m_on_delete:
        for relation in _hold.relations:
            _tell_links(collector, relation)


def _field_updates(collector: Collector) -> Iterator[tuple[models.Field, Any, Any]]:
    """The foreign keys that will be set, with the rows concerned: query sets or lists."""
    for key, value in collector.field_updates.items():
        if isinstance(key, tuple):
            field, new = key
            for rows in value:
                yield field, new, rows
        else:
            for (field, new), rows in value.items():
                yield field, new, rows


def _deleted_from(collector: Collector, relation: m2m.Relation) -> list[tuple[bool, list[Any]]]:
    """The objects at either end of a relation that will be deleted: (is it the far end, them)."""
    ends = []
    for is_far, field in ((False, relation.near), (True, relation.far)):
        model = field.remote_field.model._meta.concrete_model
        objects = [
            each
            for other, instances in collector.data.items()
            if other._meta.concrete_model is model
            for each in instances
        ]
        if objects:
            ends.append((is_far, objects))
    return ends


def _tell_links(collector: Collector, relation: m2m.Relation) -> None:
    gone: set[Any] = set()
    for is_far, objects in _deleted_from(collector, relation):
        own, other = (relation.far, relation.near) if is_far else (relation.near, relation.far)
        keys = [getattr(each, own.target_field.attname) for each in objects]
        links: dict[Any, list[Any]] = {}
        for one, another in _links(relation, own, other, keys, collector.using):
            near, far = (another, one) if is_far else (one, another)
            if not (is_far and near in gone):
                links.setdefault(near, []).append(far)
        if not is_far:
            gone.update(keys)
        action = "remove" if is_far else "clear"
        for near, far in links.items():
            relation.publish(near, action, far, collector.using, conf.get().source)


def _links(
    relation: m2m.Relation, own: Any, other: Any, keys: list[Any], using: str
) -> Iterable[tuple[Any, Any]]:
    step = connections[using].ops.bulk_batch_size([own.name], keys) or len(keys)
    for start in range(0, len(keys), step):
        rows = relation.through._base_manager.using(using).order_by()
        rows = rows.filter(**{f"{own.attname}__in": keys[start:start + step]})
        yield from rows.values_list(own.attname, other.attname)
