"""sending - one pass: rows to Kafka, and what became of each."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Iterable
from typing import Any

from unstale import InvalidEvent, NotSent

from .rows import Row

WAITING, CONFIRMED, FAILED, HELD_BACK = "waiting", "confirmed", "failed", "held back"


class Entry:
    """A row of a pass. HELD_BACK: not handed over, because one before it failed or there was no
    room."""

    __slots__ = ("row", "state", "reason")

    def __init__(self, row: Row) -> None:
        self.row = row
        self.state = HELD_BACK
        self.reason = ""


class Pass:
    """Hands rows over in their order and hears what becomes of them, in the emitter's thread."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.entries = [Entry(row) for row in rows]
        self._settled = threading.Condition()
        self._waiting = 0

    def send(self, emitter: Any) -> None:
        failed: set[int] = set()
        for entry in self.entries:
            if entry.row.shard in failed:
                continue
            try:
                event = json.loads(entry.row.value)
                self._hand_over(emitter, entry, event)
            except NotSent as error:
                if error.retry:
                    self._back(entry, HELD_BACK, error.reason)
                    return
                self._back(entry, FAILED, error.reason)
                failed.add(entry.row.shard)
            except (InvalidEvent, ValueError) as error:
                self._back(entry, FAILED, str(error))
                failed.add(entry.row.shard)

    def _hand_over(self, emitter: Any, entry: Entry, event: Any) -> None:
        with self._settled:
            entry.state = WAITING
            self._waiting += 1
        emitter.emit(event, on_delivery=functools.partial(self._report, entry))

    def _back(self, entry: Entry, state: str, reason: str) -> None:
        with self._settled:
            if entry.state == WAITING:
                self._waiting -= 1
            entry.state, entry.reason = state, reason

    def _report(self, entry: Entry, error: NotSent | None, event: Any) -> None:
        with self._settled:
            entry.state = CONFIRMED if error is None else FAILED
            entry.reason = "" if error is None else error.reason
            self._waiting -= 1
            if not self._waiting:
                self._settled.notify_all()

    def waiting(self) -> int:
        with self._settled:
            return self._waiting

    def wait(self, seconds: float) -> bool:
        """True once every row that was handed over is settled."""
        with self._settled:
            return self._settled.wait_for(lambda: not self._waiting, seconds)

    def confirmed(self) -> list[int]:
        """The rows that may go: confirmed, and every row before them in their shard too."""
        ids, blocked = [], set()
        with self._settled:
            for entry in self.entries:
                if entry.state != CONFIRMED:
                    blocked.add(entry.row.shard)
                elif entry.row.shard not in blocked:
                    ids.append(entry.row.id)
        return ids

    def first_failures(self) -> list[Entry]:
        """Of each shard the first row that Kafka does not have, if it was refused."""
        first: dict[int, Entry] = {}
        with self._settled:
            for entry in self.entries:
                if entry.state != CONFIRMED:
                    first.setdefault(entry.row.shard, entry)
        return [entry for entry in first.values() if entry.state == FAILED]


class Client:
    """The emitter of a relay. It is made when it is first needed, and again after `drop`."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._emitter: Any = None

    def get(self) -> Any:
        if self._emitter is None:
            self._emitter = self._make()
        return self._emitter

    def drop(self) -> None:
        """Nothing that is still under way is sent any more, as far as that can be had."""
        emitter, self._emitter = self._emitter, None
        if emitter is not None:
            emitter.close(0)
