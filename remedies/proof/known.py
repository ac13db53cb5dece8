"""What a proof stands on: the graph, what is known to be broken, and a log of what was read."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kgraph.schema import RELATIONS, Carries, Entity, Relation

APART, TOGETHER = "antiAffinity", "affinity"
_HARD = tuple(sorted(name for name, row in RELATIONS.items() if row.carries is Carries.FIRM))


@dataclass(frozen=True, slots=True)
class Ceiling:
    """How full a host may be: virtual processors for each real one, and a share of memory."""

    cpu_overcommit: float = 4.0
    memory_share: float = 0.95


@dataclass(frozen=True, slots=True)
class Known:
    """What is known besides the graph.

    Attributes:
        broken: uids that do not work now, whatever the reason.
        off: hosts whose power was read back off.
    """

    broken: frozenset[str] = frozenset()
    off: frozenset[str] = frozenset()
    ceiling: Ceiling = Ceiling()


@dataclass(frozen=True, slots=True)
class Gate:
    """What one dependent needs: `need` of these members."""

    dependent: str
    need: int
    members: tuple[str, ...]


@dataclass
class Graph:
    """The graph, with a log of everything that was asked of it."""

    entities: Mapping[str, Entity]
    needs: Mapping[str, list[Relation]]
    needed_by: Mapping[str, list[Relation]]
    log: dict[str, object] = field(default_factory=dict)
    # The same is asked for each guest that comes to a host: what was answered once is in the log.
    _numbers: dict[tuple[str, ...], float | None] = field(default_factory=dict)
    _rows: dict[tuple[str, ...], list[Relation]] = field(default_factory=dict)

    @classmethod
    def of(cls, entities: Iterable[Entity], relations: Iterable[Relation]) -> Graph:
        """Index a graph."""
        needs: dict[str, list[Relation]] = defaultdict(list)
        needed_by: dict[str, list[Relation]] = defaultdict(list)
        for relation in relations:
            needs[relation.dependent].append(relation)
            needed_by[relation.dependency].append(relation)
        return cls({entity.uid: entity for entity in entities}, needs, needed_by)

    def fresh(self) -> Graph:
        """Return the same graph with an empty log."""
        return Graph(self.entities, self.needs, self.needed_by)

    def of_these(self, entities: Mapping[str, Entity]) -> Graph:
        """Return the same relations between other entities, with an empty log."""
        return Graph(entities, self.needs, self.needed_by)

    def kind(self, uid: str) -> str:
        """Return the kind; empty where there is no such entity."""
        entity = self.entities.get(uid)
        self.log[f"{uid} kind"] = entity.kind if entity else ""
        return entity.kind if entity else ""

    def name(self, uid: str) -> str:
        """Return what to call it."""
        entity = self.entities.get(uid)
        return f"{entity.kind} {entity.name or uid}" if entity else uid

    def named(self, uid: str) -> None:
        """Bind the proof to what it is called: by its name the endpoint was chosen that acts."""
        entity = self.entities.get(uid)
        self.log[f"{uid} name"] = entity.name if entity else ""

    def label(self, uid: str, key: str) -> str:
        """Return a label; empty where there is none."""
        entity = self.entities.get(uid)
        value = entity.labels.get(key, "") if entity else ""
        self.log[f"{uid} label {key}"] = value
        return value

    def number(self, uid: str, *props: str) -> float | None:
        """Return the first of these properties that is a positive number."""
        asked = (uid, *props)
        if asked not in self._numbers:
            self._numbers[asked] = self._number(uid, props)
        return self._numbers[asked]

    def _number(self, uid: str, props: Iterable[str]) -> float | None:
        entity = self.entities.get(uid)
        for prop in props:
            value = entity.props.get(prop) if entity else None
            self.log[f"{uid} prop {prop}"] = value
            if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
                return float(value)
        return None

    def amount(self, uid: str, prop: str) -> float | None:
        """Return a property that is a number, of which none is one."""
        entity = self.entities.get(uid)
        value = entity.props.get(prop) if entity else None
        self.log[f"{uid} prop {prop}"] = value
        known = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
        return float(value) if known else None  # type: ignore[arg-type] # it is a number

    def rows(self, uid: str, *types: str) -> list[Relation]:
        """Return what it depends on, over relations of these types."""
        asked = (uid, *types)
        if asked not in self._rows:
            found = self._rows[asked] = [r for r in self.needs.get(uid, ()) if r.type in types]
            key = f"{uid} needs {' '.join(types)}"
            self.log[key] = sorted(f"{r.dependency} {r.type} {r.group} {r.need}" for r in found)
        return self._rows[asked]

    def dependents(self, uid: str, *types: str) -> list[str]:
        """Return what depends on it, over relations of these types."""
        found = [row for row in self.needed_by.get(uid, ()) if row.type in types]
        names = sorted(row.dependent for row in found)
        self.log[f"{uid} needed {' '.join(types)}"] = names
        return names

    def gates(self, uid: str) -> list[Gate]:
        """Return what it firmly needs, one gate for each group and each single relation."""
        grouped: dict[tuple[str, str | None], list[Relation]] = defaultdict(list)
        for row in self.rows(uid, *_HARD):
            alone = row.dependency if row.group is None else None
            grouped[(row.group or "", alone)].append(row)
        return [_gate(uid, rows) for rows in grouped.values()]

    def firm_dependents(self, uid: str) -> list[str]:
        """Return what firmly depends on it."""
        return self.dependents(uid, *_HARD)

    @property
    def digest(self) -> str:
        """Return the hash of everything that was asked so far, with its answer."""
        text = json.dumps(self.log, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def reads(self) -> frozenset[str]:
        """Return the uids that were asked about."""
        return frozenset(key.split(" ", 1)[0] for key in self.log)


def _gate(uid: str, rows: list[Relation]) -> Gate:
    members = tuple(dict.fromkeys(row.dependency for row in rows))
    need = max((row.need or 1) for row in rows) if rows[0].group is not None else 1
    return Gate(uid, min(need, len(members)), members)
