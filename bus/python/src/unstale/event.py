"""An event from a dict to what goes on the wire.

Values that JSON has no type for are written as the service's rules expect them: Decimal with its
zeros ("9.50"), dates and times in ISO 8601, UUID with hyphens.
"""
import datetime
import decimal
import json
import uuid
from collections.abc import Mapping
from typing import Any

from unstale.errors import InvalidEvent
from unstale.members import check_members, shown_name, TEXT_TYPES

BYTES_MAX = 1 << 20
DEPTH_MAX = 64


def plain(value: Any) -> str:
    """The text of a value that JSON has no type for."""
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    raise TypeError("Object of type %s is not JSON serializable" % value.__class__.__name__)


_dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False,
                          separators=(",", ":"), default=plain).encode


def encode(event: Mapping[str, Any]) -> bytes:
    """The event as JSON, in UTF-8 and without white space."""
    try:
        return _dumps(event).encode()
    except RecursionError:
        raise _too_deep() from None
    except (TypeError, ValueError) as error:
        raise InvalidEvent("not JSON: %s" % error) from None


def _too_deep() -> InvalidEvent:
    return InvalidEvent("nested deeper than %d levels" % DEPTH_MAX)


# ---- what the text alone does not show ----

def _written_name(name: Any) -> str:
    """A member's name as json writes it: 1 as "1", True as "true"."""
    return name if isinstance(name, str) else next(iter(json.loads(_dumps({name: 0}))))


def _check_unique(names: Mapping[Any, Any]) -> None:
    seen = set()
    for name in map(_written_name, names):
        if name in seen:
            raise InvalidEvent('duplicate name "%s"' % shown_name(name))
        seen.add(name)


def _check_tree(value: Any, depth: int) -> None:
    if depth > DEPTH_MAX:
        raise _too_deep()
    if isinstance(value, dict):
        if not _has_plain_names(value):
            _check_unique(value)
        value = value.values()
    for item in value:
        if isinstance(item, (dict, list, tuple)):
            _check_tree(item, depth + 1)


def _has_plain_names(value: Mapping[Any, Any]) -> bool:
    try:
        "".join(value)
    except TypeError:
        return False
    return True


def _is_flat(event: Mapping[Any, Any], raw: bytes) -> bool:
    """True where only the event's own members hold objects, so that nothing can be nested deep."""
    objects = [event]
    for name in ("before", "after", "meta", "m2m"):
        if isinstance(event.get(name), dict):
            objects.append(event[name])
    return (raw.count(b"{") == len(objects) and raw.count(b"[") < DEPTH_MAX - 2 and
            all(map(_has_plain_names, objects)))


# ---- the whole ----

def prepare(event: Any) -> tuple[bytes, bytes]:
    """The record's key and value; refuses what `validate` refuses."""
    raw = encode(event)
    _check_size(raw)
    if isinstance(event, dict) and not _is_flat(event, raw):
        _check_tree(event, 1)
    check_members(event)
    return record_key(event).encode(), raw


def pack(event: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """The same of an event whose maker vouches for all but its size and its texts."""
    raw = encode(event)
    _check_size(raw)
    return record_key(event).encode(), raw


def _check_size(raw: bytes) -> None:
    if len(raw) > BYTES_MAX:
        raise InvalidEvent("the value has %d bytes, more than the %d allowed" %
                           (len(raw), BYTES_MAX))


def validate(event: Any) -> None:
    """Raises InvalidEvent where `unstale emit` would refuse the event, and says what it would say."""
    prepare(event)


def record_key(event: Mapping[str, Any]) -> str:
    """"shop.Product:42": events with one key stay in order. The model alone where many are meant."""
    model = event["model"]
    if "pk" not in event or "pks" in event or "rows" in event:
        return _key_text(model)
    pk = event["pk"]
    if isinstance(pk, (list, tuple)) and len(pk) == 1:
        pk = pk[0]
    return "%s:%s" % (_key_text(model), _key_text(pk))


def _key_text(value: Any) -> str:
    if isinstance(value, str):
        return str.__str__(value)
    if value.__class__ is int:
        return int.__repr__(value)
    return plain(value) if isinstance(value, TEXT_TYPES) else _dumps(value)
