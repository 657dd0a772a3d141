"""`validate` and `unstale emit` accept and refuse the same events, with the same words."""
import datetime
import decimal
import json
import re
import subprocess
import uuid

import pytest
from emitter_support import clear_environment, ROOT

from unstale import InvalidEvent, validate
from unstale.event import encode, record_key

EXAMPLES = ROOT / "schemas" / "examples" / "event"
GOOD = {"event": "post_save", "model": "shop.Product", "pk": 1}
LINE = re.compile(r"^<stdin>:(\d+):\d+: (.*)$", re.M)


def good(**members):
    return {**GOOD, **members}


def without(name, **members):
    return {key: value for key, value in {**GOOD, **members}.items() if key != name}


def nested(depth):
    value = 0
    for i in range(depth):
        value = [value] if i % 2 else {"a": value}
    return value


def rows(*items, **members):
    return without("pk", event="bulk_update", rows=list(items), **members)


TABLE = [
    # What an event is.
    None, [], [GOOD], "x", 5, 1.5, True, {},
    # Names, and near ones.
    without("event"), without("model"), without("pk"), without("event", evnt="x"),
    without("model", Model="x"), without("model", modle="a", models="b"), without("pk", id="7"),
    without("pk", pkk=7), without("pk", key=7), without("event", **{"e\u00e9ent": "x"}),
    without("event", **{"even\t": 1}), without("model", **{"mod\u2028l": 1}),
    without("event", **{"x" * 200: 1}), without("model", **{"MODELL": 1}),
    without("pk", created_=1), {"event": "truncate"}, {"model": "truncate"},
    without("event", veent=1), without("event", event_=1, evemt=2),
    good(event=""), good(model=""), good(event="e" * 200), good(event="e" * 201),
    good(model="m" * 200), good(model="\u00e9" * 200), good(model="\u00e9" * 201),
    good(id="i" * 128), good(id="\U0001f600" * 129), good(id=""), good(event="own_event"),
    good(event=None), good(model=["a"]), good(event=7), good(event=True),
    # Types of members.
    *[good(**{name: value}) for name in
      ("pk", "created", "changed", "before", "after", "id", "ts", "version", "source", "tenant",
       "trace", "sender", "m2m", "meta", "parents")
      for value in (None, True, 7, 7.5, -3, "x", [], ["x"], [3], {}, {"a": 1}, 1e100, 10 ** 40)],
    *[without("pk", **{name: value}) for name in ("pks", "rows")
      for value in (None, True, 7, "x", [], {}, [None], [1], ["a"], [{}], [[1, "a"]], [[]], [1.5],
                    [{"pk": 1}], [{"pk": None}], [[None]], [[{}]], [1, {"pk": 2}])],
    good(unknown=None, another={"a": [1, 2, {"b": None}]}),
    # Numbers.
    good(ts=-1), good(ts=0), good(ts=2 ** 63), good(ts=1.0), good(ts=1e300), good(ts=-0.0),
    good(version=2 ** 53 - 1), good(version=2 ** 53), good(version=-1), good(version=5.0),
    good(version=10 ** 30), good(pk=-7), good(pk=2 ** 70), good(pk=5.0), good(pk=1.25e-7),
    # Keys.
    good(pk=[1]), good(pk=[1, "a"]), good(pk=[True, 1.5]), good(pk=[1, None]), good(pk=[[1]]),
    good(pk=[{"a": 1}]), good(pk=""), good(pk="\u00e9\n"), good(pk=(1, 2)),
    # Many-to-many.
    good(m2m={"field": "tags", "action": "add", "pks": [1, "a", [1, 2]]}),
    good(m2m={"field": 1}), good(m2m={"field": None}), good(m2m={"action": 1}),
    good(m2m={"action": "set"}), good(m2m={"action": ""}), good(m2m={"action": "a" * 70}),
    good(m2m={"action": "\u00e9" * 40}), good(m2m={"action": "a\nb\u2028c"}),
    good(m2m={"action": "a\0b"}), good(m2m={"pks": 7}), good(m2m={"pks": None}),
    good(m2m={"pks": [None]}), good(m2m={"pks": [[]]}), good(m2m={"pks": []}),
    good(m2m={"action": "set", "field": 7}), good(m2m={"pks": [1.5], "action": "clear"}),
    # Many objects.
    rows({"pk": 1}), rows({"pk": 1, "before": None, "after": {}}), rows({"before": {}}),
    rows({"pk": 1}, {"pk": {}}), rows({"pk": 1, "before": 1}), rows({"pk": 1, "after": "x"}),
    rows({"pk": 1, "changed": 1}), rows({"pk": 1, "changed": [1]}), rows({"pk": 1}, 7),
    rows({"pk": []}, changed=[1]), rows({"pk": 1, "changed": ["a"]}, pks=[1, None]),
    good(pks=[2], rows=[{"pk": 3}]), good(pks=[], rows=[{"pk": 3}]), good(pks=[2], rows=[]),
    without("pk", pks=list(range(10000))), without("pk", pks=list(range(10001))),
    rows(*[{"pk": i} for i in range(1000)]), rows(*[{"pk": i} for i in range(1001)]),
    # Two wrongs: the first in the decoder's order is told.
    without("event", id=7), good(version=-1, ts=1.5), good(parents=[1], version=-1),
    good(m2m={"field": 1}, parents=[1]), good(event="", id="i" * 129), good(created=1, before=2),
    good(before=2, created=1), good(changed=[1], pk=[]), good(changed=["a", 1]),
    good(parents=["a", None]), without("pk", version=-1), good(after=[], event=7),
    # Depth and size.
    good(meta={"a": nested(62)}), good(meta={"a": nested(63)}), good(meta=nested(64)),
    good(other=nested(63)), good(other=nested(64)), good(other=nested(400)),
    good(after={"a": "x" * (1 << 20)}), good(after={"a": "[{" * 400}),
    good(after={"a": "x" * ((1 << 20) - len(json.dumps(good(after={"a": ""}),
                                                       separators=(",", ":"))))}),
]


def answer(event):
    try:
        validate(event)
    except InvalidEvent as error:
        return str(error)
    return None


def answers_of_emit(program, lines):
    """What `unstale emit` says of each line, one after the other; None of a good one.

    Nothing is sent: there is always one line that is bad."""
    found = []
    for start in range(0, len(lines), 8):
        part = lines[start:start + 8]
        text = b"".join(line + b"\n" for line in [json.dumps(GOOD).encode()] + part + [b"bad"])
        done = subprocess.run([program, "emit", "-"], input=text, capture_output=True, timeout=60,
                              env=clear_environment())
        assert done.returncode == 1, done.stderr
        told = {int(nr): what for nr, what in LINE.findall(done.stderr.decode())
                if not what.startswith("warning: ")}
        assert set(told) <= set(range(2, len(part) + 3)) and len(part) + 2 in told, done.stderr
        found += [told.get(nr + 2) for nr in range(len(part))]
    return found


def test_the_table_agrees(program):
    texts = [json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
             for event in TABLE]
    for event, theirs in zip(TABLE, answers_of_emit(program, texts)):
        assert answer(event) == theirs, str(event)[:200]


@pytest.mark.parametrize("kind", ["valid", "invalid"])
def test_the_examples_agree(program, kind):
    paths = sorted((EXAMPLES / kind).glob("*.json"))
    events = [json.loads(path.read_text()) for path in paths]
    theirs = answers_of_emit(program, [json.dumps(event).encode() for event in events])
    assert len(paths) > 20
    for path, event, their in zip(paths, events, theirs):
        assert answer(event) == their, path
        assert (their is None) == (kind == "valid"), path


def test_what_is_sent_is_what_emit_takes(program):
    """Values that JSON has no type for are written so that the service reads them."""
    moment = datetime.datetime(2026, 11, 25, 4, 5, 6, 7, datetime.timezone.utc)
    event = good(pk=uuid.UUID(int=7), after={
        "price": decimal.Decimal("9.50"), "at": moment, "day": moment.date(), "time": moment.time(),
        "id": uuid.UUID(int=8), "name": "M\u00fcg \U0001f600\n", "list": (1, 2), 5: 6})
    validate(event)
    assert answers_of_emit(program, [encode(event)]) == [None]
    assert json.loads(encode(event))["after"] == {
        "price": "9.50", "at": "2026-11-25T04:05:06.000007+00:00", "day": "2026-11-25",
        "time": "04:05:06.000007", "id": "00000000-0000-0000-0000-000000000008",
        "name": "M\u00fcg \U0001f600\n", "list": [1, 2], "5": 6}
    assert record_key(event) == "shop.Product:00000000-0000-0000-0000-000000000007"


def test_what_is_no_json():
    endless = {}
    endless["a"] = endless
    for value, text in [(object(), "type object"), ({1}, "type set"), (float("nan"), "not JSON"),
                        (float("inf"), "not JSON"), ("\ud800", "surrogates"), (b"x", "type bytes"),
                        (endless, "nested deeper than 64 levels"), ({(1, 2): 3}, "not JSON"),
                        ({1: 2, "1": 3}, 'duplicate name "1"'),
                        ([{True: 1, "true": 2}], 'duplicate name "true"')]:
        with pytest.raises(InvalidEvent, match=re.escape(text)):
            validate(good(after={"a": value}))
    with pytest.raises(InvalidEvent):
        validate(object())
    with pytest.raises(InvalidEvent, match='duplicate name "1"'):
        validate(good(**{"1": 1}) | {1: 2})


def test_subclasses_are_what_they_stem_from():
    class Text(str):
        pass

    class Number(int):
        def __repr__(self):
            return "a number of mine"

        __str__ = __repr__

    event = {Text("event"): Text("post_save"), "model": Text("shop.Product"), "pk": Number(42),
             "version": Number(3), "changed": (Text("a"),)}
    validate(event)
    assert record_key(event) == "shop.Product:42"
    with pytest.raises(InvalidEvent, match="not -1$"):
        validate(good(version=Number(-1)))


@pytest.mark.parametrize("event, key", [
    (GOOD, "shop.Product:1"), (good(pk="x:1"), "shop.Product:x:1"), (good(pk=[5]), "shop.Product:5"),
    (good(pk=["a"]), "shop.Product:a"), (good(pk=[True]), "shop.Product:true"),
    (good(pk=[1, "a\u00e9\"", 2.50]), 'shop.Product:[1,"a\u00e9\\"",2.5]'),
    (without("pk", pks=[1]), "shop.Product"), (good(pks=[2]), "shop.Product"),
    (rows({"pk": 1}), "shop.Product"), (without("pk", event="truncate"), "shop.Product"),
    (good(event="truncate"), "shop.Product:1"), (good(pk=2 ** 70), "shop.Product:%d" % 2 ** 70)])
def test_record_keys(event, key):
    assert record_key(event) == key
