"""Which records say of their dependencies what they said before, by a hash kept with each. Pure.

A hash speaks of the relations of a record in its own scope, all of them open and between records
of that scope. Whoever opens or closes one in another way than by a whole reading forgets it.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping
from operator import itemgetter

from kgraph.store._endpoints import Place
from kgraph.store._reconcile import StoredRecord
from kgraph.store._staging import Reading, plain_bytes

_Row = tuple[str, str, str | None, int | None]  # type, key of the dependency, group, need
_BY_DEPENDENCY = itemgetter(0, 1)
_NOTHING = b""  # the hash of a record that depends on nothing


def link_hashes(reading: Reading, *, closes: bool) -> dict[str, bytes | None]:
    """Return key -> the hash to keep with each record; None: it is not known any longer.

    Only a whole reading knows all relations of a record.
    """
    staged = reading.staged
    own = staged.records
    if not closes:
        touched = {name[0] for name in staged.links} | set(staged.all_of)
        return dict.fromkeys((*own, *touched))
    rows: dict[str, list[_Row]] = defaultdict(list)
    for link in staged.links.values():
        rows[link[0]].append(link[1:5])
    if not rows.keys() <= own.keys():
        # A dependent that is named by its uid may be one of our own records.
        return dict.fromkeys(own)
    hashes: dict[str, bytes | None] = {
        key: _hash(rows[key]) if key in rows else _NOTHING for key in own
    }
    # Where a relation leads out of the scope, nobody knows whether it is open.
    hashes.update((name[0], None) for name in staged.links if name[2] not in own)
    return hashes


def as_before(
    hashes: Mapping[str, bytes | None],
    stored: Mapping[str, StoredRecord],
    own: Mapping[str, Place],
    regrouped: Collection[int],
) -> frozenset[int]:
    """Return the rows of the records whose open relations are what the reading says of them.

    Args:
        hashes: key -> hash of the relations that the reading has.
        stored: key -> the record as it was.
        own: key -> where it leads now.
        regrouped: entities whose records may be others now, and so their relations loops.
    """
    return frozenset(
        row.id
        for key, hashed in hashes.items()
        if hashed is not None
        and (row := stored.get(key))
        and row.links == hashed
        and row.live
        and own[key].entity not in regrouped
    )


def _hash(rows: list[_Row]) -> bytes:
    if len(rows) > 1:
        rows.sort(key=_BY_DEPENDENCY)
    return hashlib.blake2b(plain_bytes(rows), digest_size=8).digest()
