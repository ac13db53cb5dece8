"""The part of the stored estate that a question is about, with what was seen there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from kgraph.schema import Evidence, Subgraph
from kgraph.store import Estate
from kgraph.topology import Topology, Vicinity, vicinity

WHOLE_UP_TO = 2_000  # entities: a smaller estate is looked at as a whole


@dataclass(frozen=True, slots=True)
class Survey:
    """A part of the estate.

    Attributes:
        warnings: what was left out, in words.
        vicinity: the same, as numbers of a topology; None: the whole estate.
    """

    graph: Subgraph
    warnings: tuple[str, ...] = ()
    vicinity: Vicinity | None = None

    def lacking(self, topology: Topology, blamed: Collection[str]) -> frozenset[str]:
        """Return those of some causes that have to be looked at in full; see `Vicinity.lacking`.

        Args:
            topology: the one that it was made of.
            blamed: uids.
        """
        if self.vicinity is None:
            return frozenset()
        known = [i for uid in blamed if (i := topology.index.get(uid)) is not None]
        return frozenset(topology.uids[i] for i in self.vicinity.lacking(topology, known))


def survey(
    store: Estate, topology: Topology, seeds: Collection[str], blamed: Collection[str] = ()
) -> Survey:
    """Return what a question about some entities needs of the graph.

    Args:
        store: the estate.
        topology: of the same store.
        seeds: uids where something is wrong, or is asked about.
        blamed: uids of likely causes: what depends on them is wanted in full.
    """
    if len(topology) <= WHOLE_UP_TO:
        return Survey(store.graph())
    index, uids = topology.index, topology.uids
    found = vicinity(
        topology,
        sorted(index[uid] for uid in seeds if uid in index),
        sorted(index[uid] for uid in blamed if uid in index),
    )
    graph = store.part([uids[i] for i in found.inner], [uids[i] for i in found.rim])
    many, few = f"{len(topology):,} entities", f"{len(graph.entities):,}"
    if seeds:
        line = f"only {few} of {many} were weighed: those nearby"
    else:
        line = f"nothing is abnormal on any of {many}; {few} of them stand here for the rest"
    more = ("there are more possible causes than could be weighed",) if found.truncated else ()
    return Survey(graph, (line, *more), found)


def seen(store: Estate, graph: Subgraph, topology: Topology, now: datetime) -> Evidence:
    """Return what holds at `now` on a part of the graph."""
    if len(graph.entities) == len(topology):
        return store.evidence(now=now)
    return store.evidence([entity.uid for entity in graph.entities], now=now)
