"""values - how the values of model fields stand in an event.

A key that an application makes with an f-string has the text that str() gives, so that is what
an event carries wherever JSON has no type of its own: decimals with the places that the database
keeps, dates and times in ISO 8601 with microseconds and offset, UUIDs and durations as str()
prints them. Integers, booleans, floats, texts and JSON stay what they are.

A converter takes what lies in an instance's __dict__. It raises Unknown for a value that only the
database knows (an F() expression), and any other exception for one that it cannot express.
"""

from __future__ import annotations

import base64
import copy
import datetime
import decimal
import enum
import functools
import math
import pickle
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

Converter = Callable[[Any], Any]

#: Fields whose values nobody can change in place: a snapshot of them needs no copy.
IMMUTABLE = (
    models.BooleanField,
    models.CharField,
    models.TextField,
    models.IntegerField,
    models.FloatField,
    models.DecimalField,
    models.DateField,
    models.TimeField,
    models.DurationField,
    models.UUIDField,
    models.GenericIPAddressField,
)

#: Types of values that the database cannot have made something else of.
PLAIN_TYPES = frozenset((
    type(None), bool, int, float, str, bytes, decimal.Decimal, uuid.UUID, datetime.datetime,
    datetime.date, datetime.time, datetime.timedelta,
))

_SCALARS = (
    type(None), str, bytes, int, float, bool, decimal.Decimal, datetime.date, uuid.UUID
)


_NO_OFFSET = datetime.timedelta()


class Unknown(Exception):
    """The value is known to the database alone."""


class Frozen:
    """A copy of a mutable value as it was: two of the same content need not be equal in bytes."""

    __slots__ = ("pickled",)

    def __init__(self, value: Any) -> None:
        self.pickled = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)

    def thaw(self) -> Any:
        return pickle.loads(self.pickled)


class Copied:
    """The same for what cannot be pickled."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = copy.deepcopy(value)

    def thaw(self) -> Any:
        return self.value


class Lost:
    """Stands for a value that could not even be copied: it always counts as changed."""

    __slots__ = ()

    def thaw(self) -> Any:
        raise Unknown


def freeze(value: Any) -> Any:
    """What a later change in place of the value does not reach."""
    if isinstance(value, _SCALARS) or is_expression(value):
        return value
    if isinstance(value, (memoryview, bytearray)):
        return bytes(value)
    for way in (Frozen, Copied):
        try:
            return way(value)
        except Exception:
            continue
    return Lost()


def is_expression(value: Any) -> bool:
    return hasattr(value, "resolve_expression")


def exact_type(field: models.Field) -> type | None:
    """The type whose values are JSON as they are; None where a converter has to see them all."""
    field = concrete_field(field)
    for kinds, kind in _EXACT:
        if isinstance(field, kinds):
            return kind
    return None


def is_mutable(field: models.Field) -> bool:
    return not isinstance(concrete_field(field), IMMUTABLE)


def concrete_field(field: models.Field) -> models.Field:
    """The field whose type the column has: that of the other end, where it is a foreign key."""
    while field.is_relation and getattr(field, "target_field", None) is not None:
        field = field.target_field
    return field


def converter(field: models.Field) -> Converter:
    """The function that turns this field's values into JSON."""
    field = concrete_field(field)
    for kinds, make in _MAKERS:
        if isinstance(field, kinds):
            return make(field)
    if hasattr(field, "base_field") and hasattr(field, "size"):
        return _array(field)
    return _thawed(plain)


def key_part(convert: Converter, value: Any) -> str | int:
    """A column of a primary key: an integer stays one, everything else is text."""
    value = convert(value)
    return value if type(value) in (int, str) else str(value)


def plain(value: Any) -> Any:
    """JSON of a value of which no field tells the type."""
    if value is None or type(value) in (str, int, bool):
        return value
    if isinstance(value, enum.Enum):
        return plain(value.value)
    for kinds, convert in _TYPES:
        if isinstance(value, kinds):
            return convert(value)
    if is_expression(value):
        raise Unknown
    if hasattr(value, "lower") and hasattr(value, "upper") and hasattr(value, "isempty"):
        return _range(value)
    if hasattr(value, "_proxy____args"):
        return str(value)
    raise TypeError(f"no JSON for a value of type {type(value).__name__}")


def plain_name(value: Any) -> str:
    return value if type(value) is str else str(value)


def _float(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def _number(value: decimal.Decimal) -> str:
    return format(value, "f") if value.is_finite() else str(value)


def _moment(value: datetime.datetime) -> str:
    """As it comes back from the database: in UTC where the project uses time zones."""
    if value.utcoffset() == _NO_OFFSET or not settings.USE_TZ:
        return value.isoformat()
    if timezone.is_naive(value):
        value = timezone.make_aware(value, timezone.get_default_timezone())
    return value.astimezone(datetime.timezone.utc).isoformat()


def _binary(value: Any) -> str:
    return base64.b64encode(bytes(value)).decode("ascii")


def _mapping(value: Mapping) -> dict[str, Any]:
    return {plain_name(plain(key)): plain(item) for key, item in value.items()}


def _sequence(value: Any) -> list[Any]:
    return [plain(item) for item in value]


def _range(value: Any) -> dict[str, Any]:
    bounds = getattr(value, "bounds", None) or getattr(value, "_bounds", None)
    return {"lower": plain(value.lower), "upper": plain(value.upper), "bounds": bounds}


def _file(value: Any) -> str | None:
    return value.name


#: What nobody can change in place, and what is no expression.
FIXED_TYPES = PLAIN_TYPES.union((Frozen, Copied, Lost))

_TYPES: tuple[tuple[Any, Converter], ...] = (
    (str, str.__str__),
    (bool, bool),
    (int, int),
    (float, _float),
    (decimal.Decimal, _number),
    (datetime.datetime, _moment),
    ((datetime.date, datetime.time), lambda value: value.isoformat()),
    ((datetime.timedelta, uuid.UUID), str),
    ((bytes, bytearray, memoryview), _binary),
    (Mapping, _mapping),
    ((list, tuple), _sequence),
    ((set, frozenset), lambda value: sorted(_sequence(value), key=str)),
    (models.fields.files.FieldFile, _file),
)


def _coerced(field: models.Field, value: Any) -> Any:
    """What the database makes of a value of another type, as of the text "5" for an integer."""
    if isinstance(value, enum.Enum):
        value = value.value
    if is_expression(value):
        raise Unknown
    return field.to_python(value)


def _exact(kind: type, field: models.Field) -> Converter:
    def convert(value: Any) -> Any:
        if value is None or type(value) is kind:
            return value
        return plain(_coerced(field, value))

    return convert


def _typed(kind: type, text: Callable[[Any], Any]) -> Callable[[models.Field], Converter]:
    def make(field: models.Field) -> Converter:
        def convert(value: Any) -> Any:
            if value is None:
                return None
            if type(value) is not kind:
                value = _coerced(field, value)
            return None if value is None else text(value)

        return convert

    return make


def _decimal(field: models.DecimalField) -> Converter:
    if field.decimal_places is None:
        return _typed(decimal.Decimal, _number)(field)
    context = decimal.Context(prec=max(field.max_digits or 0, 28))
    quantum = decimal.Decimal(1).scaleb(-field.decimal_places)

    def text(value: decimal.Decimal) -> str:
        try:
            value = value.quantize(quantum, context=context)
        except decimal.InvalidOperation:
            return _number(value)
        return format(value if value else abs(value), "f")

    return _typed(decimal.Decimal, text)(field)


def _thawed(convert: Converter) -> Converter:
    def thawing(value: Any) -> Any:
        return convert(value.thaw() if isinstance(value, (Frozen, Copied, Lost)) else value)

    return thawing


def _array(field: Any) -> Converter:
    item = converter(field.base_field)

    def convert(value: Any) -> Any:
        if is_expression(value):
            raise Unknown
        return None if value is None else [item(element) for element in value]

    return _thawed(convert)


_TEXT_FIELDS = (models.CharField, models.TextField, models.GenericIPAddressField)

_EXACT: tuple[tuple[Any, type], ...] = (
    (models.BooleanField, bool),
    (models.IntegerField, int),
    (_TEXT_FIELDS, str),
)

_MAKERS: tuple[tuple[Any, Callable[[Any], Converter]], ...] = (
    *((kinds, functools.partial(_exact, kind)) for kinds, kind in _EXACT),
    (models.DecimalField, _decimal),
    (models.FloatField, _typed(float, _float)),
    (models.DateTimeField, _typed(datetime.datetime, _moment)),
    (models.DateField, _typed(datetime.date, datetime.date.isoformat)),
    (models.TimeField, _typed(datetime.time, datetime.time.isoformat)),
    (models.DurationField, _typed(datetime.timedelta, str)),
    (models.UUIDField, _typed(uuid.UUID, str)),
)
