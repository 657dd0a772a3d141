"""catalogue - what the rules of a project may speak of: its models, their columns and relations.

The form is that of `models` in a rule file. Columns are named as events name them (a foreign key is
`category_id`), those of multi-table parents included, and so are columns whose values are not sent:
`changed` names them. Relations are many-to-many fields of the model and of its parents.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models

from .. import conf, labels, values
from ..plan import shown_fields

_NOT_SENT = ", not sent"
#: By the first class that fits.
_TYPES = (
    (models.BooleanField, "bool"),
    ((models.IntegerField, models.AutoField), "int"),
    (models.DecimalField, "decimal"),
    (models.FloatField, "float"),
    (models.DateTimeField, "datetime"),
    (models.DateField, "date"),
    (models.TimeField, "time"),
    (models.DurationField, "duration"),
    (models.UUIDField, "uuid"),
    (models.JSONField, "json"),
    (models.BinaryField, "binary"),
    ((models.CharField, models.TextField, models.FileField, models.GenericIPAddressField), "text"),
)


def type_name(field: models.Field) -> str:
    field = values.concrete_field(getattr(field, "output_field", field))
    for kinds, name in _TYPES:
        if isinstance(field, kinds):
            return name
    base = getattr(field, "base_field", None)
    return "array" if base is not None else type(field).__name__


def entry(model: type[models.Model], schema: str | None = None) -> dict[str, Any]:
    meta = model._meta
    shown = shown_fields(model, conf.get())
    table = meta.db_table.replace('"', "")
    found: dict[str, Any] = {
        "table": f"{schema}.{table}" if schema and "." not in table else table,
        "fields": {
            each.attname: type_name(each) + ("" if each in shown else _NOT_SENT)
            for each in meta.concrete_fields
        },
    }
    parents = [parent._meta.label for parent in meta.get_parent_list()]
    if parents:
        found["parents"] = parents
    if meta.many_to_many:
        found["m2m"] = [each.name for each in meta.many_to_many]
    return found


def catalogue(
    watched: Iterable[type[models.Model]], schema: str | None = None
) -> dict[str, dict[str, Any]]:
    """By label. A proxy's changes are told under the label of the model that has the table."""
    found = {labels.label(model): labels.concrete(model) for model in watched}
    return {label: entry(model, schema) for label, model in sorted(found.items())}
