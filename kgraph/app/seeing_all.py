"""Where guests are to find a place, the whole estate is looked at, and not what was weighed of it.

In a part of a large estate lie hosts of whose guests many do not: they seem emptier than they are.
And what another incident explains is unknown to this one: a host that has just died as well would
seem to be as good as any.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from kgraph.app.investigation import Toolkit
from kgraph.schema import Answer, Evidence, Incident, Plan, Subgraph
from kgraph.store import GraphStore
from remedies import NO_ROOM

_HOST = "Host"


def seeing_all(tools: Toolkit, store: GraphStore, clock: Callable[[], datetime]) -> Toolkit:
    """Return tools whose plans find room for guests in all that the store has."""
    narrow = tools.remedy

    def remedy(answer: Answer, incident: Incident) -> Plan | None:
        plan = narrow(answer, incident)
        if plan is None or not _moves(plan):
            return plan
        return narrow(answer, widened(incident, store.graph(), store.evidence(now=clock())))

    return replace(tools, remedy=remedy)


def widened(incident: Incident, graph: Subgraph, evidence: Evidence) -> Incident:
    """Return an incident with the whole graph around it, and with every host that is not well.

    Args:
        incident: as it was weighed; of its own entities nothing else is said.
        graph: the whole graph.
        evidence: all of it.
    """
    inside = {entity.uid: entity for entity in incident.entities}
    hosts = {entity.uid for entity in graph.entities if entity.kind == _HOST}
    told = {(row.entity, row.signal) for row in incident.observations if row.abnormal}
    more = (
        row
        for row in evidence.observations
        if row.entity not in inside
        or (row.abnormal and row.entity in hosts and (row.entity, row.signal) not in told)
    )
    return replace(
        incident,
        entities=tuple(({entity.uid: entity for entity in graph.entities} | inside).values()),
        relations=graph.relations,
        observations=(*incident.observations, *more),
    )


def _moves(plan: Plan) -> bool:
    return any(s.parameters.get("to") or s.unable.startswith(NO_ROOM) for s in plan.steps)
