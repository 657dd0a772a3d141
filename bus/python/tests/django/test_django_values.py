"""What values look like in events."""
import datetime
import decimal
import enum
import json
import types
import uuid

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import F
from django.test import override_settings
from django.utils.functional import lazystr
from shop.models import Everything, Level, Offer, Status

from unstale.django import values
from unstale.testing import capture

UTC = datetime.timezone.utc
BERLIN = datetime.timezone(datetime.timedelta(hours=2))
MOMENT = datetime.datetime(2026, 1, 2, 3, 4, 5, 123456, UTC)
KEY = uuid.UUID("12345678123456781234567812345678")
FIELDS = {each.name: each for each in Everything._meta.fields}


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize("field, value, told", [
    ("text", "a", "a"),
    ("text", lazystr("a"), "a"),
    ("text", 5, "5"),
    ("text", Colour.RED, "red"),
    ("choice", Status.OLD, "old"),
    ("level", Level.HIGH, 2),
    ("level", "2", 2),
    ("level", True, 1),
    ("decimal", decimal.Decimal("12.5"), "12.500"),
    ("decimal", decimal.Decimal("12.34567"), "12.346"),
    ("decimal", decimal.Decimal("-0"), "0.000"),
    ("decimal", decimal.Decimal("1E+3"), "1000.000"),
    ("decimal", decimal.Decimal("0E-9"), "0.000"),
    ("decimal", "9.5", "9.500"),
    ("decimal", 7, "7.000"),
    ("number", 1.0, 1.0),
    ("number", 1, 1.0),
    ("number", float("inf"), "inf"),
    ("big", 2**62, 2**62),
    ("flag", True, True),
    ("flag", "False", False),
    ("moment", MOMENT, "2026-01-02T03:04:05.123456+00:00"),
    ("moment", MOMENT.replace(microsecond=0), "2026-01-02T03:04:05+00:00"),
    ("moment", MOMENT.astimezone(BERLIN), "2026-01-02T03:04:05.123456+00:00"),
    ("moment", MOMENT.replace(tzinfo=None), "2026-01-02T09:04:05.123456+00:00"),
    ("moment", "2026-01-02 03:04:05+00:00", "2026-01-02T03:04:05+00:00"),
    ("day", datetime.date(2026, 1, 2), "2026-01-02"),
    ("day", "2026-01-02", "2026-01-02"),
    ("hour", datetime.time(3, 4, 5, 6), "03:04:05.000006"),
    ("span", datetime.timedelta(days=1, seconds=5), "1 day, 0:00:05"),
    ("key", KEY, "12345678-1234-5678-1234-567812345678"),
    ("key", str(KEY), "12345678-1234-5678-1234-567812345678"),
    ("data", {"a": [1, decimal.Decimal("1.50"), None, Status.NEW], 5: MOMENT},
     {"a": [1, "1.50", None, "new"], "5": "2026-01-02T03:04:05.123456+00:00"}),
    ("raw", b"\x00\xff", "AP8="),
    ("raw", memoryview(b"\x00\xff"), "AP8="),
    ("file", "a/b.txt", "a/b.txt"),
    ("address", "::1", "::1"),
])
def test_values(field, value, told):
    found = values.converter(FIELDS[field])(value)
    assert found == told and type(found) is type(told)
    json.dumps(found)


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_null_is_null_and_an_expression_is_unknown(field):
    convert = values.converter(FIELDS[field])
    assert convert(None) is None
    with pytest.raises(values.Unknown):
        convert(F("id") + 1)


def test_foreign_keys_have_the_type_of_the_other_end():
    assert values.converter(Offer._meta.get_field("replaces"))("abc") == "abc"


def test_without_time_zones_times_stay_as_they_are():
    with override_settings(USE_TZ=False):
        convert = values.converter(FIELDS["moment"])
        assert convert(MOMENT.replace(tzinfo=None)) == "2026-01-02T03:04:05.123456"


def test_arrays_and_ranges_are_told_without_knowing_their_fields():
    class Array:
        is_relation = False
        size = None

        def __init__(self, base_field):
            self.base_field = base_field

    convert = values.converter(Array(FIELDS["decimal"]))
    assert convert([decimal.Decimal("1.5"), None]) == ["1.500", None]
    assert convert(values.freeze([decimal.Decimal("1.5")])) == ["1.500"]
    span = types.SimpleNamespace(lower=1, upper=None, isempty=False, bounds="[)")
    assert values.plain(span) == {"lower": 1, "upper": None, "bounds": "[)"}
    assert values.plain({"b", "a"}) == ["a", "b"]
    with pytest.raises(TypeError):
        values.plain(object())


def test_what_cannot_be_copied_counts_as_changed():
    class Stubborn:
        def __reduce__(self):
            raise TypeError

        __deepcopy__ = None

    lost = values.freeze(Stubborn())
    with pytest.raises(values.Unknown):
        lost.thaw()
    assert values.freeze(lambda: 1).thaw()() == 1


@pytest.mark.django_db(databases="__all__")
def test_an_event_holds_what_a_reader_of_the_row_sees(alias):
    """The same row, saved from other types and then loaded: both events are equal."""
    with capture() as events:
        Everything.objects.create(
            text="t", decimal="9.5", number=1, moment=MOMENT.astimezone(BERLIN), hour="03:04",
            day="2026-01-02", span=datetime.timedelta(hours=30), key=str(KEY), big="7", flag=1,
            data={"z": 1, "a": [None]}, raw=b"\x01", file="f", address="10.0.0.1",
        )
        row = Everything.objects.get()
        assert str(row.moment) == events[0]["after"]["moment"].replace("T", " ")
        row.save()
        Everything.objects.get().refresh_from_db()
    assert events[0]["after"] == events[1]["after"]
    assert events[1]["changed"] == []
    json.dumps(events[0]["after"], cls=DjangoJSONEncoder)
