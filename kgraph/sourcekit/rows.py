"""Rows of one reading, each told once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from kgraph.schema import Record, RelationRecord
from kgraph.sourcekit.machines import Machine, Told

_T = TypeVar("_T", bound=Told)


def folded(items: Iterable[_T]) -> Iterator[_T]:
    """Drop what was said before: two services on one host both bring that host.

    The first record of a key stands, so whoever knows more of a thing is to speak first.
    """
    records: set[str] = set()
    relations: set[tuple[str, str, str, str | None]] = set()
    for item in items:
        if isinstance(item, Record | Machine):
            if item.key in records:
                continue
            records.add(item.key)
        elif isinstance(item, RelationRecord):
            ends = (item.dependent, item.type, item.dependency, item.group)
            if ends in relations:
                continue
            relations.add(ends)
        yield item
