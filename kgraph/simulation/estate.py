"""A generated estate: any size, always the same for the same shape, streamed."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.schema import Record, RelationRecord
from kgraph.simulation.applications import Applications
from kgraph.simulation.infrastructure import Infrastructure
from kgraph.simulation.parts import Maker, Part
from kgraph.simulation.seeds import seeded
from kgraph.simulation.shape import EstateShape, lay_out


class Estate:
    """An estate with power and switch pairs, bonds, dual storage paths, RAID and service tiers.

    Nothing is kept between calls: each method generates anew, in time linear in the size and in
    memory that grows with the number of hosts.
    """

    def __init__(self, shape: EstateShape) -> None:
        self.shape = shape

    def items(self) -> Iterator[Part]:
        """Yield entities and relations; an entity comes before the relations that name it."""
        make = Maker(seeded(self.shape.seed), self.shape.coverage)
        infrastructure = Infrastructure(lay_out(self.shape), make, dense=self.shape.dense)
        made = 0
        for part in infrastructure.parts():
            made += isinstance(part, Record)
            yield part
        applications = Applications(
            infrastructure.hosts, infrastructure.sites, make, dense=self.shape.dense
        )
        yield from applications.parts(self.shape.entities - made)

    def records(self) -> Iterator[Record]:
        """Yield the entities alone."""
        return (item for item in self.items() if isinstance(item, Record))

    def relations(self) -> Iterator[RelationRecord]:
        """Yield the relations alone."""
        return (item for item in self.items() if isinstance(item, RelationRecord))
