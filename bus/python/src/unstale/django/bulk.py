"""bulk - many rows at once: reading what they were, and the events that tell of them.

An event has at most 1,000 rows, or 10,000 primary keys where a project has asked for those alone,
and stays well below 1 MiB; more become several events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from django.db import connections, models

from . import conf, delivery, events, values
from .plan import Plan

MAX_ROWS = 1000
MAX_PKS = 10_000
ROWS_BYTES = 768 * 1024


class Pair(NamedTuple):
    """One row before and after; None where there was none or it is not known."""

    pk: Any
    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None


def publish(
    plan: Plan, name: str, pairs: list[Pair], using: str, changed: list[str] | None = None
) -> None:
    """Tells of rows with what is known of them. `changed`: what counts as changed in every row;
    None where that follows from the rows."""
    rows = [_row(plan, pair) for pair in pairs]
    for some in _sized(rows):
        _publish(plan, name, {"rows": some}, changed, using)


def publish_pks(
    plan: Plan, name: str, pks: list[Any], using: str, changed: list[str] | None = None
) -> None:
    """Tells that rows have changed, and nothing of what is in them."""
    for some in portions(pks):
        _publish(plan, name, {"pks": some}, changed, using)


def portions(pks: list[Any]) -> Iterator[list[Any]]:
    """Primary keys in as many as one event takes, by number and by size."""
    step = MAX_PKS
    if any(type(pk) is not int for pk in pks):
        longest = max(events.encoded_bytes(pk) for pk in pks)
        step = max(1, min(MAX_PKS, ROWS_BYTES // (longest + 1)))
    for start in range(0, len(pks), step):
        yield pks[start:start + step]


def _publish(
    plan: Plan, name: str, what: dict[str, Any], changed: list[str] | None, using: str
) -> None:
    event = events.named(plan, name, conf.get().source, **what)
    if changed is not None:
        event["changed"] = changed
    delivery.publish(event, using)


def _row(plan: Plan, pair: Pair) -> dict[str, Any]:
    row: dict[str, Any] = {"pk": pair.pk}
    if pair.old is not None and pair.new is not None:
        row["before"], row["after"], _ = events.images(plan, pair.old, pair.new, is_read=True)
    elif pair.old is not None:
        row["before"] = events.image(plan, pair.old)
    elif pair.new is not None:
        row["after"] = events.image(plan, pair.new)
    return row


def _sized(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    some: list[dict[str, Any]] = []
    total = 0
    for row in rows:
        size = events.encoded_bytes(row)
        if size > ROWS_BYTES:
            row = events.fit({"model": "row", **row})
            del row["model"]
        if some and (len(some) == MAX_ROWS or total + size > ROWS_BYTES):
            yield some
            some, total = [], 0
        some.append(row)
        total += size
    if some:
        yield some


def locked(queryset: models.QuerySet, plan: Plan, using: str, names: Iterable[str]) -> list[Any]:
    """The columns `names` of the rows of a query set, locked until the transaction ends."""
    rows = _selected(queryset, plan, using)
    if connections[using].features.has_select_for_update:
        rows = rows.select_for_update()
    return [dict(zip(names, row)) for row in rows.values_list(*names)]


def _selected(queryset: models.QuerySet, plan: Plan, using: str) -> models.QuerySet:
    """The same rows by a query that can be locked: no joins but those to parents, no groups."""
    query = queryset.query
    is_plain = len(query.alias_map) <= 1 and not (
        query.distinct or query.group_by or query.annotations or query.combinator
    )
    if is_plain and queryset._fields is None:
        return queryset.using(using).order_by().select_related(None)
    pks = queryset.using(using).order_by().values("pk")
    return plan.model._base_manager.using(using).filter(pk__in=pks)


def steps(plan: Plan, pks: list[Any], using: str) -> Iterator[list[Any]]:
    """Primary keys in portions that one statement of this database takes."""
    size = connections[using].ops.bulk_batch_size(list(plan.pk_names), pks) or 1
    size = max(1, min(size, MAX_PKS))
    for start in range(0, len(pks), size):
        yield pks[start:start + size]


def lookup(plan: Plan, row: Mapping[str, Any]) -> Any:
    """The primary key of a row as a filter takes it."""
    parts = tuple(row[name] for name in plan.pk_names)
    return parts[0] if len(parts) == 1 else parts


def assigned(plan: Plan, new_values: Mapping[str, Any]) -> dict[str, Any]:
    """What update() sets, by column; foreign keys given as objects are their keys."""
    row = {}
    for name, value in new_values.items():
        attname = plan.attname(name) or (plan.pk_names[0] if name == "pk" else None)
        if attname is None:
            continue
        if isinstance(value, models.Model):
            field = plan.model._meta.get_field(name)
            value = getattr(value, field.target_field.attname)
        row[attname] = values.freeze(value) if attname in plan.mutable else value
    return row


def read_back(
    plan: Plan, rows: list[dict[str, Any]], names: list[str], using: str
) -> dict[Any, dict[str, Any]]:
    """What the database has made of expressions: the columns `names`, by primary key."""
    found = {}
    columns = [*plan.pk_names, *names]
    manager = plan.model._base_manager.using(using)
    for some in steps(plan, [lookup(plan, row) for row in rows], using):
        for values_of in manager.filter(pk__in=some).order_by().values_list(*columns):
            row = dict(zip(columns, values_of))
            found[lookup(plan, row)] = {name: row[name] for name in names}
    return found


def tell_update(
    plan: Plan, rows: list[dict[str, Any]], new: Mapping[str, Any], using: str
) -> None:
    """Tells of an UPDATE that has run on rows that were read before."""
    unsure = [name for name, value in new.items() if values.is_expression(value)]
    unsure.extend(name for name in plan.generated if name not in unsure)
    back = read_back(plan, rows, unsure, using) if unsure else {}
    pairs = []
    for row in rows:
        after = {**row, **new, **back.get(lookup(plan, row), {})}
        pairs.append(Pair(plan.pk(row), row, after))
    publish(plan, "bulk_update", pairs, using, hidden_changes(plan, new))


def hidden_changes(plan: Plan, names: Iterable[str]) -> list[str] | None:
    """All names, if one of them cannot be seen to have changed from the rows themselves."""
    names = set(names)
    is_hidden = any(
        column.name in names and not column.shown for column in plan.columns
    )
    return [name for name in plan.names if name in names] if is_hidden else None


def tell_set(plan: Plan, rows: Any, new_values: Mapping[str, Any], using: str) -> None:
    """Tells of rows whose columns Django is about to set, given as a query set or as objects."""
    from .queryset import UnstaleQuerySetMixin

    if isinstance(rows, models.QuerySet) and rows._result_cache is None:
        if isinstance(rows, UnstaleQuerySetMixin):
            return  # its own update() tells of them
        queryset = rows
    else:
        pks = [each.pk for each in rows]
        queryset = plan.model._base_manager.using(using).filter(pk__in=pks)
    new = assigned(plan, new_values)
    if not plan.bulk_rows:
        found = locked(queryset, plan, using, plan.pk_names)
        publish_pks(plan, "bulk_update", [plan.pk(row) for row in found], using, list(new))
        return
    found = locked(queryset, plan, using, plan.names)
    pairs = [Pair(plan.pk(row), row, {**row, **new}) for row in found]
    publish(plan, "bulk_update", pairs, using, hidden_changes(plan, new))
