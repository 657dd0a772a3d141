"""snapshot - what an instance looked like when it was loaded, kept at next to no cost.

A model that is watched keeps, in each instance's _state, the values that Django read for it: the
very tuple or list that they came in, so that loading copies nothing but values that can be changed
in place. It is turned into a row only when the instance is saved. Deferred fields are not in it
until they are loaded. Copies of an instance share its snapshot; pickles carry none, because what
they were made from may long have changed when they are read.

The snapshot is the row as it was last committed. It moves when a transaction has been committed
and on refresh_from_db(), which does not move what this transaction itself has written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db import models

from . import values
from .patch import Patches
from .plan import Plan


class Snapshot(tuple):
    """(alias, names, values) as they were loaded, or (alias, row). Never changed, only replaced.

    A pickle of an instance has None in its place, so that whoever reads it needs nothing of ours.
    """

    __slots__ = ()

    def __reduce__(self) -> Any:
        return (type(None), ())

    def __copy__(self) -> Snapshot:
        return self

    def __deepcopy__(self, memo: Any) -> Snapshot:
        return self


def known(state: Any, using: str) -> dict[str, Any] | None:
    """The row that was read or last committed through this alias; None if there is none."""
    held = state.__dict__.get("unstale")
    if held is None or held[0] != using:
        return None
    if len(held) == 3:
        held = state.unstale = Snapshot((using, dict(zip(held[1], held[2]))))
    return held[1]


def remember(state: Any, using: str, row: dict[str, Any]) -> None:
    """Lets `row` be what was last committed."""
    state.unstale = Snapshot((using, row))


def install(model: type[models.Model], plan: Plan, patches: Patches) -> None:
    """Makes instances of this model keep what they were loaded with."""
    patches.method(model, "from_db", lambda original: _loading(original, plan))
    patches.method(model, "refresh_from_db", lambda original: _refreshing(original, plan))


def _loading(original: Callable[..., Any], plan: Plan) -> Callable[..., Any]:
    mutable = plan.mutable

    def from_db(cls: Any, db: str, field_names: Any, values: Any, **more: Any) -> Any:
        instance = original(cls, db, field_names, values, **more)
        instance._state.unstale = Snapshot((db, field_names, values))
        return instance

    def from_db_copying(cls: Any, db: str, field_names: Any, values: Any, **more: Any) -> Any:
        kept = _frozen(mutable, field_names, values)
        instance = original(cls, db, field_names, values, **more)
        instance._state.unstale = Snapshot((db, field_names, kept))
        return instance

    return from_db_copying if mutable else from_db


def _frozen(mutable: frozenset[str], names: Iterable[str], row: Iterable[Any]) -> list[Any]:
    freeze = values.freeze
    return [freeze(each) if name in mutable else each for name, each in zip(names, row)]


def _refreshing(original: Callable[..., Any], plan: Plan) -> Callable[..., Any]:
    def refresh_from_db(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        fields = kwargs.get("fields", args[1] if len(args) > 1 else None)
        _refreshed(plan, self, fields)

    return refresh_from_db


def _refreshed(plan: Plan, instance: Any, fields: Iterable[str] | None) -> None:
    """Takes over what has just been read, unless this transaction has written the row itself."""
    from . import commit

    state = instance._state
    names = plan.names if fields is None else [plan.attname(name) for name in fields]
    row = plan.read(instance)
    read = {name: row[name] for name in names if name in row}
    old = known(state, state.db)
    if commit.has_written(plan, row, state.db):
        read = {name: value for name, value in read.items() if old is not None and name not in old}
    remember(state, state.db, {**(old or {name: row[name] for name in plan.pk_names}), **read})
