"""`kgraph.incident/v1`: one incident as JSON, enough to replay it anywhere.

Bundles come from outside: fields, kinds, relations and signals that we don't know are kept or
passed over with a warning, never a refusal. What contradicts itself is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from kgraph.schema.bundle_parts import Parts
from kgraph.schema.bundle_rows import Bundle
from kgraph.schema.entities import Entity, Key, Relation
from kgraph.schema.errors import InputError
from kgraph.schema.fields import refusal
from kgraph.schema.incidents import Incident, IncidentRecord
from kgraph.schema.observations import Observation
from kgraph.schema.passed_over import passed_over
from kgraph.schema.timestamps import format_time

FORMAT = "kgraph.incident/v1"
_ONE = "one JSON object for each incident"


def parse_bundle(content: bytes | str | Mapping[str, Any], *, where: str) -> Incident:
    """Read one bundle.

    Args:
        content: JSON, or an object that is parsed already.
        where: file and line, for messages.

    Raises:
        InputError: not JSON, not the format, half a character in it, or it contradicts itself; one
            line.
    """
    try:
        raw = json.loads(content) if isinstance(content, bytes | str) else content
        json.dumps(raw, ensure_ascii=False).encode()  # it may hold half a surrogate pair
    except UnicodeEncodeError:
        what = "half a character: not valid Unicode"
        raise InputError(what, where=where, mend="write it whole") from None
    except (ValueError, RecursionError) as error:
        raise InputError(_not_json(error), where=where, mend=_ONE) from None
    if _are_alerts(raw):
        mend = "`kgraph ingest alertmanager FILE` reads them onto the graph that is kept"
        raise InputError("these are alerts, and no incident", where=where, mend=mend)
    if isinstance(raw, list):
        raise InputError("is a list", where=where, mend=f"{_ONE}, each on a line of its own")
    _check_format(raw, where)
    try:
        bundle = Bundle.model_validate(raw)
    except ValidationError as error:
        raise refusal(error, Bundle, where) from None
    return _incident(bundle, passed_over(raw), where)


def bundle_of(record: IncidentRecord) -> Incident:
    """Return a kept incident as it was last explained.

    Raises:
        InputError: its bundle is malformed.
    """
    return parse_bundle(record.bundle, where=f"incident {record.id}")


def _check_format(raw: object, where: str) -> None:
    said = raw.get("format") if isinstance(raw, Mapping) else None
    if said is not None and said != FORMAT:
        mend = f"this reads {FORMAT}"
        if isinstance(said, str) and said.startswith("kgraph.topology/"):
            mend += "; a topology document goes to `kgraph ingest topology`"
        raise InputError(f"format: is {said!r}", where=where, mend=mend)


def _are_alerts(raw: object) -> bool:
    """Tell what Alertmanager writes: a list of its API, or what it posts."""
    alerts = raw.get("alerts") if isinstance(raw, Mapping) and "format" not in raw else raw
    first = alerts[0] if isinstance(alerts, list) and alerts else None
    return isinstance(first, Mapping) and "labels" in first


def _not_json(error: Exception) -> str:
    """Return what is wrong, in words that are not the interpreter's own."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error}"
    return "a number with too many digits" if "digits" in str(error) else f"not JSON: {error}"


def _incident(bundle: Bundle, unknown: Sequence[str], where: str) -> Incident:
    parts = Parts(bundle, unknown, where)
    incident = Incident(
        id=bundle.id,
        entities=parts.entities,
        relations=parts.relations(),
        observations=parts.observations(),
        changes=parts.changes(),
        target=parts.target(),
        candidates=parts.candidates(),
        source=bundle.source,
        assume_healthy=bool(bundle.assumeHealthy),
        incomplete=bool(bundle.incomplete),
        stale={s: timedelta(seconds=age) for s, age in (bundle.stale or {}).items()},
        strays=parts.strays(),
    )
    return parts.with_warnings(incident)


def dump_bundle(incident: Incident) -> dict[str, Any]:
    """Return the bundle of an incident, ready for JSON; parsing it again gives the same."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "id": incident.id,
        "entities": [_entity_out(entity) for entity in incident.entities] or None,
        "relations": [_relation_out(relation) for relation in incident.relations],
        "observations": [observation_out(seen) for seen in incident.observations],
        "changes": [
            {"entity": c.entity, "type": c.type, "at": format_time(c.at)}
            | _said(detail=c.detail, source=c.source)
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
    stale = {source: old.total_seconds() for source, old in incident.stale.items()}
    return document | _said(
        incomplete=incident.incomplete,
        warnings=list(incident.warnings),
        stale=stale,
        strays=[asdict(stray) for stray in incident.strays],
    )


def _said(**fields: object) -> dict[str, object]:
    """Keep the fields that say something."""
    return {name: value for name, value in fields.items() if value}


def _entity_out(entity: Entity) -> dict[str, Any]:
    told: dict[str, Any] = {"id": entity.uid, "kind": entity.kind, "name": entity.name}
    # Thousands of these and of relations are written at a time: nothing is made to be dropped.
    if entity.keys:
        told["keys"] = _keys_out(entity.keys)
    if entity.labels:
        told["labels"] = dict(entity.labels)
    if entity.props:
        told["props"] = dict(entity.props)
    if entity.watched:
        told["watched"] = list(entity.watched)
    return told


def _keys_out(keys: tuple[Key, ...]) -> dict[str, Any]:
    """Return namespace -> a value, or a list where there are several."""
    values: dict[str, list[Any]] = {}
    for key in keys:
        away = key.site != Key("", "").site
        told = {"value": key.value, "site": key.site} if away else key.value
        values.setdefault(key.namespace, []).append(told)
    return {name: told[0] if len(told) == 1 else told for name, told in values.items()}


def _relation_out(relation: Relation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "from": relation.dependent,
        "type": relation.type,
        "to": relation.dependency,
        "group": relation.group,
        "need": relation.need,
    }
    if relation.source:
        told["source"] = relation.source
    return told


def observation_out(seen: Observation) -> dict[str, Any]:
    """Return one observation as the format writes it."""
    told: dict[str, Any] = {
        "entity": seen.entity,
        "signal": seen.signal,
        "state": seen.state.value,
        "score": seen.score,
        "direction": seen.direction.value if seen.direction else None,
        "at": format_time(seen.at) if seen.at else None,
        "detector": seen.detector or None,
        "caller": seen.caller,
    }
    # Ten thousand of them are written at a time, and few say any of this.
    if seen.received_at:
        told["receivedAt"] = format_time(seen.received_at)
    if seen.expires_at:
        told["expiresAt"] = format_time(seen.expires_at)
    if seen.detail:
        told["detail"] = seen.detail
    if seen.due_at:
        told["dueAt"] = format_time(seen.due_at)
    return told
