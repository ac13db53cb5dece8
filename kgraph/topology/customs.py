"""What things of a kind usually depend on: one that lacks it may hang on what the graph lacks.

Only of relations that carry a failure for certain: what a service calls is its own affair, and a
leaf among services lacks nothing. Nor does what its own kind hangs on by that relation, such as
the supply behind the distributors: every chain has an end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kgraph.schema import RELATIONS, Carries, Lack
from kgraph.topology.arrays import Topology
from kgraph.topology.walk import each_once

USUAL = 0.25  # a share below which a kind has no such custom
PEERS = 5  # entities of a kind below which it has none
MISSED = 0.02  # P(a relation is in no list): well-kept plans lack one to three of a hundred
TENTHS = 10  # so fine is what is told of that; what is rare changes nothing
_FIRM = frozenset(name for name, type_ in RELATIONS.items() if type_.carries is Carries.FIRM)


class _Custom(NamedTuple):
    share: float  # of a kind's entities that have such a dependency
    mean: float  # number of those that have any


def lack(topology: Topology, entity: int) -> Lack | None:
    """Return what an entity lacks most of what its peers depend on; None: nothing.

    The first question about a graph is O(entities + gates) of array work, the next ones O(1).
    """
    mine: dict[str, int] = {}
    for gate in topology.gates(entity):
        name = topology.type_names[topology.type_code[gate]]
        mine[name] = mine.get(name, 0) + len(topology.members(gate))
    found = [
        Lack(name, custom.share * (1 - mine.get(name, 0) / custom.mean))
        for name, custom in _customs(topology)[topology.kinds[entity]].items()
        if not _heads(topology, entity, name)
    ]
    most = max(found, key=lambda row: (row.share, row.relation), default=None)
    return most if most is not None and most.share >= USUAL else None


def unlisted(topology: Topology) -> npt.NDArray[np.int64]:
    """Return (g,) P(a part of each gate is in no list), in tenths, 0 to 9.

    Of others of its kind some can lose a member of such a gate, one that needs as many of the same
    kind; `due` of those are listed short of a member, so that none is left to lose:

        P(a part is unlisted | none to lose) = due / (due + those that have none to lose)

    which for a single one is the posterior mean, and below it where there are more: as many as are
    short by right are not told apart from those that are so by mistake. O(gates log gates).
    """
    sizes = np.diff(topology.member_start)
    spare = sizes - topology.need
    types, kinds = len(topology.type_names), len(topology.kind_names)
    found = np.zeros(len(sizes), np.int64)
    firm = np.array([name in _FIRM for name in topology.type_names], np.bool_)
    one = np.flatnonzero((spare == 1) & firm[topology.type_code]) if types else found[:0]
    if not len(one):
        return found
    kind, begins = topology.kind_code.astype(np.int64), topology.member_start[:-1]
    sort = kind[topology.owner] * types + topology.type_code
    for outermost in (np.minimum, np.maximum):  # of several kinds none comes first
        sort = sort * kinds + outermost.reduceat(kind[topology.member], begins)
    sort = sort * (int(topology.need.max()) + 1) + topology.need
    redundant, at = np.unique(sort[one], return_inverse=True)
    due = MISSED * np.bincount(at, sizes[one])
    none = np.flatnonzero(spare == 0)
    place = np.minimum(np.searchsorted(redundant, sort[none]), len(redundant) - 1)
    alike = redundant[place] == sort[none]
    none, place = none[alike], place[alike]
    many = np.bincount(place, minlength=len(redundant))
    found[none] = np.rint(TENTHS * due / (due + many))[place]
    return np.minimum(found, TENTHS - 1)


def _heads(topology: Topology, entity: int, type_: str) -> bool:
    """Tell whether others of its kind depend on an entity by a type of relation."""
    gates = topology.in_gate[topology.in_start[entity] : topology.in_start[entity + 1]]
    of_type = gates[topology.type_code[gates] == topology.type_names.index(type_)]
    owners = topology.owner[of_type]
    peers = topology.kind_code[owners] == topology.kind_code[entity]
    return bool((peers & (owners != entity)).any())


def _customs(topology: Topology) -> Mapping[str, Mapping[str, _Custom]]:
    """Return kind -> relation type -> how usual it is."""
    if not topology.customs:
        topology.customs.update(_counted(topology))
    return topology.customs


def _counted(topology: Topology) -> Mapping[str, Mapping[str, _Custom]]:
    number = {name: i for i, name in enumerate(dict.fromkeys(topology.kinds))}
    kind = np.fromiter(map(number.__getitem__, topology.kinds), np.int64, len(topology))
    types, cells = topology.type_names, len(number) * len(topology.type_names)
    owner, code = np.divmod(
        each_once(topology.owner.astype(np.int64) * len(types) + topology.type_code), len(types)
    )
    having = np.bincount(kind[owner] * len(types) + code, minlength=cells).tolist()
    of_gate = kind[topology.owner] * len(types) + topology.type_code
    members = np.bincount(of_gate, np.diff(topology.member_start), cells).tolist()
    peers = np.bincount(kind).tolist()
    return {
        name: {
            type_: _Custom(having[cell] / peers[i], members[cell] / having[cell])
            for cell, type_ in enumerate(types, i * len(types))
            if having[cell] and type_ in _FIRM and peers[i] >= PEERS
        }
        for name, i in number.items()
    }
