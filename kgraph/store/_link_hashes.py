"""Which records say of their dependencies what they said before, by a hash kept with each. Pure.

A hash speaks of the relations of a record in its own scope, all of them open, usual, and between
records of that scope. Whoever opens or closes one in another way than by a whole reading forgets
it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kgraph.store._endpoints import DEPENDENCY, Place
from kgraph.store._reconcile import RecordPlan, StoredRecord
from kgraph.store._staging import Reading

_NOTHING = b""  # the hash of a record that depends on nothing


def link_hashes(
    reading: Reading, plan: RecordPlan, stored: Mapping[str, StoredRecord], *, closes: bool
) -> dict[str, bytes | None]:
    """Return key -> the hash to keep with each record; None: it is not known any longer.

    Only a whole reading knows all relations of a record.
    """
    staged = reading.staged
    own = staged.records
    if not closes:
        return dict.fromkeys((*own, *staged.links, *staged.all_of))
    said = staged.link_hashes()
    if not said.keys() <= own.keys():
        # A dependent that is named by its uid may be one of our own records.
        return dict.fromkeys(own)
    hashes: dict[str, bytes | None] = {**dict.fromkeys(own, _NOTHING), **said}
    before = {key: row.links for key, row in stored.items()}
    # Of one that is what it was none led out of the scope; none does, unless something is gone.
    suspects = [key for key in staged.links if plan.vanished or before.get(key) != hashes[key]]
    for key in suspects:
        if not all(map(own.__contains__, map(DEPENDENCY, staged.links[key]))):
            hashes[key] = None
    return hashes


def as_before(
    hashes: Mapping[str, bytes | None],
    plan: RecordPlan,
    stored: Mapping[str, StoredRecord],
    own: Mapping[str, Place],
    regrouped: Collection[int],
) -> frozenset[int]:
    """Return the rows of the records whose open relations are what the reading says of them.

    Where anything is of another kind now, a usual relation to it may have become an unusual one:
    then one has to look at all of them.

    Args:
        plan: what is done with the records.
        hashes: key -> hash of the relations that the reading has.
        stored: key -> the record as it was.
        own: key -> where it leads now.
        regrouped: entities whose records may be others now, and so their relations loops.
    """
    if any(own[key].kind != stored[key].kind for key in plan.changed):
        return frozenset()
    return frozenset(
        row.id
        for key, row in stored.items()
        if row.links is not None
        and row.links == hashes.get(key)
        and row.live
        and own[key].entity not in regrouped
    )
