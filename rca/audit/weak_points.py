"""Weak points: what takes services along when it fails, alone or together with little else.

And causes that hide behind redundancy: one thing whose loss takes enough members of a group that
was meant to survive the loss of any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kgraph.schema import RELATIONS, Carries
from kgraph.topology import Topology
from rca.audit.cuts import Cut, CutSets

FIRM = frozenset(n for n, row in RELATIONS.items() if row.carries is Carries.FIRM)
CALLS = frozenset(n for n, row in RELATIONS.items() if row.carries is Carries.SOFT)


@dataclass(frozen=True, slots=True)
class WeakPoint:
    """Things that together stop others.

    Attributes:
        members: uids; none of them could be left out.
        hits: uids of what is stopped, of those asked about.
    """

    members: tuple[str, ...]
    hits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SharedCause:
    """One thing in which groups meet that can spare a member.

    Attributes:
        entity: its uid.
        groups: (dependent, relation type, members) of each group that it would exhaust; uids.
        hits: uids of what is stopped with it, of those asked about.
    """

    entity: str
    groups: tuple[tuple[str, str, tuple[str, ...]], ...]
    hits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WeakPoints:
    """What could be lost, the worst first.

    Attributes:
        shortened: uids of which not all sets could be followed.
    """

    points: tuple[WeakPoint, ...]
    shared: tuple[SharedCause, ...]
    shortened: tuple[str, ...] = ()


def weak_points(
    topology: Topology, asked: Sequence[str], *, size: int = 2, calls: bool = True
) -> WeakPoints:
    """Return what stops the entities that are asked about, ranked by how many it hits.

    Args:
        topology: the estate.
        asked: uids, such as of all services.
        size: of the largest set, in [1, 3].
        calls: whether a call that cannot be answered counts as a failure.
    """
    roots = [topology.index[uid] for uid in asked if uid in topology.index]
    sets = CutSets(topology, roots, FIRM | CALLS if calls else FIRM, size)
    hits: dict[Cut, list[int]] = {}
    for root in roots:
        for cut in sets[root]:
            if root not in cut:
                hits.setdefault(cut, []).append(root)
    ranked = sorted(hits, key=lambda cut: (-len(hits[cut]), len(cut), _names(topology, cut)))
    return WeakPoints(
        tuple(WeakPoint(_names(topology, cut), _names(topology, hits[cut])) for cut in ranked),
        tuple(_shared(topology, sets, hits)),
        _names(topology, sets.shortened),
    )


def _names(topology: Topology, entities: Sequence[int] | set[int] | Cut) -> tuple[str, ...]:
    return tuple(sorted(topology.uids[entity] for entity in entities))


def _shared(topology: Topology, sets: CutSets, hits: dict[Cut, list[int]]) -> list[SharedCause]:
    groups: dict[int, list[tuple[str, str, tuple[str, ...]]]] = {}
    for owner in sets:
        for gate in sets.gates(owner):
            if sets.spare(gate) < 1:
                continue
            members = _names(topology, topology.members(gate))
            group = (topology.uids[owner], topology.type[gate], members)
            for cut in sets.of_group(gate):
                if len(cut) == 1 and owner not in cut:
                    groups.setdefault(next(iter(cut)), []).append(group)
    found = [
        SharedCause(
            topology.uids[entity],
            tuple(sorted(rows)),
            _names(topology, hits.get(frozenset((entity,)), [])),
        )
        for entity, rows in groups.items()
    ]
    return sorted(found, key=lambda row: (-len(row.hits), -len(row.groups), row.entity))
