"""queryset - the writes for which Django sends no signal.

    class Product(models.Model):
        objects = UnstaleManager()

A query set of one's own takes UnstaleQuerySetMixin before QuerySet, and a manager is made of it
with from_queryset(). What each call costs besides itself, with rows (the default) and with primary
keys alone (BULK = "pks", or queryset.unstale("pks")):

    update()       one SELECT ... FOR UPDATE of the rows, or of their keys; one more SELECT where
                   an expression is set and rows are sent. The UPDATE names the keys that were read.
    bulk_create()  nothing
    bulk_update()  nothing where every object has its old values, else the SELECT ... FOR UPDATE;
                   with keys alone nothing
    _raw_delete()  one SELECT
    delete()       nothing: Django sends a signal for each object

queryset.unstale("off") is silent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models, transaction

from . import bulk, commit, snapshot, tracking, values
from .plan import Plan

MODES = ("rows", "pks", "off")


class UnstaleQuerySetMixin:
    """Put before QuerySet among the bases of a query set."""

    _unstale_mode: str | None = None

    def unstale(self, mode: str) -> Any:
        """The same query set, whose writes are told with "rows", by "pks" alone, or not ("off")."""
        if mode not in MODES:
            raise ValueError(f'mode must be one of {", ".join(MODES)}, not {mode!r}')
        clone = self._chain()
        clone._unstale_mode = mode
        return clone

    def _clone(self) -> Any:
        clone = super()._clone()
        clone._unstale_mode = self._unstale_mode
        return clone

    def _watching(self) -> tuple[Plan | None, bool]:
        """The plan of the model, if its writes are to be told, and whether with rows."""
        plan = tracking.plans().get(self.model)
        if plan is None or self._unstale_mode == "off":
            return None, False
        return plan, (self._unstale_mode or ("rows" if plan.bulk_rows else "pks")) == "rows"

    def _write_alias(self) -> str:
        self._for_write = True
        return self.db

    def update(self, **kwargs: Any) -> int:
        plan, with_rows = self._watching()
        if plan is None or self.query.is_sliced or self.query.combinator or not kwargs:
            return super().update(**kwargs)
        using = self._write_alias()
        commit.catch_up(using)
        with transaction.atomic(using=using, savepoint=False):
            rows = bulk.locked(self, plan, using, plan.names if with_rows else plan.pk_names)
            count = self._update_rows(plan, rows, kwargs, using)
            new = bulk.assigned(plan, kwargs)
            if with_rows:
                bulk.tell_update(plan, rows, new, using)
            else:
                pks = [plan.pk(row) for row in rows]
                bulk.publish_pks(plan, "bulk_update", pks, using, list(new))
        self._result_cache = None
        return count

    update.alters_data = True

    def _update_rows(self, plan: Plan, rows: list[Any], kwargs: Any, using: str) -> int:
        """Runs the UPDATE on the rows that were read, and on no others."""
        quiet = self.unstale("off").using(using)
        pks = [bulk.lookup(plan, row) for row in rows]
        if not pks:
            return quiet.none().update(**kwargs)
        return sum(
            quiet.filter(pk__in=some).update(**kwargs) for some in bulk.steps(plan, pks, using)
        )

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        plan, with_rows = self._watching()
        objs = list(objs)
        if plan is None or not objs:
            return super().bulk_create(objs, *args, **kwargs)
        using = self._write_alias()
        commit.catch_up(using)
        with transaction.atomic(using=using, savepoint=False):
            made = super().bulk_create(objs, *args, **kwargs)
            may_exist = _has_conflict_clause(args, kwargs)
            _tell_created(plan, made, using, with_rows, may_exist)
        return made

    bulk_create.alters_data = True

    def bulk_update(
        self, objs: Iterable[Any], fields: Iterable[str], batch_size: int | None = None
    ) -> int:
        plan, with_rows = self._watching()
        objs, fields = tuple(objs), list(fields)
        quiet = self.unstale("off")
        write = super(UnstaleQuerySetMixin, quiet).bulk_update
        if plan is None or not objs or not fields:
            return write(objs, fields, batch_size=batch_size)
        using = self._write_alias()
        commit.catch_up(using)
        with transaction.atomic(using=using, savepoint=False):
            old = _old_rows(plan, objs, using, self) if with_rows else {}
            count = write(objs, fields, batch_size=batch_size)
            _tell_updated(plan, objs, old, fields, using, with_rows)
        return count

    bulk_update.alters_data = True

    def _raw_delete(self, using: str) -> int:
        plan, with_rows = self._watching()
        if plan is None:
            return super()._raw_delete(using)
        with transaction.atomic(using=using, savepoint=False):
            rows = bulk.locked(self, plan, using, plan.names if with_rows else plan.pk_names)
            count = super()._raw_delete(using)
            if with_rows:
                pairs = [bulk.Pair(plan.pk(row), row, None) for row in rows]
                bulk.publish(plan, "bulk_delete", pairs, using)
            else:
                bulk.publish_pks(plan, "bulk_delete", [plan.pk(row) for row in rows], using)
        return count

    _raw_delete.alters_data = True


class UnstaleQuerySet(UnstaleQuerySetMixin, models.QuerySet):
    """A query set whose bulk writes are told."""


class UnstaleManager(models.Manager.from_queryset(UnstaleQuerySet)):
    """A manager of such query sets."""


def _has_conflict_clause(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    named = kwargs.get("ignore_conflicts") or kwargs.get("update_conflicts")
    return bool(named or any(args[1:3]))


def _tell_created(
    plan: Plan, objs: list[Any], using: str, with_rows: bool, may_exist: bool
) -> None:
    """Tells of new rows. Where a conflict clause may have met rows that were there, the event is
    a post_save without `created`, which is an update that may be a create."""
    rows = [(each, plan.read(each)) for each in objs]
    known = [(each, row) for each, row in rows if _has_pk(plan, row)]
    if len(known) < len(rows):
        plan.complain("bulk_create", "got no primary keys from the database")
    name = "post_save" if may_exist else "bulk_create"
    if with_rows:
        pairs = [bulk.Pair(plan.pk(row), None, row) for _, row in known]
        bulk.publish(plan, name, pairs, using)
    else:
        bulk.publish_pks(plan, name, [plan.pk(row) for _, row in known], using)
    if not may_exist:
        _remember(known, using)


def _has_pk(plan: Plan, row: dict[str, Any]) -> bool:
    return all(
        row.get(name) is not None and not values.is_expression(row[name]) for name in plan.pk_names
    )


def _remember(rows: list[tuple[Any, dict[str, Any]]], using: str) -> None:
    """Moves the snapshots of objects, once what was written is committed."""
    from .events import known_part

    held = [(each._state, known_part(row)) for each, row in rows]

    def move() -> None:
        for state, row in held:
            snapshot.remember(state, using, row)

    commit.when_committed(move, using)


def _old_rows(plan: Plan, objs: tuple[Any, ...], using: str, queryset: Any) -> dict[Any, Any]:
    """The rows before, by primary key: from the snapshots, or read where one is missing."""
    old = {}
    for each in objs:
        row = None if plan.queries_old else snapshot.known(each._state, using)
        if row is None or not plan.same_pk(row, plan.read(each)):
            break
        old[each.pk] = row
    else:
        return old
    old = {}
    for some in bulk.steps(plan, [each.pk for each in objs], using):
        rows = plan.model._base_manager.using(using).filter(pk__in=some)
        for row in bulk.locked(rows, plan, using, plan.names):
            old[bulk.lookup(plan, row)] = row
    return old


def _tell_updated(
    plan: Plan,
    objs: tuple[Any, ...],
    old: dict[Any, Any],
    fields: list[str],
    using: str,
    with_rows: bool,
) -> None:
    names = [name for name in (plan.attname(field) for field in fields) if name]
    rows = [(each, plan.read(each)) for each in objs]
    if not with_rows:
        pks = [plan.pk(row) for _, row in rows]
        bulk.publish_pks(plan, "bulk_update", pks, using, names)
        return
    before = [old.get(each.pk, {}) for each in objs]
    unsure = [n for n in names if any(values.is_expression(row.get(n)) for _, row in rows)]
    unsure.extend(name for name in plan.generated if name not in unsure)
    back = bulk.read_back(plan, [row for _, row in rows], unsure, using) if unsure else {}
    pairs, moved = [], []
    for (each, row), was in zip(rows, before):
        written = {name: row[name] for name in names if name in row}
        new = {**was, **written, **back.get(bulk.lookup(plan, row), {})}
        pairs.append(bulk.Pair(plan.pk(row), was, new))
        moved.append((each, {**{name: row[name] for name in plan.pk_names}, **new}))
    bulk.publish(plan, "bulk_update", pairs, using, bulk.hidden_changes(plan, names))
    _remember(moved, using)
