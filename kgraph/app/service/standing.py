"""How the store stands, in numbers: what metrics and readiness show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kgraph.schema import Drawer, IncidentStatus, PlanState, Ruling
from kgraph.store import GraphStore, ScopeState

_QUEUES = (Drawer.INBOX, Drawer.OUTBOX, Drawer.DEAD)
_LOOKED_AT = 1_000
_NOT_OVER = (PlanState.PROPOSED, PlanState.APPROVED, PlanState.RUNNING, PlanState.VERIFYING)


@dataclass(frozen=True, slots=True)
class Judged:
    """What people said of causes, next to how likely we had called them.

    Attributes:
        confirmed, refuted: causes.
        expected: how many would be confirmed if every probability that was said were true.
    """

    confirmed: int
    refuted: int
    expected: float

    @classmethod
    def of(cls, rulings: Sequence[Ruling]) -> Judged:
        """Count them."""
        confirmed = sum(row.right for row in rulings)
        expected = sum(row.posterior for row in rulings)
        return cls(confirmed, len(rulings) - confirmed, expected)


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
    judged: Judged


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
        Judged.of(store.rulings()),
    )
