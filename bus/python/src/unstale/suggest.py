"""The nearest name to the one that was meant, by the measure that the program `unstale` has.

Optimal string alignment over the bytes of the names, without regard to ASCII case; near enough is a
third of the wanted name's length, at least 1.
"""
from collections.abc import Iterable

_BYTES_MAX = 96


def _folded(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass").lower()


def _row(above: list[int], over: list[int], a: bytes, b: bytes, i: int) -> list[int]:
    row = [i]
    for j in range(1, len(b) + 1):
        least = min(above[j - 1] + (a[i - 1] != b[j - 1]), above[j] + 1, row[j - 1] + 1)
        if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
            least = min(least, over[j - 2] + 1)
        row.append(least)
    return row


def _distance(a: bytes, b: bytes) -> int:
    over: list[int] = []
    row = list(range(len(b) + 1))
    for i in range(1, len(a) + 1):
        over, row = row, _row(row, over, a, b, i)
    return row[-1]


def nearest(wanted: str, names: Iterable[str]) -> str | None:
    """The first of the names that are nearest, or None where none is near enough."""
    typed = _folded(wanted)
    best, least = None, (1 if len(typed) < 6 else len(typed) // 3) + 1
    for name in names:
        folded = _folded(name)
        if len(folded) > _BYTES_MAX:
            continue
        far = _distance(typed, folded)
        if far < least:
            best, least = name, far
    return best
