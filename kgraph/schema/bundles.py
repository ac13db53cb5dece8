"""`kgraph.incident/v1`: one incident as JSON, enough to replay it anywhere.

Bundles come from outside: fields, kinds, relations and signals that we don't know are kept or
passed over with a warning, never a refusal. What contradicts itself is refused.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from kgraph.schema.entities import Entity, Relation, Scalar
from kgraph.schema.errors import InputError
from kgraph.schema.incidents import Incident, Target
from kgraph.schema.kinds import GENERIC, KINDS
from kgraph.schema.observations import Change, Observation, State
from kgraph.schema.relations import RELATIONS
from kgraph.schema.signals import Direction
from kgraph.schema.timestamps import format_time, parse_time

FORMAT = "kgraph.incident/v1"


def _time(value: object) -> object:
    return parse_time(value) if isinstance(value, str) else value


_Time = Annotated[datetime | None, BeforeValidator(_time)]
_Score = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class EntityRow(_Row):
    """One entity of a bundle."""

    id: str = Field(min_length=1)
    kind: str = GENERIC
    name: str | None = None
    labels: dict[str, str] = {}
    props: dict[str, Scalar] = {}
    watched: list[str] = []


class RelationRow(_Row):
    """One dependency of a bundle."""

    dependent: str = Field(alias="from")
    type: str
    dependency: str = Field(alias="to")
    group: str | None = None
    need: int | None = Field(default=None, ge=1)


class ObservationRow(_Row):
    """One look at one signal."""

    entity: str
    signal: str = Field(min_length=1)
    state: State
    score: _Score | None = None
    direction: Direction | None = None
    at: _Time = None
    detector: str | None = None
    caller: str | None = None


class ChangeRow(_Row):
    """Something that was done to an entity."""

    entity: str
    type: str
    at: Annotated[datetime, BeforeValidator(_time)]
    detail: str | None = None


class TargetRow(_Row):
    """The objective that raised the incident."""

    entity: str
    signal: str


class Bundle(_Row):
    """A whole incident, as the file has it."""

    format: Literal["kgraph.incident/v1"]
    id: str = Field(min_length=1)
    entities: list[EntityRow] | None = None
    relations: list[RelationRow] | None = None
    observations: list[ObservationRow]
    changes: list[ChangeRow] = []
    target: TargetRow | None = None
    candidates: list[str] | None = None
    source: str | None = None
    assumeHealthy: bool = False  # noqa: N815 - the format's own spelling


def parse_bundle(content: bytes | str | Mapping[str, Any], *, where: str) -> Incident:
    """Read one bundle.

    Args:
        content: JSON, or an object that is parsed already.
        where: file and line, for messages.

    Raises:
        InputError: not JSON, not the format, or it contradicts itself; one line.
    """
    try:
        raw = json.loads(content) if isinstance(content, bytes | str) else content
    except (ValueError, RecursionError) as error:
        what = f"not JSON: {error}"
        raise InputError(what, where=where, mend="one JSON object for each incident") from None
    try:
        bundle = Bundle.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise InputError(
            f"{field}: {first['msg']}", where=where, mend=f"see docs/reference for {FORMAT}"
        ) from None
    return _incident(bundle, where)


def _incident(bundle: Bundle, where: str) -> Incident:
    warnings: Counter[str] = Counter()
    entities = _entities(bundle, where, warnings)
    known = {entity.uid for entity in entities}
    stored = bundle.entities is None  # ids are looked up in the stored graph later
    observations = tuple(
        _observation(row)
        for row in bundle.observations
        if stored or _kept(row.entity, known, warnings)
    )
    changes = tuple(
        Change(row.entity, row.type, row.at, row.detail or "")
        for row in bundle.changes
        if stored or _kept(row.entity, known, warnings)
    )
    target = Target(bundle.target.entity, bundle.target.signal) if bundle.target else None
    if target and not stored and not _kept(target.entity, known, warnings):
        target = None
    return Incident(
        id=bundle.id,
        entities=entities,
        relations=_relations(bundle, known, where, warnings),
        observations=observations,
        changes=changes,
        target=target,
        candidates=tuple(bundle.candidates) if bundle.candidates is not None else None,
        source=bundle.source,
        assume_healthy=bundle.assumeHealthy,
        warnings=tuple(_told(what, count) for what, count in warnings.items()),
    )


def _told(what: str, count: int) -> str:
    return what if count == 1 else f"{what} ({count} times)"


def _kept(entity: str, known: set[str], warnings: Counter[str]) -> bool:
    if entity in known:
        return True
    warnings["evidence on an entity that the bundle does not hold was left out"] += 1
    return False


def _entities(bundle: Bundle, where: str, warnings: Counter[str]) -> tuple[Entity, ...]:
    found: dict[str, Entity] = {}
    for i, row in enumerate(bundle.entities or ()):
        if row.id in found:
            raise InputError(
                f"id {row.id!r} is there twice", where=f"{where}: entities[{i}]", mend="keep one"
            )
        if row.kind not in KINDS and row.kind != GENERIC:
            warnings[f"unknown kind {row.kind!r} is treated as a generic {GENERIC}"] += 1
        found[row.id] = Entity(
            row.id,
            row.kind,
            row.name or row.id,
            labels=row.labels,
            props=row.props,
            watched=tuple(row.watched),
        )
    return tuple(found.values())


def _relations(
    bundle: Bundle, known: set[str], where: str, warnings: Counter[str]
) -> tuple[Relation, ...]:
    found: dict[Relation, None] = {}
    needs: dict[tuple[str, str], tuple[int, int]] = {}
    for i, row in enumerate(bundle.relations or ()):
        if row.dependent not in known or row.dependency not in known:
            warnings["a relation to an entity that the bundle does not hold was left out"] += 1
            continue
        type_ = row.type
        if type_ not in RELATIONS:
            warnings[f"unknown relation {type_!r} is treated as DEPENDS_ON"] += 1
            type_ = "DEPENDS_ON"
        if row.group is not None:
            need = row.need or 1
            first, said = needs.setdefault((row.dependent, row.group), (i, need))
            if said != need:
                raise InputError(
                    f"group {row.group!r} of {row.dependent!r} needs {said} in relations[{first}]"
                    f" and {need} in relations[{i}]",
                    where=where,
                    mend="give every row of a group the same `need`",
                )
        found[Relation(row.dependent, type_, row.dependency, row.group, row.need)] = None
    return tuple(found)


def _observation(row: ObservationRow) -> Observation:
    return Observation(
        row.entity,
        row.signal,
        row.state,
        score=row.score,
        direction=row.direction,
        at=row.at,
        detector=row.detector or "",
        caller=row.caller,
    )


def dump_bundle(incident: Incident) -> dict[str, Any]:
    """Return the bundle of an incident, ready for JSON; parsing it again gives the same."""
    return {
        "format": FORMAT,
        "id": incident.id,
        "entities": [_entity_out(entity) for entity in incident.entities],
        "relations": [
            {
                "from": r.dependent,
                "type": r.type,
                "to": r.dependency,
                "group": r.group,
                "need": r.need,
            }
            for r in incident.relations
        ],
        "observations": [observation_out(seen) for seen in incident.observations],
        "changes": [
            {"entity": c.entity, "type": c.type, "at": format_time(c.at), "detail": c.detail}
            for c in incident.changes
        ],
        "target": (
            {"entity": incident.target.entity, "signal": incident.target.signal}
            if incident.target
            else None
        ),
        "candidates": None if incident.candidates is None else list(incident.candidates),
        "source": incident.source,
        "assumeHealthy": incident.assume_healthy,
    }


def _entity_out(entity: Entity) -> dict[str, Any]:
    row: dict[str, Any] = {"id": entity.uid, "kind": entity.kind, "name": entity.name}
    if entity.labels:
        row["labels"] = dict(entity.labels)
    if entity.props:
        row["props"] = dict(entity.props)
    if entity.watched:
        row["watched"] = list(entity.watched)
    return row


def observation_out(seen: Observation) -> dict[str, Any]:
    """Return one observation as the format writes it."""
    return {
        "entity": seen.entity,
        "signal": seen.signal,
        "state": seen.state.value,
        "score": seen.score,
        "direction": seen.direction.value if seen.direction else None,
        "at": format_time(seen.at) if seen.at else None,
        "detector": seen.detector or None,
        "caller": seen.caller,
    }
