"""Host patterns: `web[01:20].dc1`, `db-[a:c]`, with a step as a third part."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kgraph.schema import SourceError

_RANGE = re.compile(r"\[([0-9]+|[a-zA-Z]):([0-9]+|[a-zA-Z])(?::([0-9]+))?\]")
_MOST = 10_000


def expanded(pattern: str, where: str) -> list[str]:
    """Return the names that a pattern stands for, in order; itself where it has no range.

    Raises:
        SourceError: a range that runs backwards, mixes letters and digits, or has no end.
    """
    found = _RANGE.search(pattern)
    if found is None:
        return [pattern]
    head, tail = pattern[: found.start()], expanded(pattern[found.end() :], where)
    values = _values(found[1], found[2], int(found[3] or 1))
    if not values or len(values) * len(tail) > _MOST:
        what = f"{pattern!r} is no range of at most {_MOST} hosts"
        raise SourceError(what, where=where, mend="write web[01:20] or db-[a:c]")
    return [f"{head}{value}{rest}" for value in values for rest in tail]


def _values(first: str, last: str, step: int) -> Sequence[str]:
    if first.isdigit() != last.isdigit() or step < 1:
        return ()
    if not first.isdigit():
        return [chr(code) for code in range(ord(first), ord(last) + 1, step)]
    if int(last) - int(first) > _MOST * step:
        return ()
    width = len(first) if first.startswith("0") else 0
    return [str(number).zfill(width) for number in range(int(first), int(last) + 1, step)]
