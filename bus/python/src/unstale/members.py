"""The members of an event: what each may be, and how a wrong one is refused.

The same rules, in the same order and with the same words, as the service's decoder
(consumers/event/native.c, member.c and rows.c); a test holds the two together.
"""
import datetime
import decimal
import enum
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from unstale.errors import InvalidEvent
from unstale.suggest import nearest

NAME_MAX = 200
ID_MAX = 128
PKS_MAX = 10000
ROWS_MAX = 1000
VERSION_MAX = 2 ** 53 - 1
_SHOWN_BYTES = 64
_NUMBER_SHOWN = 32

# Written as strings, beside str itself: see event.plain().
TEXT_TYPES = (decimal.Decimal, datetime.date, datetime.time, uuid.UUID)


class Kind(enum.Enum):
    """What a value is in JSON; the value is how a refusal names it."""

    STRING = "a string"
    NUMBER = "a number"
    TRUE = "true"
    FALSE = "false"
    ARRAY = "an array"
    OBJECT = "an object"
    NULL = "null"


_CLASSES: dict[type, Kind] = {
    str: Kind.STRING, int: Kind.NUMBER, float: Kind.NUMBER, list: Kind.ARRAY, tuple: Kind.ARRAY,
    dict: Kind.OBJECT, type(None): Kind.NULL,
}
_BOOLEAN = (Kind.TRUE, Kind.FALSE)


def kind_of(value: Any) -> Kind:
    if isinstance(value, bool):
        return Kind.TRUE if value else Kind.FALSE
    if value.__class__ in _CLASSES:
        return _CLASSES[value.__class__]
    if isinstance(value, TEXT_TYPES):
        return Kind.STRING
    for base, kind in _CLASSES.items():
        if isinstance(value, base):
            return kind
    raise InvalidEvent("not JSON: Object of type %s is not JSON serializable" %
                       value.__class__.__name__)


class _Expected:
    """What a member may be. `classes` are the plain ones among it, for a quick look."""

    def __init__(self, name: str, kinds: Sequence[Kind], text: str) -> None:
        self.name = name
        self.kinds = kinds
        self.text = text
        self.classes = {base for base, kind in _CLASSES.items() if kind in kinds}
        if Kind.TRUE in kinds:
            self.classes.add(bool)

    def check(self, value: Any) -> None:
        if value.__class__ not in self.classes and kind_of(value) not in self.kinds:
            self.refuse(value)

    def refuse(self, value: Any) -> NoReturn:
        kind = kind_of(value)
        what = kind.value
        if kind is Kind.NUMBER and len(_number_text(value)) <= _NUMBER_SHOWN:
            what = _number_text(value)
        raise InvalidEvent('"%s" must be %s, not %s' % (self.name, self.text, what))


def _number_text(value: Any) -> str:
    return int.__repr__(value) if isinstance(value, int) else float.__repr__(value)


_EVENT = _Expected("the event", [Kind.OBJECT], "an object")
_PK_PART = _Expected("pk", [Kind.STRING, Kind.NUMBER, *_BOOLEAN],
                     "made of strings, numbers and booleans")
_FIELD = _Expected("field", [Kind.STRING], "a string")
_ACTION = _Expected("action", [Kind.STRING], "add, remove or clear")
_MEMBERS = {expected.name: expected for expected in (
    _Expected("event", [Kind.STRING], "a string"),
    _Expected("model", [Kind.STRING], "a string"),
    _Expected("pk", [Kind.STRING, Kind.NUMBER, Kind.ARRAY], "a string, an integer or an array"),
    _Expected("pks", [Kind.ARRAY], "an array"),
    _Expected("rows", [Kind.ARRAY], "an array of objects"),
    _Expected("created", _BOOLEAN, "true or false"),
    _Expected("changed", [Kind.ARRAY], "an array of strings"),
    _Expected("before", [Kind.OBJECT, Kind.NULL], "an object or null"),
    _Expected("after", [Kind.OBJECT, Kind.NULL], "an object or null"),
    _Expected("id", [Kind.STRING], "a string"),
    _Expected("ts", [Kind.NUMBER], "an integer (milliseconds since 1970)"),
    _Expected("version", [Kind.NUMBER], "an integer"),
    _Expected("source", [Kind.STRING], "a string"),
    _Expected("tenant", [Kind.STRING], "a string"),
    _Expected("trace", [Kind.STRING], "a string"),
    _Expected("sender", [Kind.STRING], "a string"),
    _Expected("m2m", [Kind.OBJECT], "an object"),
    _Expected("meta", [Kind.OBJECT], "an object"),
    _Expected("parents", [Kind.ARRAY], "an array of strings"),
)}

# ---- what is shown of the event's own text ----

_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def shown(text: str, max_bytes: int = -1) -> str:
    """As the program prints it: control characters and broken ends as \\xNN."""
    raw = text.encode().split(b"\0")[0]
    cut = raw[:max_bytes] if max_bytes >= 0 else raw
    return _CONTROL.sub(lambda found: "".join("\\x%02x" % byte for byte in found[0].encode()),
                        cut.decode("utf-8", "backslashreplace"))


def shown_name(name: str) -> str:
    return shown(name, _SHOWN_BYTES)


# ---- the checks, in the decoder's order ----

def _fail_missing(event: Mapping[Any, Any], name: str, text: str) -> NoReturn:
    unknown = (other for other in event if isinstance(other, str) and other not in _MEMBERS)
    near = nearest(name, unknown)
    raise InvalidEvent(text if near is None else '%s (there is "%s")' % (text, shown(near)))


def _check_names(event: Mapping[Any, Any]) -> None:
    for name in ("event", "model"):
        if name not in event:
            _fail_missing(event, name, '"%s" is missing' % name)
    for name in ("event", "model"):
        if not event[name]:
            raise InvalidEvent('"%s" must not be empty' % name)
    for name, most in (("event", NAME_MAX), ("model", NAME_MAX), ("id", ID_MAX)):
        if name in event and len(_text(event[name])) > most:
            raise InvalidEvent('"%s" must have at most %d characters' % (name, most))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _check_strings(array: Sequence[Any], expected: _Expected) -> None:
    for item in array:
        if item.__class__ is not str and kind_of(item) is not Kind.STRING:
            expected.refuse(item)


def _check_pk(pk: Any) -> None:
    kind = kind_of(pk)
    if kind is Kind.STRING or (kind is Kind.NUMBER and isinstance(pk, int)):
        return
    if kind is not Kind.ARRAY:
        _MEMBERS["pk"].refuse(pk)
    if not pk:
        raise InvalidEvent('"pk" must not be an empty array')
    for part in pk:
        _PK_PART.check(part)


def _wrap(place: str, check: Callable[[Any], None], value: Any) -> None:
    try:
        check(value)
    except InvalidEvent as error:
        raise InvalidEvent("%s: %s" % (place, error)) from None


def _check_m2m(m2m: Mapping[Any, Any]) -> None:
    if "field" in m2m:
        _FIELD.check(m2m["field"])
    if "action" in m2m:
        _ACTION.check(m2m["action"])
        if m2m["action"] not in ("add", "remove", "clear"):
            raise InvalidEvent('"action" must be add, remove or clear, not "%s"' %
                               shown(_text(m2m["action"]), _SHOWN_BYTES))
    if "pks" in m2m:
        _MEMBERS["pks"].check(m2m["pks"])
        for pk in m2m["pks"]:
            _check_pk(pk)


def _check_numbers(event: Mapping[Any, Any]) -> None:
    if "ts" in event and not isinstance(event["ts"], int):
        _MEMBERS["ts"].refuse(event["ts"])
    if "version" in event:
        version = event["version"]
        if not isinstance(version, int) or not 0 <= version <= VERSION_MAX:
            raise InvalidEvent('"version" must be an integer from 0 to %d, not %s' %
                               (VERSION_MAX, _number_text(version)))


def _check_row(row: Any) -> None:
    if kind_of(row) is not Kind.OBJECT:
        _MEMBERS["rows"].refuse(row)
    if "pk" not in row:
        raise InvalidEvent('"pk" is missing')
    for name in ("before", "after", "changed"):
        if name in row:
            _MEMBERS[name].check(row[name])
    _check_pk(row["pk"])
    if "changed" in row:
        _check_strings(row["changed"], _MEMBERS["changed"])


def _check_size(event: Mapping[Any, Any], name: str, most: int) -> None:
    if name not in event:
        return
    if not event[name]:
        raise InvalidEvent('"%s" must not be empty' % name)
    if len(event[name]) > most:
        raise InvalidEvent('"%s" must have at most %d elements, not %d' %
                           (name, most, len(event[name])))


def _check_subjects(event: Mapping[Any, Any]) -> None:
    _check_size(event, "rows", ROWS_MAX)
    _check_size(event, "pks", PKS_MAX)
    if not ("pk" in event or "rows" in event or "pks" in event or event["event"] == "truncate"):
        _fail_missing(event, "pk", 'one of "pk", "pks" and "rows" must be there')
    if "changed" in event:
        _check_strings(event["changed"], _MEMBERS["changed"])
    for i, row in enumerate(event.get("rows", ())):
        _wrap("rows[%d]" % i, _check_row, row)
    for i, pk in enumerate(event.get("pks", ())):
        if pk.__class__ is not int and pk.__class__ is not str:
            _wrap("pks[%d]" % i, _check_pk, pk)
    if "pk" in event:
        _check_pk(event["pk"])


def check_members(event: Any) -> None:
    """Refuses what no native event may be. The event can be written as JSON: that was tried."""
    _EVENT.check(event)
    for name, value in event.items():
        expected = _MEMBERS.get(name)
        if expected is not None and value.__class__ not in expected.classes:
            expected.check(value)
    _check_names(event)
    if "parents" in event:
        _check_strings(event["parents"], _MEMBERS["parents"])
    if "m2m" in event:
        _wrap("m2m", _check_m2m, event["m2m"])
    _check_numbers(event)
    _check_subjects(event)
