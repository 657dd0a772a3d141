"""rows - the table as the relay reads it."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from ..models import OutboxEvent

_IDS_AT_ONCE = 500  # SQLite takes no more than 999 parameters, where it is old


class Row(NamedTuple):
    id: int
    shard: int
    value: str


def fetch(connection: BaseDatabaseWrapper, limits: Mapping[int, int], most: int) -> list[Row]:
    """The first rows of each shard, by id: no more than its limit of each, `most` in all."""
    if not limits:
        return []
    quote = connection.ops.quote_name
    value = quote("value")
    parts = [
        f"SELECT * FROM (SELECT id, shard, {value} FROM {quote(OutboxEvent._meta.db_table)}"
        f" WHERE shard = {int(shard)} ORDER BY id LIMIT {int(limit)}) s{int(shard)}"
        for shard, limit in limits.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, shard, {value} FROM ({' UNION ALL '.join(parts)}) waiting"
            f" ORDER BY id LIMIT {int(most)}"
        )
        return [Row(*each) for each in cursor.fetchall()]


def finish(using: str, ids: list[int], keeps: bool) -> None:
    """Deletes what was sent, or sets it aside."""
    for at in range(0, len(ids), _IDS_AT_ONCE):
        found = _rows(using).filter(id__in=ids[at : at + _IDS_AT_ONCE])
        if keeps:
            found.update(shard=OutboxEvent.SENT, sent_at=timezone.now())
        else:
            _delete(found)


def expire(using: str, keep: datetime.timedelta) -> int:
    """Deletes what was set aside that long ago; how many rows."""
    limit = timezone.now() - keep
    total = 0
    while True:
        old = _rows(using).filter(shard=OutboxEvent.SENT, sent_at__lt=limit)
        ids = list(old.order_by("id").values_list("id", flat=True)[:_IDS_AT_ONCE])
        if not ids:
            return total
        total += _delete(_rows(using).filter(id__in=ids))


def drop(using: str, ids: Iterable[int]) -> list[OutboxEvent]:
    """Takes rows out unsent; what they were."""
    found = list(_rows(using).filter(id__in=list(ids)).exclude(shard=OutboxEvent.SENT))
    _delete(_rows(using).filter(id__in=[each.id for each in found]))
    return found


def _rows(using: str) -> Any:
    return OutboxEvent._base_manager.using(using)


def _delete(rows: Any) -> int:
    """Without a look at each row: nothing hangs on them."""
    return int(rows._raw_delete(rows.db))
