"""Plans that other processes carry out on the same store: what they do counts here as well.

Whoever carries out a plan holds leases in its name, so that one look at the leases tells which
there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from kgraph.schema import Lease, Plan, PlanState, Run
from kgraph.store import GraphStore
from remedies.execution.readback import readable
from remedies.execution.track import Trail, touched
from remedies.world import Intent


@dataclass(frozen=True, slots=True)
class Other:
    """A plan under way elsewhere.

    Attributes:
        settling: whether every step is over, and it is only watched whether that helped.
    """

    plan: Plan
    run: Run
    trail: Trail
    settling: bool

    @property
    def touched(self) -> frozenset[str]:
        """What its effects could have hurt so far."""
        return touched(self.plan, self.trail.found)

    @property
    def intents(self) -> Iterator[Intent]:
        """What it has announced, whether it has happened or is happening still."""
        for number, (step, track) in enumerate(
            zip(self.plan.steps, self.trail.found, strict=True)
        ):
            flies = number in self.trail.open
            if (flies or track.tried) and track.since is not None:
                about = self.plan.id, step.entity, step.kind, step.action
                yield Intent(*about, track.since, flies)


def carrier(holder: str, plan: str) -> str:
    """Return what the holder of a plan's leases is called."""
    return f"{holder}/{plan}"


def carried(holder: str) -> str:
    """Return the plan in whose name a lease is held; empty where it is held for none."""
    return holder.partition("/")[2]


def under_way_elsewhere(
    store: GraphStore, leases: Iterable[Lease], own: Collection[str]
) -> tuple[Other, ...]:
    """Return the plans that others carry out just now; `own` are the ids of ours."""
    named = (carried(lease.holder) for lease in leases)
    found = (_other(store, plan) for plan in dict.fromkeys(named) if plan and plan not in own)
    return tuple(other for other in found if other is not None)


def _other(store: GraphStore, plan: str) -> Other | None:
    record = store.plan(plan)
    document = readable(record) if record and record.state.under_way else None
    if record is None or document is None or document.run is None:
        return None
    run = document.run
    trail = Trail(document.plan, store.journal(plan)[run.journal_from :])
    return Other(document.plan, run, trail, record.state is PlanState.VERIFYING)


def all_intents(ours: Iterable[Intent], elsewhere: Iterable[Other]) -> tuple[Intent, ...]:
    """Return what was announced by anybody; of what others carry out, as their journal has it."""
    found = {(row.plan, row.entity, row.action): row for row in ours}
    found |= {(r.plan, r.entity, r.action): r for other in elsewhere for r in other.intents}
    return tuple(found.values())
