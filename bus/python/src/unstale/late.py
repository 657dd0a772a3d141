"""Events that were accepted and are not made and encoded yet: a thread does that, a little later.

A caller that encodes and hands over each event by itself wakes other threads each time, and they
then fight with it for one interpreter lock, in the middle of a request. Here it only puts the event
down. The thread of the transport looks in by the clock as long as events come, and sleeps
otherwise; then the first event wakes it.

Events leave in the order in which they came. Whoever sends past this queue drains it first.
"""
import collections
import threading
import time
from collections.abc import Callable
from typing import Any

# Some ticks' worth. What a caller may find here to be sent before its own event, and what a process
# that is killed may lose here.
_EVENTS_MAX = 1000
_ROOM = 4

Send = Callable[[Any, float], Any]


class Late:
    """`send(item, deadline)` raises nothing; the time to wait for room is that of a whole drain.

    `is_watched`: somebody will drain this without being told. Else `wake()` brings a thread that
    sleeps, and where none does the caller drains."""

    def __init__(self, send: Send, wake: Callable[[], None], max_block: float) -> None:
        self._send = send
        self._wake = wake
        self._max_block = max_block
        self._items: collections.deque[Any] = collections.deque()
        self._lock = threading.RLock()
        self._is_draining = False
        self._is_asleep = False
        self._is_ended = False
        self.is_watched = False

    def add(self, item: Any) -> bool:
        """Puts an item down; False: there is no room, even after the time that one may wait."""
        if len(self._items) >= _EVENTS_MAX and not self._make_room():
            return False
        self._items.append(item)
        if not self.is_watched:
            if self._is_asleep:
                self._wake()
            else:
                self.drain()
        return True

    def _make_room(self) -> bool:
        """Sends a little of what is here, not all of it: one caller is not to pay for everybody."""
        self.drain(_ROOM, self._max_block)
        return len(self._items) < _EVENTS_MAX

    def drain(self, most: int = _EVENTS_MAX, wait: float = -1) -> int:
        """Sends what is here; how many. An item leaves when it has been sent: as long as one is
        seen here, whoever must come after it waits for the lock."""
        if not self._items or not self._lock.acquire(timeout=wait):
            return 0
        try:
            if self._is_draining:  # what is being sent here, or a signal handler on top of it
                return 0
            self._is_draining = True
            deadline = time.monotonic() + self._max_block
            nr = min(len(self._items), most)
            try:
                for _ in range(nr):
                    self._send(self._items[0], deadline)
                    self._items.popleft()
            finally:
                self._is_draining = False
            return nr
        finally:
            self._lock.release()

    # ---- for the thread ----

    def watch(self) -> None:
        """The calling thread will drain this again soon, or say that it leaves."""
        self._is_asleep = False
        self.is_watched = not self._is_ended

    def leave(self) -> None:
        """Until further notice callers drain."""
        self._is_asleep = self.is_watched = False
        self._drain_all()

    def sleep(self) -> None:
        """The calling thread waits for wake() from here on. Whoever came too early to know has it
        called here."""
        self._is_asleep = not self._is_ended
        self.is_watched = False
        if self._items:
            self._wake()

    def end(self) -> None:
        """Callers drain for good."""
        self._is_ended = True
        self.leave()

    def _drain_all(self) -> None:
        while self.drain():
            pass
