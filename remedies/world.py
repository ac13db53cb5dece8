"""What is known when it has to be decided whether a step may happen. Frozen values only."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import cached_property
from types import MappingProxyType

from kgraph.schema import UNOBSERVED, Halt, Lease, Outcome, Plan, Sign


class Approver(Enum):
    """Who let a plan begin; some guards bind only what happens by itself."""

    PERSON = "person"
    POLICY = "policy"


@dataclass(frozen=True, slots=True)
class Vantage:
    """One place that the estate is looked at from: a connection, a scraper.

    Attributes:
        watched: uids of what it watches.
        silent: those of them that went silent in the last cycle.
        confirmed: silent ones that an independent witness has seen: read back off, or alive.
    """

    name: str
    watched: frozenset[str]
    silent: frozenset[str] = frozenset()
    confirmed: frozenset[str] = frozenset()


Flight = tuple[str, str, str]  # (plan, entity, action) that may be happening just now


@dataclass(frozen=True)  # without slots: what is derived from it is kept with it
class Facts:
    """What the caller has observed.

    Attributes:
        read_at: when the newest reading was made that these facts include.
        abnormal, healthy: what is seen wrong, and what is seen well; the rest is unknown.
        configured: the topology sources that there should be.
        complete: those of them that were read completely at least once.
        vantages: the places that the estate is looked at from.
        owners: uid -> the other controller that takes care of it.
        off: hosts whose power was read back off just now.
        namesakes: what is called as another one of its kind is, in another site perhaps.
    """

    read_at: datetime
    abnormal: frozenset[Sign] = frozenset()
    healthy: frozenset[Sign] = frozenset()
    configured: frozenset[str] = frozenset()
    complete: frozenset[str] = frozenset()
    vantages: tuple[Vantage, ...] = ()
    owners: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    off: frozenset[str] = frozenset()
    namesakes: frozenset[str] = frozenset()

    @cached_property
    def well(self) -> frozenset[str]:
        """Entities of which something is seen to be well."""
        return frozenset(uid for uid, _ in self.healthy)

    @cached_property
    def ill(self) -> frozenset[str]:
        """Entities of which something is seen to be wrong."""
        return frozenset(uid for uid, _ in self.abnormal)

    @cached_property
    def dark(self) -> frozenset[str]:
        """Entities of which nobody knows how they are: who looks at them hears nothing."""
        silent = frozenset[str]().union(*(row.silent for row in self.vantages))
        return silent - self.well - self.ill

    def before(self, reach: AbstractSet[str]) -> frozenset[Sign]:
        """Return what a repair that begins now is not to blame for, among those in its reach.

        What nobody sees may be ill already.
        """
        unseen = {(uid, UNOBSERVED.name) for uid in reach & self.dark}
        if reach.isdisjoint(self.ill):  # asked of each step that begins: what is wrong is much
            return frozenset(unseen)
        return frozenset(unseen | {sign for sign in self.abnormal if sign[0] in reach})

    def sees_well(self, uid: str) -> bool:
        """Tell whether an entity is seen well, and nothing is seen to be wrong with it."""
        return uid in self.well and uid not in self.ill


@dataclass(frozen=True, slots=True)
class Budgets:
    """What may be done in a while, over all plans; what is in flight counts.

    Attributes:
        guest_actions: on guests within a minute.
        fencings_at_once: hosts that are being fenced.
        fencings: hosts that were fenced within an hour.
    """

    guest_actions: int = 10
    fencings_at_once: int = 1
    fencings: int = 2


USUAL = Budgets()


@dataclass(frozen=True, slots=True)
class Intent:
    """An effect that was announced: it has happened, or is happening still.

    Attributes:
        kind: of the entity.
        in_flight: whether it may still be happening.
    """

    plan: str
    entity: str
    kind: str
    action: str
    at: datetime
    in_flight: bool = False


@dataclass(frozen=True, slots=True)
class Past:
    """One repair of one entity in a run that is over, and what came of it.

    Attributes:
        blocked: what the entity stands on and nobody saw well when a try in vain was over.
        cause: the entity that the plan blamed: itself, or what it was a victim of.
    """

    plan: str
    entity: str
    action: str
    at: datetime
    outcome: Outcome
    blocked: frozenset[str] = frozenset()
    cause: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """One picture of everything that guards look at.

    Attributes:
        by: who let the plan begin.
        holder: who we are, in leases.
        intents: of all plans: on guests those of the last minute, on hosts those of the last
            hour, and whatever is in flight.
        past: repairs of the last day, of all that the plan would act on.
        lifted: entity -> since when earlier tries in vain may be repeated.
        under_way: plans that are being carried out, in the order in which they began.
        before: plan under way -> what was wrong in its reach when it began.
        settling: plans under way whose every step is over: it is watched whether that helped.
        touched: plan under way -> what its effects could have hurt so far; one that is left out
            may have hurt all of its reach.
        windows: entity -> the maintenance window in which it is just now.
        stuck: entities on which an effect hangs that may still happen.
        off: hosts that are confirmed off: read back just now, or fenced by this very run.
        undone: when runs that began as the plan does ended before any effect, since the last that
            had one.
    """

    now: datetime
    facts: Facts
    halted: Halt | None = None
    by: Approver = Approver.POLICY
    holder: str = ""
    intents: tuple[Intent, ...] = ()
    past: tuple[Past, ...] = ()
    under_way: tuple[Plan, ...] = ()
    leases: tuple[Lease, ...] = ()
    stuck: frozenset[str] = frozenset()
    before: Mapping[str, frozenset[Sign]] = field(default_factory=lambda: MappingProxyType({}))
    off: frozenset[str] = frozenset()
    budgets: Budgets = USUAL
    undone: tuple[datetime, ...] = ()
    lifted: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    settling: frozenset[str] = frozenset()
    touched: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    windows: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
