"""From the rows of a bundle to an incident; what was mended on the way becomes warnings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from kgraph.schema.bundle_rows import Bundle, EntityRow, KeyRow, ObservationRow, RelationRow
from kgraph.schema.entities import Entity, Key, Relation, Scalar
from kgraph.schema.errors import InputError
from kgraph.schema.incidents import Incident, Stray, Target
from kgraph.schema.kinds import GENERIC, KINDS
from kgraph.schema.nearness import meant
from kgraph.schema.observations import Change, Observation, State
from kgraph.schema.relations import RELATIONS
from kgraph.schema.signals import is_known

_TOLD = 3  # entities that a bundle lacks and one warning names
_ASKED = 200  # unknown names that are compared with the known ones: somebody may make up a million
_Group = tuple[str, str, str]  # dependent, source, group


class Parts:
    """The parts of one incident.

    Args:
        bundle: the rows.
        unknown: what is to be told of its fields that are passed over.
        where: file and line, for messages.

    Raises:
        InputError: here and by its methods, where rows contradict each other.
    """

    def __init__(self, bundle: Bundle, unknown: Sequence[str], where: str) -> None:
        self._bundle, self._where = bundle, where
        self._warnings: Counter[str] = Counter(unknown)
        self._lacking: dict[str, Counter[str]] = {}  # what was left out -> whom the bundle lacks
        self._slips: dict[str, str] = {}  # warning -> the question at its end
        self._needs: dict[_Group, tuple[int, int]] = {}  # group -> its first row, and its need
        self._stored = not bundle.entities  # then ids are looked up in the stored graph, later
        self.entities = tuple(self._entities())
        self._known = {entity.uid: entity.kind for entity in self.entities}

    def with_warnings(self, incident: Incident) -> Incident:
        """Return the incident with what the bundle warns of itself, and then our own."""
        own = [_times(what, count) for what, count in self._warnings.items()]
        own += [
            _times(f"{what} left out: the bundle does not hold {_few(lacks)}", lacks.total())
            for what, lacks in self._lacking.items()
        ]
        told = dict.fromkeys([*(self._bundle.warnings or ()), *own])
        return replace(incident, warnings=tuple(told))

    def observations(self) -> tuple[Observation, ...]:
        """Return the evidence on entities that are there; an unknown state says nothing."""
        found = []
        for row in self._bundle.observations or ():
            if row.state == "unknown" or not self._kept(row.entity, "evidence"):
                continue
            self._signal(self._known.get(row.entity), row.signal)
            found.append(_observation(row, State(row.state)))
        return tuple(found)

    def changes(self) -> tuple[Change, ...]:
        """Return the changes that say when."""
        found = []
        for row in self._bundle.changes or ():
            if row.at is None:
                self._warnings["a change without a time was left out"] += 1
            elif self._kept(row.entity, "a change"):
                found.append(
                    Change(row.entity, row.type, row.at, row.detail or "", row.source or "")
                )
        return tuple(found)

    def strays(self) -> tuple[Stray, ...]:
        """Return what is on record of alarms; the first word on one counts."""
        found: dict[tuple[str, str, str], Stray] = {}
        for row in self._bundle.strays or ():
            if self._kept(row.entity, "what is on record of an alarm"):
                said = Stray(**row.model_dump())
                found.setdefault((said.entity, said.signal, said.detector), said)
        return tuple(found.values())

    def target(self) -> Target | None:
        """Return what raised the incident."""
        row = self._bundle.target
        if row is None or not self._kept(row.entity, "the target"):
            return None
        return Target(row.entity, row.signal)

    def candidates(self) -> tuple[str, ...] | None:
        """Return the only ones that may be ranked; None: any."""
        named = self._bundle.candidates
        if named is None:
            return None
        return tuple(uid for uid in dict.fromkeys(named) if self._kept(uid, "a candidate"))

    def relations(self) -> tuple[Relation, ...]:
        """Return each relation once; no group needs more members than it has."""
        found = dict.fromkeys(self._claims())
        members: dict[_Group, set[str]] = {}
        for claim in found:
            if claim.group is not None:
                members.setdefault(_group(claim, claim.group), set()).add(claim.dependency)
        capped = {
            group: len(held)
            for group, held in members.items()
            if held and self._needs[group][1] > len(held)
        }
        for (dependent, _, group), size in capped.items():
            self._warnings[
                f"group {group!r} of {dependent!r} has {size} members: needs {size}"
            ] += 1
        return tuple(
            replace(claim, need=capped.get(_group(claim, claim.group), claim.need))
            if claim.group is not None
            else claim
            for claim in found
        )

    def _claims(self) -> Iterator[Relation]:
        for i, row in enumerate(self._bundle.relations or ()):
            ends = (row.dependent, row.dependency)
            if not all(self._kept(end, "a relation") for end in ends):
                continue
            type_ = row.type
            if type_ not in RELATIONS:
                what = f"unknown relation {type_!r} is treated as DEPENDS_ON"
                self._strange(what, type_, RELATIONS)
                type_ = "DEPENDS_ON"
            need = self._need(i, row)
            source = row.source or ""
            yield Relation(row.dependent, type_, row.dependency, row.group, need, source)

    def _need(self, i: int, row: RelationRow) -> int | None:
        if row.group is None:
            if (row.need or 1) > 1:
                what = f"a `need` without a group was left out, of {row.dependent!r}"
                self._warnings[what] += 1
            return None
        need = row.need or 1
        group = (row.dependent, row.source or "", row.group)
        first, said = self._needs.setdefault(group, (i, need))
        if said != need:
            raise InputError(
                f"group {row.group!r} of {row.dependent!r} needs {said} in relations[{first}]"
                f" and {need} in relations[{i}]",
                where=self._where,
                mend="give every row of a group the same `need`",
            )
        return need

    def _entities(self) -> Iterator[Entity]:
        first: dict[str, int] = {}
        for i, row in enumerate(self._bundle.entities or ()):
            if first.setdefault(row.id, i) != i:
                both = f"entities[{first[row.id]}] and entities[{i}]"
                raise InputError(
                    f"id {row.id!r} is there twice, in {both}",
                    where=self._where,
                    mend="keep one",
                )
            if row.kind not in KINDS and row.kind != GENERIC:
                what = f"unknown kind {row.kind!r} is treated as a generic {GENERIC}"
                self._strange(what, row.kind, KINDS)
            for signal in row.watched or ():
                self._signal(row.kind, signal)
            yield Entity(
                row.id,
                row.kind,
                row.name or row.id,
                keys=_keys(row),
                labels=row.labels or {},
                props=self._props(row.props or {}),
                watched=tuple(row.watched or ()),
            )

    def _props(self, props: Mapping[str, object]) -> dict[str, Scalar]:
        kept: dict[str, Scalar] = {}
        for name, value in props.items():
            if isinstance(value, float) and not math.isfinite(value):
                self._warnings[f"property {name!r} is not finite and was left out"] += 1
            elif isinstance(value, str | int | float):
                kept[name] = value
            else:
                self._warnings[f"property {name!r} is not one value and was left out"] += 1
        return kept

    def _signal(self, kind: str | None, signal: str) -> None:
        if not is_known(kind, signal):
            self._warnings[f"unknown signal {signal!r} is treated as anomaly"] += 1

    def _strange(self, what: str, written: str, known: Collection[str]) -> None:
        """Warn of what is not known, and ask what may have been meant."""
        if what not in self._slips and len(self._slips) < _ASKED:
            self._slips[what] = meant(written, known)
        self._warnings[what + self._slips.get(what, "")] += 1

    def _kept(self, entity: str, what: str) -> bool:
        if self._stored or entity in self._known:
            return True
        self._lacking.setdefault(what, Counter())[entity] += 1
        return False


def _times(what: str, count: int) -> str:
    return what if count == 1 else f"{what} ({count} times)"


def _few(names: Collection[str]) -> str:
    """Name some of them."""
    told = ", ".join(repr(name) for name in islice(names, _TOLD))
    more = len(names) - _TOLD
    return f"{told} and {more} more" if more > 0 else told


def _group(claim: Relation, group: str) -> _Group:
    return (claim.dependent, claim.source, group)


def _keys(row: EntityRow) -> tuple[Key, ...]:
    return tuple(
        Key(namespace, value.value, value.site)
        if isinstance(value, KeyRow)
        else Key(namespace, value)
        for namespace, values in (row.keys or {}).items()
        for value in (values if isinstance(values, list) else [values])
    )


def _observation(row: ObservationRow, state: State) -> Observation:
    return Observation(
        row.entity,
        row.signal,
        state,
        score=row.score,
        direction=row.direction,
        at=row.at,
        detector=row.detector or "",
        caller=row.caller,
        received_at=row.receivedAt,
        expires_at=row.expiresAt,
        detail=row.detail or "",
        due_at=row.dueAt,
    )
