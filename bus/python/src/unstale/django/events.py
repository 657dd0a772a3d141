"""events - from rows before and after to the event that tells of them.

An event of a save has the whole row `after`, as far as it is known, and in `before` the old values
of the columns that changed. What only the database knows (an F() expression, a generated column)
is left out of `after` and named in `changed`. Where the old row is not known there is no `before`,
and no `changed` either: such an event matches every rule that asks for a change.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import time
import uuid
from collections.abc import Collection, Mapping
from typing import Any

from django.db import models

from .plan import Column, Plan
from .values import FIXED_TYPES, Unknown, is_expression

log = logging.getLogger("unstale.django")

Event = dict[str, Any]
Row = Mapping[str, Any]

MAX_BYTES = 1024 * 1024
_ROOM_BYTES = 64 * 1024  # for the members besides the images, and for a record's key
_MISSING = object()


class Clock:
    """Milliseconds since the epoch that never go back, and ids, both within this process."""

    def __init__(self) -> None:
        self.last_ms = 0
        self.begin()

    def begin(self) -> None:
        """Starts a sequence of ids of its own: at the start, and in a forked child."""
        self.prefix = uuid.uuid4().hex[:16]
        self.numbers = itertools.count(1)

    def now_ms(self) -> int:
        now = int(time.time() * 1000)
        if now > self.last_ms:
            self.last_ms = now
        return self.last_ms

    def stamp(self, event: Event) -> None:
        """Gives the event its time and its id, where it has none."""
        if "ts" not in event:
            event["ts"] = self.now_ms()
        if "id" not in event:
            event["id"] = f"{self.prefix}-{next(self.numbers):x}"


clock = Clock()
os.register_at_fork(after_in_child=clock.begin)


def named(plan: Plan, name: str, source: str | None, **members: Any) -> Event:
    """The members that every event of this model has, after those given."""
    event = {"event": name, "model": plan.label, **members}
    if plan.sender is not None:
        event["sender"] = plan.sender
    if plan.parents:
        event["parents"] = plan.parents
    if source:
        event["source"] = source
    return event


def image(plan: Plan, row: Row) -> Event:
    """A row as it stands in an event."""
    shown: Event = {}
    for column in plan.columns:
        if column.shown and column.name in row:
            _put(plan, shown, column, row[column.name])
    return shown


def _put(plan: Plan, shown: Event, column: Column, value: Any) -> None:
    try:
        shown[column.name] = column.convert(value)
    except Unknown:
        return
    except Exception as error:
        plan.complain(column.name, f"cannot be expressed ({error})")


def differs(convert: Any, old: Any, new: Any) -> bool:
    """Whether a column holds another value: of the same type by ==, else by what is sent."""
    if type(old) is type(new) and old.__class__.__eq__ is not object.__eq__:
        return bool(old != new)
    try:
        return bool(convert(old) != convert(new))
    except Exception:
        return True


def images(
    plan: Plan, old: Row, new: Row, is_read: bool = False
) -> tuple[Event, Event, list[str]]:
    """What stands in `before`, `after` and `changed` of an update whose old row is known.
    `is_read`: the new row has been read back, so that it holds what generated columns became."""
    try:
        before, after, changed = _images(plan, old, new)
    except Exception:  # one value is not known or cannot be expressed: see each by itself
        before, after, changed = _careful_images(plan, old, new)
    for name, convert, _, _, _ in plan.hidden:
        if name in new and (name not in old or differs(convert, old[name], new[name])):
            changed.append(name)
    if plan.generated:
        _add_generated(plan, old, new, (before, after, changed), is_read)
    return before, after, changed


def _images(plan: Plan, old: Row, new: Row) -> tuple[Event, Event, list[str]]:
    before: Event = {}
    after: Event = {}
    changed: list[str] = []
    for name, convert, kind, _, _ in plan.shown:
        now = new.get(name, _MISSING)
        if now is _MISSING:
            continue
        was = old.get(name, _MISSING)
        if was is not now and (was is _MISSING or differs(convert, was, now)):
            changed.append(name)
            if was is not _MISSING:
                before[name] = convert(was)
        after[name] = now if type(now) is kind else convert(now)
    return before, after, changed


def _careful_images(plan: Plan, old: Row, new: Row) -> tuple[Event, Event, list[str]]:
    before: Event = {}
    after: Event = {}
    changed: list[str] = []
    for column in plan.shown:
        name = column.name
        if name not in new:
            continue
        if name not in old or differs(column.convert, old[name], new[name]):
            changed.append(name)
            if name in old:
                _put(plan, before, column, old[name])
        _put(plan, after, column, new[name])
    return before, after, changed


def _add_generated(
    plan: Plan, old: Row, new: Row, found: tuple[Event, Event, list[str]], is_read: bool
) -> None:
    """A generated column is the old one as long as nothing has changed, and unknown otherwise."""
    before, after, changed = found
    is_unknown = bool(changed) and not is_read
    for column in plan.columns:
        name = column.name
        if not column.generated or (name not in old and name not in new):
            continue
        now = new.get(name, old.get(name))
        if is_unknown or (name in old and differs(column.convert, old[name], now)):
            changed.append(name)
            if column.shown and name in old:
                _put(plan, before, column, old[name])
        if column.shown and not is_unknown:
            _put(plan, after, column, now)


def created(plan: Plan, pk: Any, new: Row, source: str | None) -> Event:
    event = named(plan, "post_save", source, pk=pk, created=True, after=image(plan, new))
    return _versioned(plan, event, new)


def updated(
    plan: Plan, pk: Any, old: Row | None, new: Row, written: Collection[str], source: str | None
) -> Event:
    """`written`: the columns that were saved, of which any may have changed if `old` is unknown."""
    event = named(plan, "post_save", source, pk=pk, created=False)
    if old is not None:
        event["before"], event["after"], event["changed"] = images(plan, old, new)
    else:
        event["after"] = image(plan, new)
        if len(written) < len(plan.names):
            event["changed"] = [name for name in plan.names if name in written and name not in
                                plan.pk_names]
    return _versioned(plan, event, new)


def deleted(plan: Plan, pk: Any, old: Row | None, source: str | None) -> Event:
    event = named(plan, "post_delete", source, pk=pk)
    if old is None:
        return event
    event["before"] = image(plan, old)
    return _versioned(plan, event, old)


def _versioned(plan: Plan, event: Event, row: Row) -> Event:
    version = plan.version(row)
    if version is not None:
        event["version"] = version
    return event


def known_part(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what only the database knows; the same one where all of it is fixed."""
    if FIXED_TYPES.issuperset(map(type, row.values())):
        return row
    return {name: value for name, value in row.items() if not is_expression(value)}


def event_of(instance: models.Model, op: str = "update", *, source: str | None = None) -> Event:
    """An event about an instance as it is in memory: op is create, update or delete."""
    from . import tracking

    plan = tracking.plan_of(type(instance))
    row = plan.read(instance)
    pk = plan.pk(row)
    if op == "create":
        return created(plan, pk, row, source)
    if op == "delete":
        return deleted(plan, pk, row, source)
    return updated(plan, pk, None, row, plan.names, source)


def resync_event(instance: models.Model) -> Event:
    """The whole row as it is now, and no word of what it was: every rule for its model matches."""
    event = event_of(instance, "update", source="resync")
    del event["created"]
    return event


def encoded_bytes(value: Any) -> int:
    return len(json.dumps(value, separators=(",", ":"), default=str))


def fit(event: Event) -> Event:
    """The event without its largest values, if it would be larger than a record may be."""
    if _at_most(event) <= MAX_BYTES - _ROOM_BYTES:
        return event
    sizes = [
        (encoded_bytes(value), side, name)
        for side in ("before", "after")
        for name, value in (event.get(side) or {}).items()
    ]
    event = {**event, **{side: dict(event[side]) for side in ("before", "after") if side in event}}
    total = encoded_bytes(event)
    for size, side, name in sorted(sizes, reverse=True):
        if total <= MAX_BYTES - _ROOM_BYTES:
            break
        total -= size
        del event[side][name]
        log.warning("unstale: %s of a %s is too large for an event; left out", name, event["model"])
    return event


def _at_most(event: Event) -> int:
    """A bound of the event's size that costs little; only texts and nested values can be large."""
    total = 4096
    for side in ("before", "after"):
        for value in (event.get(side) or {}).values():
            if type(value) is str:
                total += 6 * len(value)
            elif type(value) in (dict, list):
                total += encoded_bytes(value)
    return total
