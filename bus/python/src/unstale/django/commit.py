"""commit - what waits for the transaction to be committed, and becomes events then.

A change of a row is held by a hook of on_commit(), so that Django drops it with the savepoint it
was made in; outside every savepoint, one hook holds all that comes one after the other. The last
hook that runs turns all that survived into events: with MERGE, the saves of one row become one,
with the row as it was last committed before the transaction and as it is now. The hook that ends a
batch is registered as if outside every savepoint, so that it runs whichever of them were rolled
back; it is also how a later change finds out whether the batch is still waiting or went away with
its transaction.

With the outbox, events are made at once and go into the transaction; hooks then only move the
snapshots.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from . import conf, delivery, events, snapshot
from .plan import Plan
from .trouble import quiet

log = logging.getLogger("unstale.django")

#: Stands for the row of an object that does not exist.
ABSENT = object()

SAVE, DELETE = "save", "delete"


class Change:
    """One save or delete of one row. `old` is the snapshot, `written` what the save wrote, `state`
    the _state whose snapshot moves with the commit."""

    __slots__ = ("plan", "kind", "pk", "key", "using", "created", "old", "written", "state",
                 "source")

    def __init__(
        self, plan: Plan, kind: str, pk: Any, using: str, created: bool, old: Any, written: Any,
        state: Any, source: str | None,
    ) -> None:
        self.plan = plan
        self.kind = kind
        self.pk = pk
        self.key = (plan.label, tuple(pk) if type(pk) is list else pk)
        self.using = using
        self.created = created
        self.old = old
        self.written = written
        self.state = state
        self.source = source


class Hook:
    """A callback of on_commit(), its method run(), which does something only once."""

    __slots__ = ("batch", "items", "is_done", "is_outside")

    def __init__(self, batch: Batch, items: list[Any], is_outside: bool) -> None:
        self.batch = batch
        self.items = items
        self.is_outside = is_outside
        self.is_done = False

    def run(self) -> None:
        if self.is_done:
            return
        self.is_done = True
        self.batch.survivors.extend(self.items)
        if self.batch.last is self:
            self.batch.finish()


class Batch:
    """The changes of one transaction on one connection. `bases` has the committed row of each row
    that was touched, `changes` what was done to it, with the hooks that hold that."""

    __slots__ = ("connection", "last", "position", "survivors", "bases", "changes")

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.last: Hook | None = None
        self.position = 0
        self.survivors: list[Any] = []
        self.bases: dict[Any, Any] = {}
        self.changes: dict[Any, list[tuple[Hook, Change]]] = {}

    def is_waiting(self) -> bool:
        """Whether the last hook is among those that a commit would run: mostly where it was.
        Hooks that a test has run count as committed."""
        if self.last is None or self.last.is_done:
            return False
        entries = self.connection.run_on_commit
        if self.position < len(entries) and _hook(entries[self.position]) is self.last:
            return True
        for position, entry in enumerate(entries):
            if _hook(entry) is self.last:
                self.position = position
                return True
        return False

    def add(self, item: Any) -> None:
        inner = self.connection.savepoint_ids
        is_outside = not inner or not any(inner)
        if is_outside and self.last is not None and self.last.is_outside:
            self.last.items.append(item)
            hook = self.last
        else:
            hook = self._register([item], is_outside)
            if not is_outside:
                self._register([], True)
        if isinstance(item, Change):
            self.changes.setdefault(item.key, []).append((hook, item))

    def _register(self, items: list[Any], is_outside: bool) -> Hook:
        hook = self.last = Hook(self, items, is_outside)
        connection = self.connection
        inner = connection.savepoint_ids
        self.position = len(connection.run_on_commit)
        if not is_outside or not inner:
            _on_commit(connection, hook)
            return hook
        connection.savepoint_ids = []
        try:
            _on_commit(connection, hook)
        finally:
            connection.savepoint_ids = inner
        return hook

    def base(self, change: Change) -> Any:
        """The committed row of a change: what the first one of this transaction knew of it."""
        return self.bases.setdefault(change.key, ABSENT if change.created else change.old)

    def so_far(self, change: Change) -> Any:
        """The row as the changes before this one have left it, those rolled back left out."""
        row = self.bases[change.key]
        earlier = self.changes.get(change.key)
        if earlier:
            waiting = {id(_hook(entry)) for entry in self.connection.run_on_commit}
            for hook, each in earlier:
                row = _after(row, each) if id(hook) in waiting else row
        return row

    def finish(self) -> None:
        survivors, self.survivors = self.survivors, []
        self.changes = {}
        if not self.connection.in_atomic_block and _held(self.connection) is self:
            del self.connection.unstale_batch
        settle(survivors, self.bases)


def _held(connection: BaseDatabaseWrapper) -> Batch | None:
    return connection.__dict__.get("unstale_batch")


def _hook(entry: tuple[Any, ...]) -> Hook | None:
    """The hook of ours that an entry of run_on_commit holds, if it does."""
    owner = getattr(entry[1], "__self__", None)
    return owner if type(owner) is Hook else None


def _on_commit(connection: BaseDatabaseWrapper, hook: Hook) -> None:
    try:
        connection.on_commit(hook.run, robust=not conf.get().raise_errors)
    except TypeError:  # Django before 4.2 has no robust hooks
        connection.on_commit(hook.run)


def _current(connection: BaseDatabaseWrapper) -> Batch | None:
    """The batch of the transaction that is going on, if it has one."""
    batch = _held(connection)
    return batch if batch is not None and batch.is_waiting() else None


def _batch(connection: BaseDatabaseWrapper) -> Batch:
    batch = _current(connection)
    if batch is None:
        batch = connection.unstale_batch = Batch(connection)
    return batch


def has_written(plan: Plan, row: dict[str, Any], using: str | None) -> bool:
    """Whether the transaction that is going on has written this row."""
    connection = connections[using] if using else None
    if connection is None or not connection.in_atomic_block:
        return False
    batch = _current(connection)
    if batch is None or not all(name in row for name in plan.pk_names):
        return False
    pk = plan.pk(row)
    return (plan.label, tuple(pk) if type(pk) is list else pk) in batch.bases


def submit(change: Change) -> None:
    """Lets a change become an event with its transaction, or at once where there is none."""
    connection = connections[change.using]
    if not connection.in_atomic_block:
        # Without autocommit nobody tells when this is committed: better too early than never.
        _submit_committed(change)
        return
    batch = _batch(connection)
    base = batch.base(change)
    if delivery.uses_outbox():
        row = batch.so_far(change)
        delivery.store(_event(_first(change, base), [change], _after(row, change)), change.using)
    batch.add(change)
    catch_up(change.using)


def submit_usual(
    plan: Plan, state: Any, old: Any, new: tuple[Any, ...], using: str
) -> None:
    """submit() for what happens most: a whole row was saved, of fixed values, with no outbox and no
    test that listens. `old` is a row, or its values as `new` has them."""
    connection = connections[using]
    if not connection.in_atomic_block:
        told = functools.partial(_told, plan, events.clock.now_ms(), old, new)
        delivery.send_later(told, plan.is_small)
        state.unstale = snapshot.Snapshot((using, plan.names, new))
        return
    written = dict(zip(plan.names, new))
    was = old if type(old) is dict else dict(zip(plan.names, old))
    change = Change(plan, SAVE, plan.pk(written), using, False, was, written, state, plan.source)
    batch = _batch(connection)
    batch.base(change)
    batch.add(change)


def catch_up(using: str) -> None:
    """Lets a test that listens count as committed what would be, were there no test. To be called
    before the old values of a change are looked at."""
    listener = delivery.listener()
    if listener is not None:
        listener.looked_at(connections[using])


def _submit_committed(change: Change) -> None:
    """The same as settle() does with one change."""
    base = ABSENT if change.created else change.old
    row = _after(base, change)
    if delivery.uses_outbox():
        delivery.store(_event(base, [change], row), change.using)
        kept = events.known_part(row)
    else:
        kept = _send(base, [change], row)
    if change.state is not None:
        snapshot.remember(change.state, change.using, kept)


def _told(plan: Plan, ms: int, old: Any, new: tuple[Any, ...]) -> events.Event:
    row = dict(zip(plan.names, new))
    was = old if type(old) is dict else dict(zip(plan.names, old))
    event = events.updated(plan, plan.pk(row), was, row, (), plan.source)
    event["ts"] = ms
    return delivery.finished(event, plan.is_small)


def _send(base: Any, group: list[Change], row: Any) -> Any:
    """Sends the event of the changes that have led from `base` to `row`; the row as a snapshot may
    keep it. What is fixed, and most rows are, becomes an event later and elsewhere."""
    plan = group[-1].plan
    last = (base if type(base) is dict else group[-1].old) if row is ABSENT else row
    kept = events.known_part(last) if last is not None else None
    if kept is last:
        made = functools.partial(_made, base, group, row, events.clock.now_ms())
        delivery.send_later(made, plan.is_small)
    else:
        delivery.send(_event(base, group, row), plan.is_small)
    return kept


def _made(base: Any, group: list[Change], row: Any, ms: int) -> events.Event:
    event = _event(base, group, row)
    event["ts"] = ms
    return delivery.finished(event, group[-1].plan.is_small)


def submit_event(event: events.Event, using: str) -> None:
    """The same for an event that stands for itself."""
    connection = connections[using]
    if not connection.in_atomic_block:
        delivery.send(event)
        return
    catch_up(using)
    _batch(connection).add(event)
    catch_up(using)


def when_committed(action: Callable[[], None], using: str) -> None:
    """Runs an action of ours in its place among the changes, once they are committed."""
    connection = connections[using]
    if connection.in_atomic_block:
        _batch(connection).add(action)
    else:
        action()


def waiting_hooks() -> Iterator[Hook]:
    """The hooks of ours that a commit would run now, on every connection of this thread."""
    for connection in connections.all():
        for entry in list(connection.run_on_commit):
            hook = _hook(entry)
            if hook is not None:
                yield hook


def forget_batches() -> None:
    """Makes the next change on every connection of this thread the first of its transaction."""
    for connection in connections.all():
        connection.__dict__.pop("unstale_batch", None)


def settle(items: list[Any], bases: dict[Any, Any]) -> None:
    """Sends the events of what has been committed, in order, and moves the snapshots."""
    if len(items) == 1:
        _settle_item([items[0]] if type(items[0]) is Change else items[0], bases, bases)
        return
    rows = dict(bases)
    for item in _grouped(items):
        _settle_item(item, rows, bases)


@quiet
def _settle_item(item: Any, rows: dict[Any, Any], bases: dict[Any, Any]) -> None:
    if isinstance(item, list):
        _settle_row(item, rows, bases)
    elif callable(item):
        item()
    elif not delivery.uses_outbox():
        delivery.send(item)


def _grouped(items: Iterable[Any]) -> list[Any]:
    """Lists of changes of one row that make one event, at the place of the first of them."""
    merge = conf.get().merge
    out: list[Any] = []
    groups: dict[Any, list[Change]] = {}
    for item in items:
        if not isinstance(item, Change):
            out.append(item)
            continue
        group = groups.get(item.key) if merge else None
        if group is not None and item.kind is SAVE:
            group.append(item)
            continue
        if group is not None:
            item.old = _folded(item, group)
            group.clear()
        group = [item]
        out.append(group)
        groups[item.key] = group
        if item.kind is DELETE:
            del groups[item.key]
    return [each for each in out if each != []]


def _folded(delete: Change, saves: list[Change]) -> Any:
    """The old row of an object that was made and deleted in one transaction."""
    row: Any = {}
    for save in saves:
        row = _after(row, save)
    return {**(delete.old or {}), **row}


def _settle_row(group: list[Change], rows: dict[Any, Any], bases: dict[Any, Any]) -> None:
    key = group[0].key
    base = _first(group[0], bases.get(key))
    row = rows.get(key)
    for change in group:
        row = _after(row, change)
    if delivery.uses_outbox():
        kept = None if row is ABSENT else events.known_part(row)
    else:
        kept = _send(base, group, row)
    rows[key] = row
    if group[-1].kind is DELETE:
        bases[key] = ABSENT
        return
    for change in group:
        if change.state is not None:
            snapshot.remember(change.state, change.using, kept)


def _first(change: Change, base: Any) -> Any:
    return ABSENT if change.created else base


def _after(row: Any, change: Change) -> Any:
    if change.kind is DELETE:
        return ABSENT
    if row is None or row is ABSENT:
        return change.written
    return {**row, **change.written}


def _event(base: Any, group: list[Change], row: Any) -> events.Event:
    last = group[-1]
    if last.kind is DELETE:
        old = base if isinstance(base, dict) else last.old
        return events.deleted(last.plan, last.pk, old, last.source)
    if base is ABSENT:
        return events.created(last.plan, last.pk, row, last.source)
    written = {name for change in group for name in change.written} if base is None else ()
    return events.updated(last.plan, last.pk, base, row, written, last.source)
