"""Host patterns: `web[01:20].dc1`, `db-[a:c]`, with a step as a third part."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kgraph.schema import SourceError

_RANGE = re.compile(r"\[([0-9]+|[a-zA-Z]):([0-9]+|[a-zA-Z])(?::([0-9]+))?\]")
_MOST = 10_000
_MOST_RANGES, _MOST_DIGITS = 20, 18
_MEND = "write web[01:20] or db-[a:c]"


def expanded(pattern: str, where: str) -> list[str]:
    """Return the names that a pattern stands for, in order; itself where it has no range.

    Raises:
        SourceError: a range that runs backwards, mixes letters and digits, or has no end.
    """
    found = _RANGE.search(pattern)
    if pattern.count("[") > _MOST_RANGES:
        raise SourceError(f"{pattern!r:.60} has too many ranges", where=where, mend=_MEND)
    if found is None:
        return [pattern]
    head, tail = pattern[: found.start()], expanded(pattern[found.end() :], where)
    values = _values(found[1], found[2], found[3] or "1")
    if not values or len(values) * len(tail) > _MOST:
        what = f"{pattern!r:.60} is no range of at most {_MOST} hosts"
        raise SourceError(what, where=where, mend=_MEND)
    return [f"{head}{value}{rest}" for value in values for rest in tail]


def _values(first: str, last: str, by: str) -> Sequence[str]:
    if first.isdigit() != last.isdigit() or max(map(len, (first, last, by))) > _MOST_DIGITS:
        return ()
    step = int(by)
    if step < 1:
        return ()
    if not first.isdigit():
        return [chr(code) for code in range(ord(first), ord(last) + 1, step)]
    if int(last) - int(first) > _MOST * step:
        return ()
    width = len(first) if first.startswith("0") else 0
    return [str(number).zfill(width) for number in range(int(first), int(last) + 1, step)]
