"""The part of the graph that matters to an incident, as data: boxes, lines, how each is marked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from kgraph.schema import Entity, Relation

Edge = tuple[str, str, str]  # dependent, relation type, dependency


class Mark(Enum):
    """How a node is drawn; where there is no room for all, the later ones go first."""

    CAUSE = "cause"
    HIT = "hit"
    WAY = "way"
    NEXT = "next"
    WELL = "well"
    PLAIN = "plain"


# Of text that says it too: colour alone tells nothing to many.
LEGEND: Mapping[Mark, str] = MappingProxyType(
    {
        Mark.CAUSE: "to blame",
        Mark.HIT: "shows symptoms",
        Mark.WAY: "on the way to a symptom, or hit unseen",
        Mark.NEXT: "hit next",
        Mark.WELL: "looked at and well",
        Mark.PLAIN: "beside it",
    }
)


@dataclass(frozen=True, slots=True)
class Node:
    """One entity in a picture; `note` is what is known of it, in a few words."""

    uid: str
    kind: str
    name: str
    mark: Mark = Mark.PLAIN
    note: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """Nodes and (dependent, relation type, dependency) edges between them.

    Attributes:
        ways: the edges that the fault takes to the symptoms.
        omitted: entities that belong into the picture and are not in it.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    ways: frozenset[Edge] = frozenset()
    omitted: int = 0


def draw(
    entities: Iterable[Entity],
    relations: Iterable[Relation],
    marks: Mapping[str, Mark] = MappingProxyType({}),
    notes: Mapping[str, str] = MappingProxyType({}),
) -> Picture:
    """Make a picture of a part of the graph; edges to what is not in it are left out."""
    nodes = tuple(
        Node(e.uid, e.kind, e.name or e.uid, marks.get(e.uid, Mark.PLAIN), notes.get(e.uid, ""))
        for e in entities
    )
    inside = {node.uid for node in nodes}
    edges = dict.fromkeys(
        (r.dependent, r.type, r.dependency)
        for r in relations
        if r.dependent in inside and r.dependency in inside
    )
    return Picture(nodes, tuple(edges))
