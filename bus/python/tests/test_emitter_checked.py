"""emit_checked(): what its maker vouches for is sent as it is."""
import pytest

import unstale
from unstale.event import pack, prepare

EVENT = {"event": "post_save", "model": "shop.Product", "pk": 42, "created": False,
         "before": {"category_id": 3}, "after": {"name": "Tee \u00e9", "price": "9.50"}}


@pytest.mark.parametrize("event", [
    EVENT, {**EVENT, "pk": [1, "a"]}, {"event": "truncate", "model": "shop.Product"},
    {"event": "bulk_update", "model": "shop.Product", "pks": [1, 2]},
])
def test_a_record_is_the_same_as_when_it_is_checked(event):
    assert pack(event) == prepare(event)


def test_size_and_texts_are_still_looked_at():
    for wrong in ({"name": "x" * (1 << 20)}, {"name": "\ud800"}, {"name": object()}):
        with pytest.raises(unstale.InvalidEvent):
            pack({**EVENT, "after": wrong})


def test_one_that_cannot_be_sent_is_counted():
    with unstale.Emitter("127.0.0.1:1") as emitter:
        assert emitter.emit_checked({**EVENT, "after": {"name": object()}}) is False
        assert emitter.counters()["invalid"] == 1


def test_one_that_can_arrives():
    options = {"test.mock.num.brokers": 1}
    with unstale.Emitter("127.0.0.1:1", "checked", options=options) as emitter:
        assert emitter.emit_checked(EVENT) is True
        assert emitter.flush(30) == 0
        assert emitter.counters()["delivered"] == 1
