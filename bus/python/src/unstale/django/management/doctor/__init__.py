"""doctor - what makes rules and a project miss each other.

Every check yields findings: what is wrong, where, and what to write instead. They are numbered by
the traps that caching tutorials lay:

    T1  keys without Django's prefix and version    T7   patterns that reach sessions and queues
    T2  counters that begin again                   T8   deletes before the commit
    T3  counters that expire                        T9   pages of which the header key alone goes
    T4  versions that are read once a process       T10  dates and numbers cut short on the way
    T5  the old value is forgotten                  T11  hit rates of a lifetime
    T6  values that readers cannot decode           T0   what else keeps rules from their keys
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Finding(NamedTuple):
    """`fix` is JSON for the rule file, or text where it is not the rules that have to change."""

    trap: str
    where: str
    text: str
    fix: Any = None
