"""locks - who may read which shards.

PostgreSQL: an advisory lock a shard, named by the number of the outbox's table, held by the session
and freed by the server when that ends, however it ends. Relays that were not told their shards
share all of them: each counts the others by a lock that they all have together, and gives back what
is more than its share.

SQLite and MySQL: one relay has all shards. There it is a lock of the system on a file beside the
database, here a named lock of the session (GET_LOCK).
"""

from __future__ import annotations

import fcntl
import os
import socket
from typing import Any

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from ..outbox import SHARDS, TABLE

_MEMBER = 1000  # beyond the shards: the lock that sharing relays have together
_ALL = frozenset(range(SHARDS))


class LockedOut(Exception):
    """Another relay is at work, and this database takes one only."""


class LocksLost(Exception):
    """The server does not know of our locks: they went with the session they were taken in."""


def parse_shards(text: str) -> frozenset[int]:
    """"0-7" or "0,3,8-11"."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not first.strip().isdigit() or (dash and not last.strip().isdigit()):
            raise ValueError(f'"{text}" is not a list of shards such as 0-7')
        found.update(range(int(first), int(last if dash else first) + 1))
    if not found or not found <= _ALL:
        raise ValueError(f"shards are numbers from 0 to {SHARDS - 1}")
    return frozenset(found)


def process_name() -> str:
    return f"unstale_relay {socket.gethostname()}:{os.getpid()}"


def locks_of(connection: BaseDatabaseWrapper, shards: frozenset[int] | None) -> Any:
    """The locks that this database has."""
    if connection.vendor == "postgresql":
        return PostgresLocks(connection, shards)
    if shards is not None:
        raise LockedOut(f"{connection.display_name} has one relay, for all shards")
    if connection.vendor == "sqlite":
        return FileLock(connection)
    if connection.vendor == "mysql":
        return NamedLock(connection)
    raise LockedOut(f"there is no relay for {connection.display_name}")


class PostgresLocks:
    """`held` are our shards; they change in balance() alone."""

    def __init__(self, connection: BaseDatabaseWrapper, shards: frozenset[int] | None) -> None:
        self.connection = connection
        self.wanted = shards or _ALL
        self.shares = shards is None
        self.held: set[int] = set()
        self._table_nr = 0
        self._key = 0

    def open(self) -> None:
        """In a new session: names it, and has the server notice soon if this machine is gone."""
        name = process_name()[:63]
        self.held = set()
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT set_config('application_name', %s, false)", [name])
            for setting, value in (("idle", 10), ("interval", 5), ("count", 3)):
                cursor.execute(f"SET tcp_keepalives_{setting} = {value}")
            cursor.execute("SELECT %s::regclass::oid", [TABLE])
            self._table_nr = cursor.fetchone()[0]
            self._key = self._table_nr - (1 << 32 if self._table_nr >= 1 << 31 else 0)
            if self.shares:
                cursor.execute("SELECT pg_advisory_lock_shared(%s, %s)", [self._key, _MEMBER])

    def _all_locks(self) -> list[tuple[int, int, bool]]:
        """(shard or _MEMBER, pid, whether that is us) of all relays."""
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT objid, pid, pid = pg_backend_pid() FROM pg_locks WHERE granted"
                " AND locktype = 'advisory' AND objsubid = 2 AND classid = %s AND database ="
                " (SELECT oid FROM pg_database WHERE datname = current_database())",
                [self._table_nr],
            )
            return [(int(shard), pid, ours) for shard, pid, ours in cursor.fetchall()]

    def check(self) -> list[tuple[int, int, bool]]:
        """Raises LocksLost unless the server says that they are ours."""
        locks = self._all_locks()
        ours = {shard for shard, _, is_ours in locks if is_ours}
        if not self.held <= ours:
            raise LocksLost(
                "the server does not know our locks: is there a pooler (such as PgBouncer with"
                " pool_mode=transaction) in between? The relay needs a session of its own"
            )
        return locks

    def balance(self) -> None:
        """Gives back what is more than our share, and takes what is free."""
        locks = self.check()
        share = self._share(locks) if self.shares else len(self.wanted)
        for shard in sorted(self.held)[share:]:
            self._call("pg_advisory_unlock", shard)
            self.held.discard(shard)
        taken = {shard for shard, _, _ in locks}
        for shard in sorted(self.wanted - taken):
            if len(self.held) >= share:
                break
            if self._call("pg_try_advisory_lock", shard):
                self.held.add(shard)

    def _share(self, locks: list[tuple[int, int, bool]]) -> int:
        members = {pid for shard, pid, _ in locks if shard == _MEMBER}
        others = sum(shard != _MEMBER and pid not in members for shard, pid, _ in locks)
        return -(-(SHARDS - others) // max(len(members), 1))

    def _call(self, function: str, shard: int) -> bool:
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s, %s)", [self._key, shard])
            return bool(cursor.fetchone()[0])

    def holders(self) -> str:
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT DISTINCT a.application_name, a.pid FROM pg_locks l"
                " JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory'"
                " AND l.classid = %s::regclass::oid AND l.objsubid = 2 AND l.database ="
                " (SELECT oid FROM pg_database WHERE datname = current_database())"
                " AND a.pid <> pg_backend_pid() ORDER BY 1, 2",
                [TABLE],
            )
            return ", ".join(f"{name} (backend {pid})" for name, pid in cursor.fetchall())

    def close(self) -> None:
        """The session's end frees them."""
        self.held = set()


class _OneRelay:
    """What databases without locks of shards have in common."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.held: set[int] = set()

    def open(self) -> None:
        raise NotImplementedError

    def balance(self) -> None:
        self.check()
        self.held = set(_ALL)

    def check(self) -> None:
        self.connection.ensure_connection()


class FileLock(_OneRelay):
    """SQLite. The file stays when the lock goes, and says who had it last."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        super().__init__(connection)
        name = str(connection.settings_dict["NAME"])
        if connection.is_in_memory_db():
            raise LockedOut("a database in memory is no other process's: there is nothing to relay")
        self.path = name + ".unstale_relay"
        self._fd = -1

    def open(self) -> None:
        if self._fd >= 0:
            return
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            holder = self.holders() or "another relay"
            name = self.connection.settings_dict["NAME"]
            raise LockedOut(f"{holder} is at work on {name}, which takes one relay") from None
        os.ftruncate(fd, 0)
        os.write(fd, process_name().encode())
        self._fd = fd

    def holders(self) -> str:
        """Who has the lock now."""
        try:
            with open(self.path, encoding="utf-8") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except OSError:
                    return file.read()
        except FileNotFoundError:
            pass
        return ""

    def close(self) -> None:
        self.held = set()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class NamedLock(_OneRelay):
    """MySQL and MariaDB."""

    def _ask(self, sql: str) -> Any:
        name = f"unstale_outbox.{self.connection.settings_dict['NAME']}"[:64]
        with self.connection.cursor() as cursor:
            cursor.execute(sql, [name])
            return cursor.fetchone()[0]

    def open(self) -> None:
        if self._ask("SELECT GET_LOCK(%s, 0)") != 1:
            raise LockedOut(f"{self.holders() or 'another relay'} is at work")

    def check(self) -> None:
        if self._ask("SELECT IS_USED_LOCK(%s) = CONNECTION_ID()") != 1:
            raise LocksLost("the lock went with the session that had it")

    def holders(self) -> str:
        holder = self._ask("SELECT IS_USED_LOCK(%s)")
        return f"the relay of MySQL's connection {holder}" if holder else ""

    def close(self) -> None:
        self.held = set()


#: What ends a session, and with it our locks.
SESSION_ERRORS = (Error, LocksLost)
