"""Random graphs for laws of the topology."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from kgraph.schema import Entity, Relation
from kgraph.topology import Topology

NAMES = [f"e{n}" for n in range(8)]
Graph = tuple[tuple[Entity, ...], tuple[Relation, ...]]
Row = tuple[str, str, int, frozenset[str]]  # owner, type, need, members


def rows(topology: Topology) -> set[Row]:
    """Return all gates by names, so that topologies of different order can be compared."""
    names = topology.uids
    return {
        (
            names[int(topology.owner[gate])],
            topology.type[gate],
            int(topology.need[gate]),
            frozenset(names[m] for m in topology.members(gate)),
        )
        for gate in range(len(topology.owner))
    }


@st.composite
def graphs(draw: st.DrawFn, names: Sequence[str] = NAMES) -> Graph:
    here = draw(st.lists(st.sampled_from(names), unique=True, min_size=1))
    ends = st.sampled_from(here)
    types = st.sampled_from(["RUNS_ON", "USES", "CALLS", "MEMBER_OF"])
    groups = st.sampled_from([None, None, "g1", "g2"])
    told = draw(st.lists(st.tuples(ends, types, ends, groups), max_size=20))
    needs: dict[tuple[str, str], int] = {}
    relations = []
    for a, type_, b, group in told:
        if a == b:
            continue
        need = None if group is None else needs.setdefault((a, group), draw(st.integers(1, 3)))
        relations.append(Relation(a, type_, b, group, need, "s"))
    return tuple(Entity(name, "Host") for name in sorted(here)), tuple(dict.fromkeys(relations))


def change(before: Graph, after: Graph) -> tuple[set[str], list[Entity], list[Relation]]:
    """Return what a store would say was touched between two graphs."""

    def told(graph: Graph) -> dict[str, tuple[Entity, set[Relation]]]:
        found: dict[str, tuple[Entity, set[Relation]]] = {e.uid: (e, set()) for e in graph[0]}
        for relation in graph[1]:
            found[relation.dependent][1].add(relation)
        return found

    old, new = told(before), told(after)
    touched = {uid for uid in new if old.get(uid) != new[uid]}
    return (
        old.keys() - new.keys(),
        [entity for entity in after[0] if entity.uid in touched],
        [relation for relation in after[1] if relation.dependent in touched],
    )
