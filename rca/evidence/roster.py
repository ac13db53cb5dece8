"""Who is who: an entity by its uid, without a look at all of them for every incident."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from kgraph.schema import Entity
from kgraph.topology import Topology


class Roster(Mapping[str, Entity]):
    """Uid -> entity.

    The arrays of a topology mostly follow the order of the entities that they were built from:
    then their index is this one's, too. A dictionary is made only where that fails.
    """

    def __init__(self, topology: Topology, entities: Sequence[Entity]) -> None:
        """Take note of both; nothing is worked out yet."""
        self._topology, self._entities = topology, entities

    def __getitem__(self, uid: str) -> Entity:
        """Return the entity.

        Raises:
            KeyError: there is none with this uid.
        """
        place = self._topology.index.get(uid)
        if place is not None and place < len(self._entities):
            entity = self._entities[place]
            if entity.uid == uid:
                return entity
        return self._elsewhere[uid]

    def __iter__(self) -> Iterator[str]:
        """Yield every uid."""
        return (entity.uid for entity in self._entities)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._entities)

    @cached_property
    def _elsewhere(self) -> Mapping[str, Entity]:
        return {entity.uid: entity for entity in self._entities}

    def name(self, uid: str) -> str:
        """Return what people call an entity: its name, else its uid."""
        entity = self.get(uid)
        return (entity.name if entity else "") or uid
