"""The incident's graph as a report needs it: names, places, who needs what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from kgraph.schema import RELATIONS, Carries, Entity, Incident, Relation

_COPIES = frozenset({"ServiceInstance", "Container", "Pod"})
_PORTS = frozenset({"Nic", "Bond"})


@dataclass(frozen=True, slots=True)
class Estate:
    """Entities and their dependencies, both ways; relations that carry no failure left out."""

    entities: Mapping[str, Entity]
    needs: Mapping[str, tuple[Relation, ...]]
    needed_by: Mapping[str, tuple[Relation, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, incident: Incident) -> Estate:
        """Index an incident's graph; O(entities + relations)."""
        needs: dict[str, list[Relation]] = {}
        needed_by: dict[str, list[Relation]] = {}
        for relation in incident.relations:
            type_ = RELATIONS.get(relation.type)
            if type_ is None or type_.carries in {Carries.FIRM, Carries.SOFT}:
                needs.setdefault(relation.dependent, []).append(relation)
                needed_by.setdefault(relation.dependency, []).append(relation)
        return cls(
            {entity.uid: entity for entity in incident.entities},
            {uid: tuple(rows) for uid, rows in needs.items()},
            {uid: tuple(rows) for uid, rows in needed_by.items()},
        )

    def name(self, uid: str) -> str:
        """Return what people call an entity."""
        entity = self.entities.get(uid)
        return (entity.name or uid) if entity else uid

    def title(self, uid: str) -> str:
        """Return kind and name."""
        entity = self.entities.get(uid)
        return entity.title if entity else uid

    def kind(self, uid: str) -> str:
        """Return an entity's kind; of a stranger, the generic one."""
        entity = self.entities.get(uid)
        return entity.kind if entity else "Thing"

    def place(self, uid: str) -> str:
        """Return the name of the host that a guest runs on, or nothing."""
        if self.kind(uid) != "VirtualMachine":
            return ""
        rows = (r for r in self.needs.get(uid, ()) if r.type == "RUNS_ON")
        return next((self.name(r.dependency) for r in rows), "")

    def machines(self, uid: str) -> tuple[str, ...]:
        """Return the names of what an entity runs on; of a port of a machine, whose it is.

        A service is where its copies are, and a port of a bond where that bond is.
        """
        needs = self.needs.get(uid, ())
        on = [r.dependency for r in needs if r.type == "RUNS_ON"]
        if not on and self.kind(uid) in _PORTS:
            on = [r.dependent for r in self.needed_by.get(uid, ())]
            bonds = [bond for bond in on if self.kind(bond) == "Bond"]
            on = [machine for machine in on if self.kind(machine) == "Host"]
            if not on:
                return tuple(sorted({name for bond in bonds for name in self.machines(bond)}))
        if not on:
            copies = (r.dependency for r in needs if self.kind(r.dependency) in _COPIES)
            return tuple(sorted({name for copy in copies for name in self.machines(copy)}))
        return tuple(sorted({self.name(machine) for machine in on}))

    def causes_of(self, uid: str) -> frozenset[str]:
        """Return everything that an entity needs, directly or not; itself not among it."""
        return _reach(uid, lambda at: (r.dependency for r in self.needs.get(at, ())))

    def dependents_of(self, uid: str) -> frozenset[str]:
        """Return everything that needs an entity, directly or not; itself not among it."""
        return _reach(uid, lambda at: (r.dependent for r in self.needed_by.get(at, ())))


def _reach(start: str, step: Callable[[str], Iterable[str]]) -> frozenset[str]:
    found: set[str] = set()
    frontier = [start]
    while frontier:
        for near in step(frontier.pop()):
            if near not in found:
                found.add(near)
                frontier.append(near)
    return frozenset(found - {start})
