"""A changed graph from the arrays of the one before, without building it anew."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from kgraph.schema import Relation
from kgraph.topology.arrays import Node, Topology, indexed
from kgraph.topology.gates import Int, Rows, gather
from kgraph.topology.walk import spans


class OutdatedError(ValueError):
    """The change does not fit the arrays: they are of another graph, and must be built anew."""


def patched(
    topology: Topology,
    gone: Collection[str],
    entities: Sequence[Node],
    relations: Iterable[Relation],
) -> Topology:
    """Return the graph after a change; entities that were there keep their order.

    Work for Python is in the size of the change; the rest is array arithmetic.

    Args:
        topology: the graph before.
        gone: uids that are no longer there.
        entities: what is new, or has other dependencies than before.
        relations: all dependencies of `entities`, as they are now.

    Raises:
        OutdatedError: something else than the change says depends on what is gone.
    """
    index = topology.index
    changed = [index[e.uid] for e in entities if e.uid in index]
    lost = [index[uid] for uid in gone if uid in index]
    fresh = [entity for entity in entities if entity.uid not in index]
    renumbered = _renumbered(len(topology), lost)
    dead = set(lost)
    uids = (
        *(uid for i, uid in enumerate(topology.uids) if i not in dead),
        *(entity.uid for entity in fresh),
    )
    kinds = (
        *(kind for i, kind in enumerate(topology.kinds) if i not in dead),
        *(entity.kind for entity in fresh),
    )
    kept = _kept(topology, [*changed, *lost], renumbered)
    numbered = {uid: i for i, uid in enumerate(uids)}
    rows, capped = gather(numbered, relations)
    touched = {*gone, *(entity.uid for entity in entities)}
    told = (
        *(row for row in topology.capped if row[0] not in touched),
        *((uids[owner], line) for owner, line in capped),
    )
    return indexed(uids, numbered, kinds, _merged(kept, rows), told)


def _renumbered(size: int, lost: Sequence[int]) -> Int:
    """Return (size,) the new index of each entity, -1 for those that are gone."""
    stays = np.ones(size, np.bool_)
    stays[lost] = False
    return np.where(stays, np.cumsum(stays) - 1, -1).astype(np.int32)


def _kept(topology: Topology, touched: Sequence[int], renumbered: Int) -> Rows:
    """Return the gates of everything that is not touched, under the new indices."""
    stays = np.ones(len(topology), np.bool_)
    stays[touched] = False
    gates = np.flatnonzero(stays[topology.owner]).astype(np.int32)
    member = renumbered[topology.member[spans(topology.member_start, gates)]]
    if member.size and member.min() < 0:
        raise OutdatedError("something that is still there needs something that is gone")
    return Rows(
        owner=renumbered[topology.owner[gates]],
        type_names=topology.type_names,
        type_code=topology.type_code[gates],
        need=topology.need[gates],
        sizes=np.diff(topology.member_start)[gates],
        member=member,
    )


def _merged(old: Rows, new: Rows) -> Rows:
    """Return the gates of both, in the order of their owners."""
    names = tuple(dict.fromkeys((*old.type_names, *new.type_names)))
    codes = np.array([names.index(name) for name in new.type_names], np.int32)
    owner = np.concatenate((old.owner, new.owner))
    order = np.argsort(owner, kind="stable").astype(np.int32)
    sizes = np.concatenate((old.sizes, new.sizes))
    start = np.concatenate(([0], np.cumsum(sizes))).astype(np.int32)
    member = np.concatenate((old.member, new.member))
    return Rows(
        owner=owner[order],
        type_names=names,
        type_code=np.concatenate((old.type_code, codes[new.type_code]))[order],
        need=np.concatenate((old.need, new.need))[order],
        sizes=sizes[order],
        member=member[spans(start, order)],
    )
