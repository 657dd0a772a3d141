"""loop - a relay at work."""

from __future__ import annotations

import datetime
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connections

from .. import outbox
from . import rows
from .locks import SESSION_ERRORS, locks_of
from .sending import Client, Entry, Pass
from .wake import Stop, Wake

log = logging.getLogger("unstale.relay")

_CHECK_S = 1.0
_BALANCE_S = 1.0
_EXPIRE_S = 60.0
_REPORT_S = 0.2
_BACKOFF_S = (0.2, 10.0)


@dataclass(frozen=True)
class Options:
    """`keep_hours` 0: rows are deleted at once. `grace_s`: how long the end waits for Kafka."""

    using: str = "default"
    shards: frozenset[int] | None = None
    batch: int = 500
    keep_hours: float = 0.0
    poll_s: float = 1.0
    grace_s: float = 10.0
    log_every_s: float = 60.0


class Backoff:
    def __init__(self) -> None:
        self._next = _BACKOFF_S[0]

    def next(self) -> float:
        """Seconds to wait, more each time, and not the same for all."""
        seconds, self._next = self._next, min(self._next * 2, _BACKOFF_S[1])
        return seconds * random.uniform(0.8, 1.2)


class Blocked:
    """A shard whose first row was refused: that row alone is tried, later and later."""

    def __init__(self) -> None:
        self.backoff = Backoff()
        self.until = 0.0


class Relay:
    """run() returns when the relay was told to stop; drain() when there is nothing left."""

    def __init__(self, make_emitter: Callable[[], Any], options: Options, stop: Stop) -> None:
        self.options = options
        self.stop = stop
        self.sent = 0
        self.had: list[int] = []  # the shards that drain() found free
        self.others = ""
        self._keep = datetime.timedelta(hours=options.keep_hours)
        self._connection = connections[options.using]
        self._client = Client(make_emitter)
        self._blocked: dict[int, Blocked] = {}
        self._due: dict[str, float] = {}
        self._sent_before = 0
        _be_alone(self._connection)
        self._locks = locks_of(self._connection, options.shards)

    # ---- from outside ----

    def run(self) -> None:
        backoff = Backoff()
        while not self.stop.is_set():
            try:
                wake = self._begin()
                backoff = Backoff()
                self._follow(wake)
            except SESSION_ERRORS as error:
                self._lose_session(error, backoff)
        self._end()

    def drain(self, timeout_s: float) -> outbox.Lag:
        """Sends what is there; what is left after that time, of the shards that are not others'."""
        deadline = time.monotonic() + timeout_s
        try:
            self._begin()
            self.had = sorted(self._locks.held)
            self.others = self._locks.holders()
            while time.monotonic() < deadline and not self.stop.is_set():
                if not self._pass(deadline) and not self._blocked:
                    break
                self._pause(deadline)
            return outbox.lag(self.options.using, self.had)
        finally:
            self._end()

    # ---- sessions ----

    def _begin(self) -> Wake:
        self._connection.ensure_connection()
        self._locks.open()
        wake = Wake(self._connection, self.stop)
        wake.open()
        self._locks.balance()
        log.info("relay of %s: %s", self.options.using, _shards_text(self._locks.held))
        return wake

    def _lose_session(self, error: Exception, backoff: Backoff) -> None:
        """Whoever has our shards next must not find us sending."""
        self._client.drop()
        self._locks.close()
        self._connection.close()
        seconds = backoff.next()
        reason = " ".join(str(error).split())
        log.error("relay of %s: the database is away (%s); trying again in %.1f s",
                  self.options.using, reason, seconds)
        self.stop.wait(seconds)

    def _end(self) -> None:
        self._client.drop()
        self._locks.close()
        self._connection.close()

    # ---- the loop ----

    def _follow(self, wake: Wake) -> None:
        while not self.stop.is_set():
            if self._is_due("balance", _BALANCE_S):
                self._balance()
            if self.options.keep_hours and self._is_due("expire", _EXPIRE_S):
                rows.expire(self.options.using, self._keep)
            if self._is_due("tell", self.options.log_every_s):
                self._tell()
            if not self._pass():
                wake.wait(min(self.options.poll_s, self._next_try_s()))

    def _is_due(self, what: str, every_s: float) -> bool:
        now = time.monotonic()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + every_s
        return True

    def _balance(self) -> None:
        before = set(self._locks.held)
        self._locks.balance()
        held = self._locks.held
        self._blocked = {shard: each for shard, each in self._blocked.items() if shard in held}
        if before != held:
            log.info("relay of %s: now %s", self.options.using, _shards_text(held))

    def _tell(self) -> None:
        lag = outbox.lag(self.options.using, self._locks.held)
        sent, self._sent_before = self.sent - self._sent_before, self.sent
        if sent or lag.rows:
            log.info("relay of %s: %d events sent; %d wait, the oldest for %.1f s",
                     self.options.using, sent, *lag)

    def _next_try_s(self) -> float:
        now = time.monotonic()
        return min((max(0.0, each.until - now) for each in self._blocked.values()), default=3600.0)

    def _pause(self, deadline: float) -> None:
        if self._blocked:
            self.stop.wait(min(self._next_try_s(), deadline - time.monotonic()))

    def _limits(self) -> dict[int, int]:
        """How many rows of each shard the next pass takes."""
        limits = {}
        now = time.monotonic()
        for shard in sorted(self._locks.held):
            blocked = self._blocked.get(shard)
            if blocked is None:
                limits[shard] = self.options.batch
            elif blocked.until <= now:
                limits[shard] = 1
        return limits

    def _pass(self, deadline: float | None = None) -> int:
        """How many rows there were to be sent."""
        limits = self._limits()
        found = rows.fetch(self._connection, limits, self.options.batch)
        if len(found) < self.options.batch:
            for shard in limits.keys() - {row.shard for row in found}:
                self._blocked.pop(shard, None)  # its row was dropped
        if not found:
            return 0
        going = Pass(found)
        going.send(self._client.get())
        self._wait(going, deadline)
        ids = going.confirmed()
        rows.finish(self.options.using, ids, bool(self.options.keep_hours))
        self.sent += len(ids)
        self._learn(going, set(ids))
        return len(found)

    def _wait(self, going: Pass, deadline: float | None) -> None:
        """Until Kafka has answered for every row, or the time for that is over."""
        started = time.monotonic()
        self._due["slow"] = started + 10.0
        while not going.wait(_REPORT_S):
            now = time.monotonic()
            if self._is_due("check", _CHECK_S):
                self._locks.check()
            if self._is_due("slow", 10.0):
                log.warning("relay of %s: Kafka has not confirmed %d events for %.0f s",
                            self.options.using, going.waiting(), now - started)
            if self.stop.since is not None and now > self.stop.since + self.options.grace_s:
                break
            if deadline is not None and now > deadline:
                break
        if going.waiting():
            self._client.drop()

    def _learn(self, going: Pass, done: set[int]) -> None:
        for entry in going.entries:
            if entry.row.id in done and self._blocked.pop(entry.row.shard, None):
                log.info("relay of %s: shard %d goes on", self.options.using, entry.row.shard)
        failures = going.first_failures()
        for entry in failures:
            blocked = self._blocked.setdefault(entry.row.shard, Blocked())
            blocked.until = time.monotonic() + blocked.backoff.next()
        if failures:
            self._tell_failures(failures)
        elif going.entries and not done and not self.stop.is_set():
            reason = going.entries[0].reason or "Kafka does not confirm"
            log.error("relay of %s: nothing could be sent (%s)", self.options.using, reason)
            self.stop.wait(1.0)

    def _tell_failures(self, failures: list[Entry]) -> None:
        first = failures[0]
        log.error("relay of %s: row %d was refused (%s); the %s behind it %s, and it is tried again"
                  " (unstale_relay --drop %d gives it up)",
                  self.options.using, first.row.id, first.reason,
                  "shard" if len(failures) == 1 else "%d shards" % len(failures),
                  "waits" if len(failures) == 1 else "wait", first.row.id)


def _be_alone(connection: Any) -> None:
    """A session of our own, whose end both sides notice soon."""
    if connection.vendor != "postgresql":
        return
    options = dict(connection.settings_dict.get("OPTIONS") or {})
    options.pop("pool", None)
    for name, value in (("keepalives_idle", 10), ("keepalives_interval", 5),
                        ("keepalives_count", 3), ("tcp_user_timeout", 20000),
                        ("connect_timeout", 10)):
        options.setdefault(name, value)
    connection.close()
    connection.settings_dict["OPTIONS"] = options


def _shards_text(shards: set[int]) -> str:
    if not shards:
        return "no shard is free; waiting for one"
    return "shards " + ",".join(map(str, sorted(shards)))
