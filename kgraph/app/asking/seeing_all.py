"""Where guests are to find a place, the whole estate is looked at, and not what was weighed of it.

In a part of a large estate lie hosts of whose guests many do not: they seem emptier than they are.
And what another incident explains is unknown to this one: a host that has just died as well would
seem to be as good as any.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from kgraph.app.asking.investigation import Toolkit
from kgraph.app.stored.whole import Whole
from kgraph.schema import Answer, Evidence, Incident, Plan
from kgraph.store import GraphStore
from remedies import NO_ROOM, Ground


def seeing_all(
    tools: Toolkit, store: GraphStore, clock: Callable[[], datetime], whole: Whole | None = None
) -> Toolkit:
    """Return tools whose plans find room for guests in all that the store has.

    Args:
        tools: whose plans see what was weighed.
        store: has the rest.
        clock: the moment of its evidence.
        whole: of that store, where somebody else reads it, too.
    """
    narrow, all_of_it = tools.remedy, whole or Whole(store)

    def remedy(answer: Answer, incident: Incident, _ground: Ground | None = None) -> Plan | None:
        plan = narrow(answer, incident)
        if plan is None or not _moves(plan):
            return plan
        ground = all_of_it.ground()
        return narrow(answer, widened(incident, ground, store.evidence(now=clock())), ground)

    return replace(tools, remedy=remedy)


def widened(incident: Incident, ground: Ground, evidence: Evidence) -> Incident:
    """Return an incident that knows of all there is, and of every host that is not well.

    Args:
        incident: as it was weighed; of its own entities nothing else is said.
        ground: the whole graph.
        evidence: all of it.
    """
    inside = {entity.uid for entity in incident.entities}
    hosts = {room.uid for room in ground.layout.hosts}
    told = {(row.entity, row.signal) for row in incident.observations if row.abnormal}
    more = (
        row
        for row in evidence.observations
        if row.entity not in inside
        or (row.abnormal and row.entity in hosts and (row.entity, row.signal) not in told)
    )
    return replace(incident, observations=(*incident.observations, *more))


def _moves(plan: Plan) -> bool:
    return any(s.parameters.get("to") or s.unable.startswith(NO_ROOM) for s in plan.steps)
