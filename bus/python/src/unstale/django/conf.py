"""conf - the setting UNSTALE.

Every member has a default that makes sense, but for BROKERS, which may also come from the
environment variable UNSTALE_KAFKA_BROKERS. What is wrong with a member is told by
`manage.py check`; at run time such a member counts as not given, so that a mistake in it never
fails a request. The settings are read when they are first needed, and again when a test
overrides them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings as django_settings
from django.core.signals import setting_changed

#: Bookkeeping of Django itself, of which nobody caches anything by model.
EXCLUDE = ("sessions.*", "admin.LogEntry", "contenttypes.*", "auth.Permission", "unstale.*")

#: Field names whose values never leave the process unless FIELDS says so.
SENSITIVE = (
    "password", "passwd", "*password*", "*passphrase*", "*token*", "*secret*", "*api_key*",
    "*apikey*", "*private_key*", "*credential*", "*credit_card*", "*card_number*", "cvv", "ssn",
    "*_hash", "*otp*", "session_key", "session_data",
)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the setting: its code, what it is and what to do about it."""

    code: str
    text: str
    hint: str | None = None


@dataclass(frozen=True)
class Member:
    """What UNSTALE may hold: `kind` names what `valid` accepts."""

    default: Any
    kind: str
    valid: Callable[[Any], bool]


def _text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _optional_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _texts(value: Any) -> bool:
    return isinstance(value, (list, tuple, set)) and all(isinstance(each, str) for each in value)


def _text_or_texts(value: Any) -> bool:
    return _optional_text(value) or _texts(value)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _duration(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0


def _one_of(*choices: str) -> Callable[[Any], bool]:
    def valid(value: Any) -> bool:
        if isinstance(value, Mapping):
            return all(isinstance(key, str) and each in choices for key, each in value.items())
        return isinstance(value, str) and value in choices

    return valid


def _table_of(valid: Callable[[Any], bool]) -> Callable[[Any], bool]:
    def each_valid(value: Any) -> bool:
        return isinstance(value, Mapping) and all(
            isinstance(key, str) and valid(each) for key, each in value.items()
        )

    return each_valid


def _version_field(value: Any) -> bool:
    return _optional_text(value) or _table_of(_text)(value)


MEMBERS: dict[str, Member] = {
    "ENABLED": Member(True, "True or False", _flag),
    "BROKERS": Member(None, "a text or a list of texts", _text_or_texts),
    "TOPIC": Member("model-events", "a text", _text),
    "TRANSPORT": Member("kafka", '"kafka" or "http"', _one_of("kafka", "http")),
    "URL": Member(None, "a text", _optional_text),
    "TOKEN": Member(None, "a text", _optional_text),
    "OPTIONS": Member({}, "an object", lambda value: isinstance(value, Mapping)),
    "MAX_BLOCK_MS": Member(None, "a number of ms", lambda v: v is None or _duration(v)),
    "DELAY_MS": Member(None, "a number of ms", lambda v: v is None or _duration(v)),
    "RAISE_ERRORS": Member(False, "True or False", _flag),
    "MODELS": Member(("*",), "a list of labels", _texts),
    "EXCLUDE": Member((), "a list of labels", _texts),
    "FIELDS": Member({}, "labels with lists of field names", _table_of(_texts)),
    "SENSITIVE": Member(SENSITIVE, "a list of patterns of field names", _texts),
    "OLD_VALUES": Member(
        "snapshot",
        '"snapshot" or "query", or labels with one of them',
        _one_of("snapshot", "query"),
    ),
    "VERSION_FIELD": Member(None, "a field name, or labels with one", _version_field),
    "MERGE": Member(True, "True or False", _flag),
    "BULK": Member("rows", '"rows" or "pks", or labels with one of them', _one_of("rows", "pks")),
    "M2M_ON_DELETE": Member(True, "True or False", _flag),
    "SET_NULL": Member(True, "True or False", _flag),
    "SOURCE": Member(None, "a text", _optional_text),
    "OUTBOX": Member(False, "True or False", _flag),
}

#: Members of UNSTALE that other modules of the app read by themselves, with the same table.
MORE_MEMBERS: dict[str, Member] = {}


class Settings:
    """The setting as it counts: every member is there, by its name in lower case, and is valid."""

    def __init__(self, values: Mapping[str, Any], problems: tuple[Problem, ...] = ()) -> None:
        self.values = values
        self.problems = problems
        for name, value in values.items():
            setattr(self, name.lower(), value)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"UNSTALE has no member {name.upper()}")

    def brokers_text(self) -> str | None:
        """The brokers as a client takes them: joined by commas; None if there are none."""
        brokers = self.values["BROKERS"] or os.environ.get("UNSTALE_KAFKA_BROKERS")
        if not brokers:
            return None
        return brokers if isinstance(brokers, str) else ",".join(brokers)


def members() -> dict[str, Member]:
    return {**MEMBERS, **MORE_MEMBERS}


def read(raw: Any) -> Settings:
    """The settings that a value of UNSTALE means, and what is wrong with it."""
    table = members()
    values = {name: member.default for name, member in table.items()}
    if not isinstance(raw, Mapping):
        return Settings(values, (Problem("E001", "UNSTALE must be a dictionary."),))
    problems = []
    for name, value in raw.items():
        if name not in table:
            problems.append(_unknown(str(name), table))
        elif not table[name].valid(value):
            text = f'UNSTALE["{name}"] must be {table[name].kind}, not {value!r}.'
            problems.append(Problem("E003", text))
        else:
            values[name] = value
    return Settings(values, tuple(problems))


def _unknown(name: str, table: Mapping[str, Member]) -> Problem:
    from .labels import nearest

    meant = nearest(name, table)
    hint = f'Did you mean "{meant}"?' if meant else f"It may hold: {', '.join(sorted(table))}."
    return Problem("E002", f'UNSTALE["{name}"] is not a setting of unstale.', hint)


_read: list[Settings] = []


def get() -> Settings:
    """The settings of this project, read once."""
    if not _read:
        _read.append(read(getattr(django_settings, "UNSTALE", {})))
    return _read[0]


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting in ("UNSTALE", "USE_TZ"):
        _read.clear()


setting_changed.connect(_forget)
