"""What a planner asks of the graph around a cause. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from kgraph.schema import (
    RELATIONS,
    Carries,
    Entity,
    Incident,
    Relation,
    Severity,
    Sign,
    kind_of,
    mode_named,
)
from remedies.ground import Ground, Rows

_CARRYING = frozenset(
    name for name, type_ in RELATIONS.items() if type_.carries in {Carries.FIRM, Carries.SOFT}
)
_STORED = frozenset({"STORED_ON"})
_WEIGHTS: Mapping[str, int] = {"critical": 3, "high": 2, "low": -1}


@dataclass(frozen=True)
class Surroundings:
    """The graph around an incident, ready for questions."""

    ground: Ground
    entities: Mapping[str, Entity]
    abnormal: frozenset[Sign]
    well: frozenset[str]
    looked_at: frozenset[str]
    changed: frozenset[str] = frozenset()

    @classmethod
    def of(cls, incident: Incident, ground: Ground | None = None) -> Surroundings:
        """Index an incident.

        Args:
            incident: its entities are taken as it has them.
            ground: the graph that it is a part of, relations and all; None: what it has itself.
        """
        inside = {entity.uid: entity for entity in incident.entities}
        ground = ground or Ground(inside, incident.relations)
        rows = incident.observations
        return cls(
            ground,
            {**ground.entities, **inside},
            frozenset((row.entity, row.signal) for row in rows if row.abnormal),
            frozenset(row.entity for row in rows if not row.abnormal),
            frozenset(row.entity for row in rows)
            | frozenset(uid for uid, entity in inside.items() if entity.watched)
            | (ground.watched - inside.keys()),
            frozenset(change.entity for change in incident.changes),
        )

    @property
    def needs(self) -> Rows:
        """By dependent: what it depends on."""
        return self.ground.needs

    @property
    def needed_by(self) -> Rows:
        """By dependency: what depends on it."""
        return self.ground.needed_by

    def dependents(self, uid: str) -> list[str]:
        """Return everything that a failure of `uid` can reach, nearest first."""
        return list(_walk(uid, self.needed_by, _CARRYING, dependents=True))

    def hurt_by(self, uid: str) -> list[str]:
        """Return `uid` and everything that is lost with it, nearest first.

        Who needs one of several still has the others, if enough of them are seen well.
        """
        lost, frontier = {uid: None}, deque([uid])
        while frontier:
            for relation in self.needed_by.get(frontier.popleft(), ()):
                far = relation.dependent
                if relation.type in _CARRYING and far not in lost and self._lacks(relation, lost):
                    lost[far] = None
                    frontier.append(far)
        return list(lost)

    def _lacks(self, relation: Relation, lost: Container[str]) -> bool:
        """Tell whether a dependent has too few left of what it needs one of."""
        if relation.group is None:
            return True
        rows = self.needs.get(relation.dependent, ())
        members = {row.dependency for row in rows if row.group == relation.group}
        left = sum(each not in lost and self.vouched(each) for each in members)
        return left < (relation.need or 1)

    def needed(self, uid: str) -> list[str]:
        """Return everything whose failure can reach `uid`, nearest first."""
        return list(_walk(uid, self.needs, _CARRYING, dependents=False))

    def storage(self, uid: str) -> list[Entity]:
        """Return what an entity's data is on, directly or through volumes and pools."""
        found = _walk(uid, self.needs, _STORED, dependents=False)
        return [self.entities[each] for each in found if each in self.entities]

    def showing(self, kind: str, mode: str, among: Iterable[str]) -> list[str]:
        """Return those of `kind` that are observed to be in `mode`."""
        seen = {e for e, signal in self.abnormal if mode_named(kind, signal) == mode}
        return [uid for uid in among if uid in seen and self._is(uid, kind)]

    def signs_of(self, uid: str) -> tuple[Sign, ...]:
        """Return what is seen to be wrong with one entity."""
        return tuple(sorted(sign for sign in self.abnormal if sign[0] == uid))

    def guests(self, host: str) -> list[str]:
        """Return the guests that run on a host, or ran there when they were last seen."""
        rows = self.needed_by.get(host, ())
        found = (r.dependent for r in rows if r.type == "RUNS_ON")
        return [uid for uid in dict.fromkeys(found) if self._is(uid, "VirtualMachine")]

    def broken(self) -> frozenset[str]:
        """Return what is seen to be in a hard failure mode: it does not work now."""
        return broken_of(self.entities, self.abnormal)

    def sources(self, uid: str) -> frozenset[str]:
        """Return the sources that speak of what an entity needs, or of what needs it."""
        rows = (*self.needs.get(uid, ()), *self.needed_by.get(uid, ()))
        return frozenset(relation.source for relation in rows if relation.source)

    def libvirt_uri(self, uid: str) -> str:
        """Return the connection of the host that a guest runs or last ran on, or a pool is of.

        Empty where it is not known.
        """
        rows = self.needs.get(uid, ())
        for type_ in ("RUNS_ON", "MEMBER_OF", "USES"):
            uris = [self._uri(r.dependency) for r in rows if r.type == type_]
            known = sorted({uri for uri in uris if uri})
            if len(known) == 1:
                return known[0]
            if known:
                return ""  # on two hosts at once: nobody may guess which
        return ""

    def host_uri(self, host: str) -> str:
        """Return the libvirt connection to a host; empty where it is not known."""
        return self._uri(host)

    def host_uris(self, host: str) -> frozenset[str]:
        """Return every libvirt connection to a host: it may be read through several."""
        return frozenset(self._uris(host))

    def vouched(self, uid: str) -> bool:
        """Tell whether an entity was looked at, and nothing is seen to be wrong with it."""
        return uid in self.well and not self.signs_of(uid)

    def importance(self, uid: str) -> tuple[int, int, str]:
        """Return a sort key: labelled importance first, then by how many need it, then name."""
        entity = self.entities[uid]
        weight = _WEIGHTS.get(entity.labels.get("importance", ""), 0)
        return -weight, -len(self.dependents(uid)), entity.name or uid

    def _uri(self, host: str) -> str:
        return next(self._uris(host), "")

    def _uris(self, host: str) -> Iterator[str]:
        for relation in self.needs.get(host, ()):
            probe = self.entities.get(relation.dependency)
            if relation.type == "WATCHED_BY" and probe is not None:
                uri = probe.props.get("uri")
                if isinstance(uri, str) and uri:
                    yield uri

    def _is(self, uid: str, kind: str) -> bool:
        return uid in self.entities and self.entities[uid].kind == kind


def broken_of(entities: Mapping[str, Entity], abnormal: Iterable[Sign]) -> frozenset[str]:
    """Return which entities are seen to be in a hard failure mode: they do not work now."""
    return frozenset(
        uid for uid, signal in abnormal if uid in entities and _hard(entities[uid].kind, signal)
    )


def _hard(kind: str, signal: str) -> bool:
    mode = mode_named(kind, signal)
    return mode is not None and kind_of(kind).modes[mode].severity is Severity.HARD


def _walk(
    start: str,
    edges: Rows,
    types: frozenset[str],
    *,
    dependents: bool,
) -> Iterator[str]:
    seen, frontier = {start}, deque([start])
    while frontier:
        for relation in edges.get(frontier.popleft(), ()):
            far = relation.dependent if dependents else relation.dependency
            if relation.type in types and far not in seen:
                seen.add(far)
                frontier.append(far)
                yield far
