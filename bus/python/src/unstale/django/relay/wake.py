"""wake - waiting for work, for the next look, or for the end."""

from __future__ import annotations

import os
import select
import signal
import time
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ..outbox import CHANNEL


class Stop:
    """Set by SIGTERM and SIGINT, or by hand from any thread; whoever waits on `fd` wakes up."""

    def __init__(self) -> None:
        self.fd, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        self.since: float | None = None

    def listen(self) -> None:
        """In the main thread. A second signal does what it would do without us."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._handle)

    def _handle(self, number: int, frame: Any) -> None:
        signal.signal(number, signal.SIG_DFL)
        self.set()

    def set(self) -> None:
        if self.since is None:
            self.since = time.monotonic()
            os.write(self._writing, b"!")

    def is_set(self) -> bool:
        return self.since is not None

    def wait(self, seconds: float) -> bool:
        return bool(select.select([self.fd], [], [], max(seconds, 0))[0])

    def close(self) -> None:
        os.close(self.fd)
        os.close(self._writing)


class Wake:
    """On PostgreSQL a commit that left events wakes it; elsewhere time alone does."""

    def __init__(self, connection: BaseDatabaseWrapper, stop: Stop) -> None:
        self._connection = connection
        self._stop = stop
        self._is_due = False
        self._session: Any = None

    def open(self) -> None:
        """In a new session."""
        if self._connection.vendor != "postgresql":
            return
        with self._connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
        self._session = self._connection.connection
        if hasattr(self._session, "add_notify_handler"):  # psycopg 3: those that come with a query
            self._session.add_notify_handler(self._note)

    def _note(self, notify: Any) -> None:
        self._is_due = True

    def wait(self, seconds: float) -> None:
        if self._session is None:
            self._stop.wait(seconds)
            return
        with self._connection.wrap_database_errors:
            self._take_notifies()
            if self._is_due:
                seconds = 0
            fds = [self._session.fileno(), self._stop.fd]
            if select.select(fds, [], [], seconds)[0]:
                self._read_notifies()
        self._is_due = False

    def _take_notifies(self) -> None:
        """psycopg2 has a list of those that came with a query."""
        notifies = getattr(self._session, "notifies", None)
        if isinstance(notifies, list) and notifies:
            self._is_due = True
            notifies.clear()

    def _read_notifies(self) -> None:
        pgconn = getattr(self._session, "pgconn", None)
        if hasattr(pgconn, "consume_input"):
            pgconn.consume_input()
            while pgconn.notifies() is not None:
                pass
        else:
            self._session.poll()
            self._take_notifies()
