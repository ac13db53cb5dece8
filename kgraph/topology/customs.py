"""What things of a kind usually depend on: one that lacks it may hang on what the graph lacks.

Only of relations that carry a failure for certain: what a service calls is its own affair, and a
leaf among services lacks nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from kgraph.schema import RELATIONS, Carries, Lack
from kgraph.topology.arrays import Topology

USUAL = 0.25  # a share below which a kind has no such custom
PEERS = 5  # entities of a kind below which it has none
_FIRM = frozenset(name for name, type_ in RELATIONS.items() if type_.carries is Carries.FIRM)


class _Custom(NamedTuple):
    share: float  # of a kind's entities that have such a dependency
    mean: float  # number of those that have any


def lack(topology: Topology, entity: int) -> Lack | None:
    """Return what an entity lacks most of what its peers depend on; None: nothing.

    The first question about a kind is O(entities + gates) of array work, the next ones O(1).
    """
    mine: dict[str, int] = {}
    for gate in topology.gates(entity):
        name = topology.type_names[topology.type_code[gate]]
        mine[name] = mine.get(name, 0) + len(topology.members(gate))
    found = [
        Lack(name, custom.share * (1 - mine.get(name, 0) / custom.mean))
        for name, custom in _customs(topology, topology.kinds[entity]).items()
    ]
    most = max(found, key=lambda row: (row.share, row.relation), default=None)
    return most if most is not None and most.share >= USUAL else None


def _customs(topology: Topology, kind: str) -> Mapping[str, _Custom]:
    """Return relation type -> how usual it is, for entities of a kind."""
    known = topology.customs.get(kind)
    if known is None:
        known = topology.customs[kind] = _counted(topology, kind)
    return known


def _counted(topology: Topology, kind: str) -> Mapping[str, _Custom]:
    alike = np.fromiter(map(kind.__eq__, topology.kinds), np.bool_, len(topology))
    if int(alike.sum()) < PEERS:
        return {}
    gates = np.flatnonzero(alike[topology.owner])
    members = np.diff(topology.member_start)[gates]
    found = {}
    for code, name in enumerate(topology.type_names):
        if name not in _FIRM:
            continue
        typed = topology.type_code[gates] == code
        having = len(np.unique(topology.owner[gates[typed]]))
        if having:
            share = having / int(alike.sum())
            found[name] = _Custom(share, float(members[typed].sum()) / having)
    return found
