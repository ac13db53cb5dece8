"""Which records say of their dependencies what they said before, by a hash kept with each. Pure.

A hash speaks of the relations of a record in its own scope, all of them open and between records
of that scope. Whoever opens or closes one in another way than by a whole reading forgets it.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping

from kgraph.store._reconcile import StoredRecord
from kgraph.store._staging import Reading, plain_bytes

_Row = tuple[str, str, str, int]  # type, key of the dependency, group, need
_NOTHING = b""  # the hash of a record that depends on nothing


def link_hashes(reading: Reading, *, closes: bool) -> dict[str, bytes | None]:
    """Return key -> the hash to keep with each record; None: it is not known any longer.

    Only a whole reading knows all relations of a record.
    """
    staged = reading.staged
    if not closes:
        touched = {name[0] for name in staged.links} | set(staged.all_of)
        return dict.fromkeys((*staged.records, *touched))
    rows: dict[str, list[_Row]] = defaultdict(list)
    for (dependent, type_, dependency, group), link in staged.links.items():
        rows[dependent].append(
            (type_, dependency, "" if group is None else f"={group}", link.need or 0)
        )
    if not rows.keys() <= staged.records.keys():
        # A dependent that is named by its uid may be one of our own records.
        return dict.fromkeys(staged.records)
    return {
        key: _hash(rows[key], staged.records) if key in rows else _NOTHING
        for key in staged.records
    }


def as_before(
    hashes: Mapping[str, bytes | None], stored: Mapping[str, StoredRecord]
) -> frozenset[int]:
    """Return the rows of the records whose open relations are what the reading says of them."""
    return frozenset(
        row.id
        for key, hashed in hashes.items()
        if hashed is not None and (row := stored.get(key)) and row.live and row.links == hashed
    )


def _hash(rows: list[_Row], own: Collection[str]) -> bytes | None:
    """Return the hash of a record's relations; None where one leads out of the scope."""
    if any(row[1] not in own for row in rows):
        return None
    if len(rows) > 1:
        rows.sort()
    return hashlib.blake2b(plain_bytes(rows), digest_size=8).digest()
