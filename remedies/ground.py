"""A graph, indexed once for all the plans that are made on it. Pure.

A night on which twenty hosts die asks for twenty plans over the same estate: of a large one the
indexes cost a hundred times what a plan does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from kgraph.schema import Entity, Relation
from remedies.placement import Layout, read_layout
from remedies.proof import Graph

Rows = Mapping[str, tuple[Relation, ...]]


@dataclass(frozen=True)  # without slots: what is derived from it is kept with it
class Ground:
    """The entities and relations that plans are made on.

    Attributes:
        entities: by uid.
        relations: between them.
    """

    entities: Mapping[str, Entity]
    relations: tuple[Relation, ...]

    @classmethod
    def of(cls, entities: Iterable[Entity], relations: Iterable[Relation]) -> Ground:
        """Take over a graph."""
        return cls({entity.uid: entity for entity in entities}, tuple(relations))

    @cached_property
    def needs(self) -> Rows:
        """By dependent: what it depends on."""
        return _by(self.relations, "dependent")

    @cached_property
    def needed_by(self) -> Rows:
        """By dependency: what depends on it."""
        return _by(self.relations, "dependency")

    @cached_property
    def watched(self) -> frozenset[str]:
        """What some detector looks at."""
        return frozenset(uid for uid, entity in self.entities.items() if entity.watched)

    @cached_property
    def layout(self) -> Layout:
        """Hosts with their room, and guests where they are; no plan has closed a host."""
        return read_layout(self.entities.values(), self.relations, {})

    @cached_property
    def graph(self) -> Graph:
        """The same as the checker indexes it, which takes over nothing of the planner's."""
        return Graph.of(self.entities.values(), self.relations)


def _by(relations: Iterable[Relation], end: str) -> Rows:
    found: dict[str, list[Relation]] = defaultdict(list)
    for relation in relations:
        found[getattr(relation, end)].append(relation)
    return {uid: tuple(rows) for uid, rows in found.items()}
