"""relay - from the rows of the outbox to Kafka.

A relay holds a lock on each of its shards, so that nobody else reads them, and sends the rows that
it finds there in the order of their ids. It remembers no place up to which it has read: a
transaction that commits late may leave a row with an id that is lower than one sent long ago, and
that row is simply there in the next pass. A row is deleted once Kafka has confirmed it and every
row before it in its shard.

What holds: each row is sent, however often relay, database or Kafka die in between. What was
confirmed and not yet deleted when the relay died is sent again, in the same order. Where Kafka
refuses an event for good, its shard waits behind it, one attempt at a time, and the log names it.
"""

from .locks import LockedOut, parse_shards
from .loop import Options, Relay
from .wake import Stop

__all__ = ["LockedOut", "Options", "Relay", "Stop", "parse_shards"]
