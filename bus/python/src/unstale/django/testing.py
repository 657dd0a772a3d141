"""testing - what your code publishes, for its tests: no Kafka, no commit needed.

    with capture() as events:
        product.save()
    assert_emitted(events, "shop.Product", pk=product.pk, changed=["price"])

Within django.test.TestCase a transaction is open all the time and never committed. capture()
counts as committed what would be without it: a change outside every atomic block of the test at
once, those within a block together when it has ended, and nothing that was rolled back. While it
listens, nothing is sent, and the outbox is not used. What waited for a commit when it began counts
as committed before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

from . import commit, delivery

Event = dict[str, Any]


class Captured(list):
    """The events so far, in order. A look at it counts as committed what waits for a commit."""

    def __init__(self) -> None:
        super().__init__()
        self._depths = {each.alias: _depth(each) for each in connections.all()}
        self._is_open = True

    def settle(self) -> Captured:
        """Takes over what waits for a commit; every look at the events does."""
        if self._is_open:
            for hook in list(commit.waiting_hooks()):
                hook.run()
            commit.forget_batches()
        return self

    def looked_at(self, connection: Any) -> None:
        """Called before and after each change: one outside the test's blocks is a commit."""
        if _depth(connection) <= self._depths.get(connection.alias, 0):
            self.settle()

    def close(self) -> None:
        self.settle()
        self._is_open = False

    def __iter__(self) -> Iterator[Event]:
        self.settle()
        return super().__iter__()

    def __len__(self) -> int:
        self.settle()
        return super().__len__()

    def __getitem__(self, index: Any) -> Any:
        self.settle()
        return super().__getitem__(index)

    def __eq__(self, other: object) -> bool:
        self.settle()
        return super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        self.settle()
        return super().__repr__()


def _depth(connection: Any) -> int:
    return len(connection.savepoint_ids) + bool(connection.in_atomic_block)


@contextmanager
def capture() -> Iterator[Captured]:
    """Gathers the events of the block instead of sending them."""
    before = Captured()
    delivery.listen(before)
    before.close()
    delivery.leave(before)
    events = Captured()
    delivery.listen(events)
    try:
        yield events
        events.close()
    finally:
        delivery.leave(events)


def matching(events: Iterable[Event], model: str | None = None, **members: Any) -> list[Event]:
    """The events about a model (compared without case) whose members are as given; objects need
    only hold what is given of them."""
    if model is not None:
        members["model"] = model
    return [event for event in events if _holds(event, members)]


def _holds(event: Event, wanted: dict[str, Any]) -> bool:
    return all(_same(name, event.get(name), value) for name, value in wanted.items())


def _same(name: str, found: Any, wanted: Any) -> bool:
    if name == "model":
        return str(found).lower() == str(wanted).lower()
    if name == "changed" and found is not None and wanted is not None:
        return sorted(found) == sorted(wanted)
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(key in found and _same("", found[key], each) for key, each in wanted.items())
    return bool(found == wanted)


def assert_emitted(
    events: Iterable[Event], model: str | None = None, *, times: int | None = None, **members: Any
) -> Event | None:
    """Fails unless such an event is there (`times` of them, if given); returns the first."""
    events = list(events)
    found = matching(events, model, **members)
    if (times is None and found) or (times is not None and len(found) == times):
        return found[0] if found else None
    wanted = {"model": model, **members} if model is not None else members
    count = "no event" if not found else f"{len(found)} events instead of {times}"
    listed = "".join(f"\n  {event}" for event in events) or " none"
    raise AssertionError(f"{count} with {wanted}; emitted:{listed}")
