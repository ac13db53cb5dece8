"""How the store stands, in numbers: what metrics and readiness show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kgraph.schema import Drawer, IncidentStatus, PlanState
from kgraph.store import GraphStore, ScopeState

_QUEUES = (Drawer.INBOX, Drawer.OUTBOX, Drawer.DEAD)
_LOOKED_AT = 1_000
_NOT_OVER = (PlanState.PROPOSED, PlanState.APPROVED, PlanState.RUNNING, PlanState.VERIFYING)


@dataclass(frozen=True, slots=True)
class Standing:
    """Counts.

    Attributes:
        drawers: what waits to be worked off, by drawer.
        incidents: those that are open or resolved, by status.
        plans: those that are not over, by state; at most 1,000 of each are counted.
    """

    drawers: Mapping[str, int]
    incidents: Mapping[str, int]
    plans: Mapping[str, int]
    scopes: tuple[ScopeState, ...]
    halted: bool


def standing(store: GraphStore) -> Standing:
    """Look how the store stands."""
    return Standing(
        {drawer.value: store.count(drawer) for drawer in _QUEUES},
        {
            status.value: store.count_incidents(status)
            for status in (IncidentStatus.OPEN, IncidentStatus.RESOLVED)
        },
        {state.value: len(store.plans(states={state}, limit=_LOOKED_AT)) for state in _NOT_OVER},
        tuple(store.scopes()),
        store.halted() is not None,
    )
