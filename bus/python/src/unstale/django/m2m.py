"""m2m - many-to-many relations, always told from the side that declares the field.

`tag.product_set.add(product)` and `product.tags.add(tag)` make the same event: that `tags` of the
product changed. Calls from the other side therefore make one event for each object of this side,
and so do both ends of a symmetrical relation. A call that changes nothing makes none. What a
clear() removes is read before it runs: one query.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.db import models
from django.db.models import signals

from . import bulk, conf, delivery, events, values
from .plan import Plan
from .signals import FIXTURE
from .trouble import quiet

_ACTIONS = {"post_add": "add", "post_remove": "remove"}


class Relation:
    """One many-to-many field of a model that is watched."""

    def __init__(self, plan: Plan, field: models.ManyToManyField) -> None:
        self.plan = plan
        self.field = field
        self.through = field.remote_field.through
        self.near_name = field.m2m_field_name()
        self.far_name = field.m2m_reverse_field_name()
        self.near = self.through._meta.get_field(self.near_name)
        self.far = self.through._meta.get_field(self.far_name)
        self.near_pk = values.converter(self.near)
        self.far_pk = values.converter(self.far)
        self.is_symmetrical = bool(getattr(field.remote_field, "symmetrical", False))

    def connect(self) -> None:
        signals.m2m_changed.connect(
            self.changed, sender=self.through, weak=False, dispatch_uid=self._uid()
        )

    def disconnect(self) -> None:
        signals.m2m_changed.disconnect(sender=self.through, dispatch_uid=self._uid())

    def _uid(self) -> str:
        return f"unstale.{self.field}"

    @quiet
    def changed(
        self,
        instance: models.Model,
        action: str,
        reverse: bool,
        pk_set: Collection[Any] | None,
        using: str,
        **kwargs: Any,
    ) -> None:
        source = self._source(instance, kwargs)
        if action == "pre_clear":
            instance._state.unstale_cleared = (self, self._linked(instance, reverse, using))
        elif action == "post_clear":
            relation, linked = instance._state.__dict__.pop("unstale_cleared", (self, ()))
            if relation is self:
                self._publish(instance, reverse, "clear", linked, using, source)
        elif action in _ACTIONS and pk_set:
            self._publish(instance, reverse, _ACTIONS[action], pk_set, using, source)

    def _source(self, instance: models.Model, told: dict[str, Any]) -> str | None:
        if told.get("raw") or getattr(instance._state, "unstale_source", None) == FIXTURE:
            return FIXTURE
        return conf.get().source

    def _linked(self, instance: models.Model, reverse: bool, using: str) -> list[Any]:
        own, other = self._ends(reverse)
        key = getattr(instance, own.target_field.attname)
        rows = self.through._base_manager.using(using).filter(**{own.attname: key})
        return list(rows.order_by().values_list(other.attname, flat=True))

    def _ends(self, reverse: bool) -> tuple[Any, Any]:
        return (self.far, self.near) if reverse else (self.near, self.far)

    def _publish(
        self,
        instance: models.Model,
        reverse: bool,
        action: str,
        others: Collection[Any],
        using: str,
        source: str | None,
    ) -> None:
        own = getattr(instance, self._ends(reverse)[0].target_field.attname)
        if not reverse:
            self.publish(own, action, others, using, source)
        if reverse or self.is_symmetrical:
            # From the other side a clear() takes one object away from each of them.
            one = "remove" if action == "clear" else action
            for other in sorted(others, key=str):
                self.publish(other, one, [own], using, source)

    def publish(
        self, near: Any, action: str, far: Iterable[Any], using: str, source: str | None
    ) -> None:
        """The events of one object of this side, each with at most as many keys as are allowed."""
        pks = sorted({self.far_pk(pk) for pk in far}, key=lambda pk: (type(pk) is str, pk))
        pk = self.near_pk(near)
        for some in bulk.portions(pks):
            link = {"field": self.field.name, "action": action, "pks": some}
            event = events.named(self.plan, "m2m_changed", source, pk=pk, m2m=link)
            delivery.publish(event, using)


def handlers(plans: dict[type[models.Model], Plan]) -> list[Relation]:
    """The relations of the models that are watched, each once."""
    relations = []
    for model, plan in plans.items():
        if model._meta.proxy:
            continue
        for field in model._meta.local_many_to_many:
            relations.append(Relation(plan, field))
    return relations
