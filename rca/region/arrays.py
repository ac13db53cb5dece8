"""What walks of many suspects at once need of the graph and the evidence, as arrays.

Nodes are the entities that were looked at, or lie between a suspect and one that was. An edge says
what the modes of one node bring about in another: along the arrows through the gates of the other,
or against them. Modes have a slot in each kind, in the order of their names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rca.region.edges import Edges, Floats, Ints, Mask, Tables
from rca.region.effects import Faults, Modes
from rca.region.seen import Seen


@dataclass(frozen=True, slots=True)
class Region:
    """The part of the graph that an incident is about, as arrays.

    Attributes:
        nodes: (n,) entity indices, rising.
        kind: (n,) kind of each node, a number.
        level: (n,) causes before effects.
        circle: (n,) its cycle, a number; most are of one node.
        circled: (n,) whether it lies in a cycle with others.
        within: (n,) whether walks may go there.
        prefer: (n,) of equals, the higher is told as the reason; by index where nobody asks why.
        kinds: name of each kind.
        slots: by kind: mode -> slot.
        hard: (kinds, slots) whether a mode stops its entity.
        blind: (n,) the slot of `unobserved`.
        reduced: (n,) the slot of `reduced`; -1: its kind has no such mode.
        errs: (kinds,) the slot of `failing`.
        sent: (n,) P(it is still sent requests | it is failing); see `rca.region.gates`.
        pressing: (n,) slots in which it may hurt something against the arrows, as bits.
        ahead: (e,) whom each edge hits, the edges sorted by source as in `Edges.back`.
        moved: (e,) slots of the source in which it does, as bits; none where no walk may go, nor,
            in an incident, where nobody would see it and it would hit nobody else.
        tells: (kinds, slots) from which modes something follows that was looked at.
    """

    nodes: Ints
    kind: Ints
    level: Ints
    circle: Ints
    circled: Mask
    within: Mask
    prefer: Ints
    kinds: Sequence[str]
    slots: Sequence[Mapping[str, int]]
    hard: Mask
    blind: Ints
    reduced: Ints
    errs: Ints
    sent: Floats
    pressing: Ints
    ahead: Ints
    moved: Ints
    tells: Mask
    edges: Edges
    tables: Tables
    seen: Seen

    def located(self, faults: Faults) -> Faults:
        """Return the faults by node instead of by entity."""
        return tuple((int(np.searchsorted(self.nodes, entity)), mode) for entity, mode in faults)

    def place(self, entity: int) -> int | None:
        """Return the node of an entity; None where it is not among them."""
        node = int(np.searchsorted(self.nodes, entity))
        return node if node < len(self.nodes) and self.nodes[node] == entity else None

    def places(self, entities: Collection[int]) -> Ints:
        """Return the node of each of some entities; -1 where it is not among them."""
        asked = np.fromiter(entities, np.int64, len(entities))
        found = np.searchsorted(self.nodes, asked)
        return np.where(np.append(self.nodes, -1)[found] == asked, found, -1)

    def holds(self, entities: Collection[int]) -> bool:
        """Tell whether all of some entities are among the nodes."""
        return bool((self.places(entities) >= 0).all())

    @property
    def width(self) -> int:
        """The most slots of any kind."""
        return int(self.hard.shape[1])

    def modes(self, node: int, chances: Floats) -> Modes:
        """Return mode -> chance of a node, of those that are possible."""
        slots = self.slots[int(self.kind[node])]
        return {mode: float(chances[at]) for mode, at in slots.items() if chances[at] > 0}

    def slot(self, node: int, mode: str) -> int:
        """Return the slot of a mode."""
        return self.slots[int(self.kind[node])][mode]
