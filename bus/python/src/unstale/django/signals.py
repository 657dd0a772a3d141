"""signals - what Django tells of single rows: saves and deletes.

Handlers are connected for each model that is watched and for no other, because Django deletes the
rows of a model that nobody listens to in one statement without reading them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import connections, models
from django.db.models import signals

from . import commit, delivery, snapshot
from .plan import Plan
from .trouble import note, quiet
from .values import FIXED_TYPES

FIXTURE = "fixture"


class Handlers:
    """The handlers of one model. They are kept by whoever connects them."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.read = plan.read_plain

    def connect(self) -> None:
        for signal, handler in self._pairs():
            signal.connect(handler, sender=self.plan.model, weak=False, dispatch_uid=self._uid())

    def disconnect(self) -> None:
        for signal, _ in self._pairs():
            signal.disconnect(sender=self.plan.model, dispatch_uid=self._uid())

    def _uid(self) -> str:
        return f"unstale.{self.plan.model._meta.label}"

    def _pairs(self) -> list[tuple[Any, Any]]:
        pairs: list[tuple[Any, Any]] = [
            (signals.post_save, self.saved),
            (signals.post_delete, self.deleted),
        ]
        if self.plan.queries_old:
            pairs.append((signals.pre_save, self.about_to_change))
            pairs.append((signals.pre_delete, self.about_to_change))
        return pairs

    def saved(
        self,
        instance: models.Model,
        created: bool,
        using: str,
        raw: bool = False,
        update_fields: Collection[str] | None = None,
        **kwargs: Any,
    ) -> None:
        try:
            is_usual = not (created or raw) and update_fields is None and self.read is not None
            if not is_usual or not self._tell_usual(instance, using):
                self._tell(instance, created, using, raw, update_fields)
        except Exception:
            note("Handlers.saved")

    def _tell_usual(self, instance: models.Model, using: str) -> bool:
        """Tells of a save of a whole row with no more work here than reading it. False: there is
        more to it, and nothing has been done."""
        state = instance._state
        held = getattr(state, "unstale", None)
        if held is None or held[0] != using or delivery.listener() is not None:
            return False
        try:
            new = self.read(instance.__dict__)
        except KeyError:
            return False
        plan = self.plan
        if len(held) == 2:
            old, pk = held[1], held[1].get(plan.pk_names[0])
        elif held[1] is plan.names or tuple(held[1]) == plan.names:
            old, pk = held[2], held[2][plan.pk_at]
        else:
            return False
        if pk != new[plan.pk_at] or not FIXED_TYPES.issuperset(map(type, new)):
            return False
        commit.submit_usual(plan, state, old, new, using)
        return True

    def _tell(
        self,
        instance: models.Model,
        created: bool,
        using: str,
        raw: bool,
        update_fields: Collection[str] | None,
    ) -> None:
        commit.catch_up(using)
        row = self.plan.read(instance)
        source = self.plan.source
        if raw:
            source = instance._state.unstale_source = FIXTURE
        old = None if created else _old(self.plan, instance, row, using)
        written = _written(self.plan, row, created, update_fields)
        commit.submit(commit.Change(self.plan, commit.SAVE, self.plan.pk(row), using, created, old,
                                    written, instance._state, source))

    @quiet
    def deleted(self, instance: models.Model, using: str, **kwargs: Any) -> None:
        commit.catch_up(using)
        row = self.plan.read(instance)
        old = _old(self.plan, instance, row, using)
        if old is None and not instance._state.adding:
            old = row
        commit.submit(commit.Change(self.plan, commit.DELETE, self.plan.pk(row), using, False, old,
                                    {}, None, self.plan.source))

    @quiet
    def about_to_change(self, instance: models.Model, using: str, **kwargs: Any) -> None:
        """Reads the old row, locked where a transaction is open to hold the lock."""
        row = self.plan.read(instance)
        if any(row.get(name) is None for name in self.plan.pk_names):
            return
        rows = self.plan.model._base_manager.using(using).filter(pk=instance.pk)
        connection = connections[using]
        if connection.in_atomic_block and connection.features.has_select_for_update:
            rows = rows.select_for_update(**_of_self(connection))
        found = rows.first()
        instance._state.unstale_old = self.plan.read(found) if found is not None else None


def _of_self(connection: Any) -> dict[str, Any]:
    return {"of": ("self",)} if connection.features.has_select_for_update_of else {}


def _written(
    plan: Plan, row: dict[str, Any], created: bool, update_fields: Collection[str] | None
) -> dict[str, Any]:
    """The columns that a save wrote, with the key; an update writes no generated column."""
    if update_fields is None:
        if created or not plan.generated:
            return row
        return {name: value for name, value in row.items() if name not in plan.generated}
    names = {plan.attname(name) for name in update_fields}.union(plan.pk_names)
    return {name: value for name, value in row.items() if name in names}


def _old(
    plan: Plan, instance: models.Model, row: dict[str, Any], using: str
) -> dict[str, Any] | None:
    """The row before: what was read just now, else the snapshot, if it is of the same object."""
    state = instance._state
    if "unstale_old" in state.__dict__:
        old = state.__dict__.pop("unstale_old")
    else:
        old = snapshot.known(state, using)
    return old if old is not None and plan.same_pk(old, row) else None
