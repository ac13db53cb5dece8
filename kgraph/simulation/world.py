"""An estate held in memory twice: as it is, and as the graph believes it to be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, TypeAlias

from kgraph.schema import RELATIONS, Carries, Entity, Record, Relation, RelationRecord

if TYPE_CHECKING:  # whoever only wants an estate need not wait for it
    import numpy as np
    from numpy.typing import NDArray

    Index: TypeAlias = NDArray[np.int32]
_UNUSED_CALLS = 0.25  # share of calls whose failure hardly hurts: cached, optional, rare


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that an entity needs: a single member, or `need` of a group.

    Attributes:
        members: indices of entities.
        sensitivity: how much of a weakness of each member arrives, in [0, 1].
    """

    type: str
    members: tuple[int, ...]
    need: int
    sensitivity: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Adjacency:
    """Relations by the entity at one end: those of entity i are `rows[start[i]:start[i + 1]]`."""

    start: Index
    rows: Index

    @classmethod
    def of(cls, ends: Index, size: int) -> Adjacency:
        """Sort relation numbers by the entity at that end, in linear memory."""
        import numpy as np  # noqa: PLC0415 - see above

        start = np.zeros(size + 1, dtype=np.int32)
        np.cumsum(np.bincount(ends, minlength=size), out=start[1:])
        return cls(start, np.argsort(ends, kind="stable").astype(np.int32))

    def at(self, entity: int) -> list[int]:
        """Return the relations of one entity, in the order in which they were given."""
        found: list[int] = self.rows[self.start[entity] : self.start[entity + 1]].tolist()
        return found


@dataclass(frozen=True, eq=False)
class World:
    """The truth, and what is believed of it.

    Attributes:
        relations: how it is: faults spread along these.
        believed: what the engine is given: some missing, some wrong.
        index: uid -> position in `entities`.
    """

    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]
    believed: tuple[Relation, ...]
    index: dict[str, int]
    dependents: Index
    dependencies: Index
    sensitivity: NDArray[np.float64]
    towards_causes: Adjacency
    towards_effects: Adjacency
    by_kind: dict[str, tuple[int, ...]]

    @classmethod
    def of(
        cls, items: Iterable[Record | RelationRecord], rng: Random, wrong_edges: float = 0.03
    ) -> World:
        """Hold an estate; each record's key becomes its uid.

        Args:
            items: entities and relations in any order, without dangling ends.
            rng: decides which calls matter and which edges are wrong, once for all incidents.
            wrong_edges: share of relations that the believed graph lacks, has to another entity,
                or has beyond the true ones.
        """
        import numpy as np  # noqa: PLC0415 - see above

        entities, relations = _split(items)
        index = {entity.uid: i for i, entity in enumerate(entities)}
        dependents = np.array([index[r.dependent] for r in relations], dtype=np.int32)
        dependencies = np.array([index[r.dependency] for r in relations], dtype=np.int32)
        by_kind: dict[str, list[int]] = {}
        for i, entity in enumerate(entities):
            by_kind.setdefault(entity.kind, []).append(i)
        kinds = {kind: tuple(members) for kind, members in by_kind.items()}
        return cls(
            entities=entities,
            relations=relations,
            believed=_distort(relations, entities, index, kinds, rng, wrong_edges),
            index=index,
            dependents=dependents,
            dependencies=dependencies,
            sensitivity=np.array([_sensitivity(relation, rng) for relation in relations]),
            towards_causes=Adjacency.of(dependents, len(entities)),
            towards_effects=Adjacency.of(dependencies, len(entities)),
            by_kind=kinds,
        )

    def needs(self, entity: int) -> list[Need]:
        """Return all that an entity needs to work."""
        rows = [i for i in self.towards_causes.at(entity) if carries(self.relations[i])]
        found: dict[str | int, list[int]] = {}  # by group, or by itself
        for i in rows:
            found.setdefault(self.relations[i].group or i, []).append(i)
        return [self._need(members) for members in found.values()]

    def _need(self, rows: list[int]) -> Need:
        first = self.relations[rows[0]]
        return Need(
            first.type,
            tuple(int(self.dependencies[i]) for i in rows),
            min(first.need or 1, len(rows)),
            tuple(float(self.sensitivity[i]) for i in rows),
        )

    def hit_by(self, entity: int) -> list[tuple[int, str]]:
        """Return who needs an entity, and by which type of relation."""
        rows = self.towards_effects.at(entity)
        found = [(int(self.dependents[i]), self.relations[i]) for i in rows]
        return [(dependent, relation.type) for dependent, relation in found if carries(relation)]

    def watchers(self, entity: int) -> list[int]:
        """Return the probes through which an entity is seen, the nearest first."""
        rows = self.towards_causes.at(entity)
        watching = [i for i in rows if self.relations[i].type == "WATCHED_BY"]
        return [int(self.dependencies[i]) for i in watching]

    def watched_by(self, probe: int) -> list[int]:
        """Return what a probe looks at."""
        rows = self.towards_effects.at(probe)
        watching = [i for i in rows if self.relations[i].type == "WATCHED_BY"]
        return [int(self.dependents[i]) for i in watching]


def carries(relation: Relation) -> bool:
    """Tell whether a failure crosses a relation."""
    return RELATIONS[relation.type].carries in {Carries.FIRM, Carries.SOFT}


def _split(
    items: Iterable[Record | RelationRecord],
) -> tuple[tuple[Entity, ...], tuple[Relation, ...]]:
    entities: list[Entity] = []
    relations: list[Relation] = []
    for item in items:
        if isinstance(item, Record):
            name = item.name or item.key
            entities.append(
                Entity(item.key, item.kind, name, item.keys, item.labels, item.props, item.watched)
            )
        else:
            ends = item.dependent, item.type, item.dependency
            relations.append(Relation(*ends, item.group, item.need, "simulation"))
    return tuple(entities), tuple(relations)


def _sensitivity(relation: Relation, rng: Random) -> float:
    if RELATIONS[relation.type].carries is not Carries.SOFT:
        return rng.uniform(0.6, 1.0)
    return rng.uniform(0, 0.1) if rng.random() < _UNUSED_CALLS else rng.uniform(0.3, 1.0)


def _distort(
    relations: tuple[Relation, ...],
    entities: tuple[Entity, ...],
    index: dict[str, int],
    by_kind: dict[str, tuple[int, ...]],
    rng: Random,
    share: float,
) -> tuple[Relation, ...]:
    """Remove, redirect or add a share of the relations, in equal parts."""
    if share <= 0:
        return relations
    known = {(r.dependent, r.type, r.dependency) for r in relations}
    found: list[Relation] = []
    for relation in relations:
        if rng.random() >= share:
            found.append(relation)
            continue
        other = entities[rng.choice(by_kind[entities[index[relation.dependency]].kind])].uid
        wrong = (relation.dependent, relation.type, other)
        act = rng.randrange(3)
        if act == 2:  # an edge too many leaves the true one as it is
            found.append(relation)
        if act and wrong not in known and other != relation.dependent:
            known.add(wrong)
            found.append(Relation(*wrong, relation.group, relation.need, relation.source))
    return tuple(_capped(found))


def _capped(relations: list[Relation]) -> list[Relation]:
    """Lower each `need` to the members that are left, as a store would."""
    sizes: dict[tuple[str, str], int] = {}
    for relation in relations:
        if relation.group is not None:
            key = (relation.dependent, relation.group)
            sizes[key] = sizes.get(key, 0) + 1
    return [
        replace(relation, need=sizes[relation.dependent, relation.group])
        if relation.group is not None
        and (relation.need or 1) > sizes[relation.dependent, relation.group]
        else relation
        for relation in relations
    ]
