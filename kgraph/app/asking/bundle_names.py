"""The names in a bundle that has no entities of its own: looked up in the stored graph."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace

from kgraph.app.stored.survey import survey
from kgraph.schema import Incident, Observation, Target
from kgraph.store import Ambiguous, Estate
from kgraph.topology import Topology

_SHOWN = 5  # names that could not be resolved


def placed(
    incident: Incident, store: Estate, topology: Topology
) -> tuple[Incident, dict[str, str]]:
    """Replace a bundle's ids by uids and give it the stored graph, as far as it is about it.

    Returns:
        The bundle on the stored graph, evidence on strangers left out and named in its warnings;
        and uid -> how the bundle, or else its source, spells it.
    """
    known = topology.index
    uids: dict[str, str | None] = {}
    troubles: dict[str, str] = {}
    for name in _mentioned(incident):
        uids[name] = _located(store, incident.source, name, known, troubles)
    # What the bundle says itself comes first; the rest of the graph is spelled as its source does.
    spelled = store.spelling(incident.source) if incident.source else {}
    spelled |= {uid: name for name, uid in uids.items() if uid is not None}
    part = survey(store, topology, [uid for uid in uids.values() if uid is not None])
    placed = replace(
        incident,
        entities=part.graph.entities,
        relations=part.graph.relations,
        observations=tuple(
            _observed(row, uids) for row in incident.observations if uids[row.entity]
        ),
        changes=tuple(
            replace(row, entity=uid) for row in incident.changes if (uid := uids[row.entity])
        ),
        strays=tuple(
            replace(row, entity=uid) for row in incident.strays if (uid := uids[row.entity])
        ),
        target=_target(incident.target, uids),
        candidates=None
        if incident.candidates is None
        else tuple(uid for name in incident.candidates if (uid := uids[name])),
        warnings=(*incident.warnings, *_told(troubles), *part.warnings),
    )
    return placed, spelled


def _mentioned(incident: Incident) -> list[str]:
    names = [row.entity for row in incident.observations]
    names += [row.caller for row in incident.observations if row.caller]
    names += [row.entity for row in incident.changes]
    names += [row.entity for row in incident.strays]
    names += list(incident.candidates or ())
    names += [incident.target.entity] if incident.target else []
    return list(dict.fromkeys(names))


def _located(
    store: Estate,
    source: str | None,
    name: str,
    known: Container[str],
    troubles: dict[str, str],
) -> str | None:
    found = store.locate(source, name) if source else None
    if isinstance(found, Ambiguous):
        troubles[name] = f"{len(found.uids)} entities answer to it"
        return None
    if found is not None:
        return found
    if name in known:
        return name
    troubles[name] = "not in the stored graph"
    return None


def _told(troubles: Mapping[str, str]) -> list[str]:
    rows = [f"{name!r}: {why}; its evidence is left out" for name, why in troubles.items()]
    more = len(rows) - _SHOWN
    return rows if more <= 0 else [*rows[:_SHOWN], f"{more} more entities could not be resolved"]


def _observed(row: Observation, uids: Mapping[str, str | None]) -> Observation:
    caller = uids.get(row.caller) or row.caller if row.caller else None
    return replace(row, entity=uids[row.entity] or row.entity, caller=caller)


def _target(target: Target | None, uids: Mapping[str, str | None]) -> Target | None:
    uid = uids[target.entity] if target else None
    return replace(target, entity=uid) if target and uid else None
