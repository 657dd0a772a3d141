"""outbox - events as rows of the transaction that makes the change.

store() writes an event into the table of the same database, so that it is committed with the change
or rolled back with it. The relay (`manage.py unstale_relay`) sends the rows that it finds; see there
for what holds. The order of the ids of one object is the order of its commits: whoever changes a
row holds its lock from before the event is stored until the commit.

A row's shard is CRC-32 of the record's key modulo 16: the same in every process and version.

On PostgreSQL a commit wakes the relay by NOTIFY. Commits that notify queue up behind each other for
an instant; where thousands a second are wanted, "OUTBOX_NOTIFY": False leaves it to the relay to
look once a second.
"""

from __future__ import annotations

import functools
import logging
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django.db import connections
from django.utils import timezone

from unstale import InvalidEvent
from unstale.event import prepare

from . import conf
from .models import OutboxEvent

log = logging.getLogger("unstale.django")

SHARDS = 16
CHANNEL = "unstale_outbox"
TABLE = OutboxEvent._meta.db_table
COUNT_MAX = 1_000_000

_INSERT = "INSERT INTO {table} (shard, {key}, {value}, created) VALUES (%s, %s, %s, %s)"
_INSERT_AND_NOTIFY = f"WITH stored AS ({_INSERT}) SELECT pg_notify(%s, '')"


class Lag(NamedTuple):
    """What waits to be sent: how many rows (COUNT_MAX at most), and the age of the oldest."""

    rows: int
    oldest_s: float


def shard_of(key: bytes) -> int:
    return zlib.crc32(key) % SHARDS


def store(event: Mapping[str, Any], using: str) -> None:
    """Writes the event as a row, in the transaction that is going on there."""
    try:
        key, value = prepare(event)
    except InvalidEvent as error:
        if conf.get().raise_errors:
            raise
        log.error("unstale: an event of %s is invalid and was not stored: %s",
                  event.get("model"), error)
        return
    connection = connections[using]
    created = connection.ops.adapt_datetimefield_value(timezone.now())
    # The column is for people to read; PostgreSQL has no text with a NUL.
    shown = key.decode().replace("\0", "\\0")
    row = [shard_of(key), shown, value.decode(), created]
    notifies = connection.vendor == "postgresql" and conf.get().outbox_notify
    with connection.cursor() as cursor:
        if notifies:
            cursor.execute(_sql(_INSERT_AND_NOTIFY, connection.vendor), [*row, CHANNEL])
        else:
            cursor.execute(_sql(_INSERT, connection.vendor), row)


@functools.lru_cache(maxsize=None)
def _sql(text: str, vendor: str) -> str:
    """Names are quoted: KEY is a word of MySQL's own."""
    quote = "`" if vendor == "mysql" else '"'
    return text.format(table=TABLE, key=f"{quote}key{quote}", value=f"{quote}value{quote}")


def lag(using: str, shards: Iterable[int] = range(SHARDS)) -> Lag:
    """What is committed and not yet sent."""
    rows, oldest = 0, None
    for shard in shards:
        wanted = OutboxEvent.objects.using(using).filter(shard=shard).order_by("id")
        rows += wanted[: COUNT_MAX - rows].count() if rows < COUNT_MAX else 0
        first = wanted.values_list("created", flat=True).first()
        if first is not None and (oldest is None or first < oldest):
            oldest = first
    if oldest is None:
        return Lag(0, 0.0)
    return Lag(rows, max(0.0, (timezone.now() - oldest).total_seconds()))
