"""Counts what becomes of events, waits for it, and tells the log what was lost.

What the log is told names numbers and reasons, never an event. One line in `log_every` seconds: the
first loss is told at once, what follows is added up until its time has come.
"""
import logging
import threading
import time
from typing import Any

_log = logging.getLogger("unstale")
_REASONS_MAX = 5


def _plural(nr: int) -> str:
    return "%d event%s" % (nr, "" if nr == 1 else "s")


class Tally:
    def __init__(self, place: str, log_every: float) -> None:
        self.place = place
        self.queued = self.delivered = self.failed = self.refused = self.invalid = 0
        self.waiting = 0
        self.bytes = 0
        self.trouble: str | None = None  # what the connection suffers from, while it does
        self._log_every = log_every
        self._lost: dict[str, int] = {}
        self._tell_at = 0.0
        self._is_ending = False
        self._lock = threading.RLock()  # signal handlers emit too
        self._settled = threading.Condition(self._lock)
        self._waiters = 0

    def counters(self) -> dict[str, int]:
        with self._lock:
            return {"queued": self.queued, "delivered": self.delivered, "failed": self.failed,
                    "waiting": self.waiting, "refused": self.refused, "invalid": self.invalid,
                    "bytes": self.bytes}

    # What happens to an event: taken, and then settled or given back; or refused.

    def take(self, size: int) -> None:
        with self._lock:
            self.queued += 1
            self.waiting += 1
            self.bytes += size

    def give_back(self, size: int) -> None:
        with self._lock:
            self.queued -= 1
            self.waiting -= 1
            self.bytes -= size
            if self._waiters:
                self._settled.notify_all()

    def settle(self, failure: str | None) -> None:
        with self._lock:
            self.waiting -= 1
            if failure is None:
                self.delivered += 1
                self.trouble = None
            else:
                self.failed += 1
                self._add_lost(failure)
            if self._waiters:
                self._settled.notify_all()
        if failure is not None:
            self.tell()

    def refuse(self, reason: str, *, invalid: bool = False) -> None:
        with self._lock:
            if invalid:
                self.invalid += 1
            else:
                self.refused += 1
            self._add_lost(reason)
        self.tell()

    def wait(self, seconds: float) -> None:
        """Until something is settled, but no longer."""
        with self._lock:
            if not self.waiting:
                return
            self._waiters += 1
            try:
                self._settled.wait(seconds)
            finally:
                self._waiters -= 1

    # The log.

    def _add_lost(self, reason: str) -> None:
        if reason not in self._lost and len(self._lost) >= _REASONS_MAX:
            reason = "other reasons"
        self._lost[reason] = self._lost.get(reason, 0) + 1

    def due(self) -> float | None:
        """Seconds until there is something to tell; None: there is nothing."""
        if not self._lost or self._is_ending:
            return None
        return max(0.0, self._tell_at - time.monotonic())

    def tell(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        with self._lock:
            if not self._lost or ((now < self._tell_at or self._is_ending) and not at_once):
                return
            lost, self._lost = self._lost, {}
            self._tell_at = now + self._log_every
            trouble = self.trouble
        reasons = ", ".join("%d: %s" % (nr, reason) for reason, nr in lost.items())
        _log.error("%s could not be sent to %s (%s)%s", _plural(sum(lost.values())), self.place,
                   reasons, "; trouble: %s" % trouble if trouble else "")

    def hold(self) -> None:
        """From here on what is lost is told in one line, at the end."""
        self._is_ending = True

    def tell_unconfirmed(self, nr: int, seconds: float) -> None:
        _log.error("%s not confirmed by %s within %.1f s of the end: they may be lost%s",
                   _plural(nr), self.place, seconds,
                   "; trouble: %s" % self.trouble if self.trouble else "")


def log_exception(text: str, *arguments: Any) -> None:
    _log.exception(text, *arguments)
