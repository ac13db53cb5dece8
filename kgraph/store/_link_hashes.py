"""Which records say of their dependencies what they said before, by a hash kept with each. Pure.

A hash speaks of the relations of a record in its own scope, all of them open, usual, and between
records of that scope. Whoever opens or closes one in another way than by a whole reading forgets
it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from kgraph.store._endpoints import DEPENDENCY, Place, outside
from kgraph.store._reconcile import RecordPlan, StoredRecord, StoredRow, stored_records
from kgraph.store._staging import Reading, Staged

_NOTHING = b""  # the hash of a record that depends on nothing


def passed_by(
    rows: Iterable[StoredRow], staged: Staged
) -> tuple[dict[str, StoredRecord], dict[str, int]]:
    """Part the records of a scope, of which a whole reading is staged.

    Returns:
        key -> the record, of those to be looked at; and key -> row, of those that say of
        themselves and of their dependencies what they said before.
    """
    other, same = [], {}
    hashes, said = staged.hashes, staged.link_hashes()
    # A dependent that is named by its uid may be any of our own records.
    doubt = not said.keys() <= hashes.keys()
    for row in rows:
        key, id_, _, _, hashed, live, links = row
        if (
            hashes.get(key) == hashed
            and said.get(key, _NOTHING) == links
            and live
            and not (doubt or key in staged.fleeting)
        ):
            same[key] = id_
        else:
            other.append(row)
    return stored_records(other), same


def uprooted(stored: Mapping[str, StoredRecord], staged: Staged) -> list[StoredRecord]:
    """Return the records that are gone or of another kind now.

    A relation to one of them is over, or may have become a usual or an unusual one, though its
    dependent says what it said before.
    """
    records = staged.records
    return [
        row
        for key, row in stored.items()
        if row.live and (key not in records or records[key].kind != row.kind)
    ]


def link_hashes(reading: Reading, keys: Iterable[str], *, closes: bool) -> dict[str, bytes | None]:
    """Return key -> the hash to keep with a record; None: it is not known any longer.

    Only a whole reading knows all relations of a record.

    Args:
        reading: what is said.
        keys: of its records that are looked at.
        closes: whether it is whole.
    """
    staged = reading.staged
    own = staged.records
    if not closes:
        return dict.fromkeys((*own, *staged.links, *staged.all_of))
    said = staged.link_hashes()
    if not said.keys() <= own.keys():
        # A dependent that is named by its uid may be one of our own records.
        return dict.fromkeys(keys)
    hashes: dict[str, bytes | None] = {key: said.get(key, _NOTHING) for key in keys}
    links = {key: staged.links[key] for key in hashes if key in staged.links}
    foreign = outside(links, own)
    for key in links if foreign else ():
        if not foreign.isdisjoint(map(DEPENDENCY, links[key])):
            hashes[key] = None
    return hashes


def as_before(
    hashes: Mapping[str, bytes | None],
    plan: RecordPlan,
    stored: Mapping[str, StoredRecord],
    own: Mapping[str, Place],
    regrouped: Collection[int],
) -> dict[str, int]:
    """Return key -> row of the records whose open relations are what the reading says of them.

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
        return {}
    return {
        key: row.id
        for key, row in stored.items()
        if row.links is not None
        and row.links == hashes.get(key)
        and row.live
        and own[key].entity not in regrouped
    }
