"""Plans are data: what would be done, why it is safe, and a journal of what was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from kgraph.schema.hypotheses import Fault


class Risk(Enum):
    """How much a step can hurt when it fails."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class PlanState(Enum):
    """Where a plan stands. Only RUNNING and VERIFYING are under way; NEEDS_HUMAN has stopped."""

    PROPOSED = "proposed"  # shown; nothing was done
    APPROVED = "approved"  # a person said yes; nothing was done yet
    RUNNING = "running"
    VERIFYING = "verifying"  # every step is done; are the symptoms gone, and do they stay away?
    DONE = "done"
    COMPENSATED = "compensated"  # what was done has been taken back
    NEEDS_HUMAN = "needs_human"
    SUPERSEDED = "superseded"  # a newer plan has taken its place, or the incident is over

    @property
    def under_way(self) -> bool:
        """Whether effects of it may be happening."""
        return self in {PlanState.RUNNING, PlanState.VERIFYING}


UNDER_WAY = frozenset(state for state in PlanState if state.under_way)


class StepState(Enum):
    """Where one step stands. INDETERMINATE stops for a person."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    COMPENSATING = "compensating"
    COMPENSATED = "compensated"
    INDETERMINATE = "indeterminate"


class Actor(Enum):
    """Who does a step."""

    KGRAPH = "kgraph"
    PERSON = "person"  # is asked; the plan waits until it is seen to be done
    NOBODY = "nobody"  # no way to act is configured: a suggestion only


class Role(Enum):
    """Whether a step mends the cause, or what the cause left behind."""

    CAUSE = "cause"
    VICTIM = "victim"


class Outcome(Enum):
    """What a plan has changed, as seen once it had settled."""

    HELPED = "helped"
    NO_EFFECT = "no_effect"
    MADE_WORSE = "made_worse"


Sign = tuple[str, str]  # (entity, signal): what must be gone, or must be healthy


@dataclass(frozen=True, slots=True)
class Terms:
    """How a step is carried out. Part of the plan, so that a newer catalogue changes none.

    Attributes:
        deadline: how long one look or effect may take, and a person for what is asked.
        attempts: how often the effect may be tried.
        pause: between two attempts.
        steady: how long the effect must have held before it is looked at.
        repeatable: doing it twice hurts no more than doing it once.
    """

    deadline: timedelta = timedelta(seconds=30)
    attempts: int = 1
    pause: timedelta = timedelta(0)
    steady: timedelta = timedelta(0)
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One typed action on one entity.

    Attributes:
        kind, name: of the entity, for people.
        parameters: what the actuator needs to know; never a command.
        inverse: the action that takes it back; empty where nothing can.
        undo_if: the actions whose failure takes this step back; never "undo" into worse.
        undo_effect: what the live system must show once it is taken back.
        actuator, endpoint: what acts, and through which configured endpoint.
        unable: why nobody can.
        preconditions, effect: names of what the live system must show before, and after.
        awaits: what a person is waited for: all of it healthy.
        reach: what it could hurt: whom it is done to, and who has nothing else in its place. No
            part of the plan's identity; empty: not known, and then it is the whole plan's.
    """

    action: str
    entity: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    risk: Risk = Risk.LOW
    inverse: str = ""
    duration: timedelta = timedelta(0)
    why: str = ""
    kind: str = ""
    name: str = ""
    role: Role = Role.CAUSE
    actor: Actor = Actor.NOBODY
    actuator: str = ""
    endpoint: str = ""
    unable: str = ""
    undo_if: tuple[str, ...] = ()
    undo_effect: str = ""
    preconditions: tuple[str, ...] = ()
    effect: str = ""
    awaits: tuple[Sign, ...] = ()
    terms: Terms = Terms()
    reach: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What to call the entity in front of a person."""
        return f"{self.kind} {self.name or self.entity}".strip()

    @property
    def ours(self) -> bool:
        """Whether kgraph would change something by it, and not only look or tell."""
        return self.actor is Actor.KGRAPH and self.risk is not Risk.NONE


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in order, bound to the cause that they repair.

    A step waits for all earlier steps on the cause, and for earlier ones on its own entity;
    victims do not wait for each other.

    Attributes:
        because: how the cause came to be taken for one, where that is not the plain diagnosis.
        symptoms: what must be gone, and stay gone, for the plan to have helped.
        settle: how long they must stay gone.
        reach: entities that the plan could hurt.
        due_at: of preventive maintenance: when what is foreseen is expected, as it was when the
            plan was made; no part of its id, since every look moves it.
        refused: what will not be done, each with its reason.
        runbook: what a person looks at and does, in order, where no safe repair is known.
        stands_on: whom kgraph would act on -> what that needs to work, nearest first. No part of
            the plan's identity: it says where to look if the plan does not help.
    """

    id: str
    incident: str
    cause: Fault
    steps: tuple[PlanStep, ...]
    refused: tuple[str, ...] = ()
    title: str = ""
    because: str = ""
    symptoms: tuple[Sign, ...] = ()
    settle: timedelta = timedelta(seconds=60)
    reach: tuple[str, ...] = ()
    stands_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    due_at: datetime | None = None
    runbook: tuple[str, ...] = ()

    @property
    def risk(self) -> Risk:
        """The worst of its steps."""
        return max((step.risk for step in self.steps), key=tuple(Risk).index, default=Risk.NONE)

    @property
    def duration(self) -> timedelta:
        """How long its steps are expected to take, with victims side by side; people's are 0."""
        causes, ends = timedelta(0), dict[str, timedelta]()
        for step in self.steps:
            begun = max(causes, ends.get(step.entity, causes))
            ends[step.entity] = begun + step.duration
            if step.role is Role.CAUSE:
                causes = ends[step.entity]
        return max(ends.values(), default=timedelta(0))

    @property
    def executable(self) -> bool:
        """Whether something can be done here, and nothing on the cause is left undone."""
        return not self.impediment

    @property
    def impediment(self) -> str:
        """Which step keeps it from being carried out here, and why; empty: it can be."""
        numbered = list(enumerate(self.steps, 1))
        undone = [
            row for row in numbered if row[1].role is Role.CAUSE and row[1].actor is Actor.NOBODY
        ]
        if not undone and any(step.ours for step in self.steps):
            return ""
        if not numbered:
            return "it has no step"
        number, step = (undone or numbered)[0]
        told = {
            Actor.NOBODY: step.unable or "no way to act is configured",
            Actor.PERSON: "it is for a person to do, and kgraph has nothing to change",
            Actor.KGRAPH: "this plan only looks or tells, and changes nothing",
        }
        return f"step {number}, {step.action.replace('_', ' ')} {step.title}: {told[step.actor]}"


@dataclass(frozen=True, slots=True)
class Run:
    """One time that a plan was carried out.

    Attributes:
        journal_from: how many journal entries are older than this run.
        before: what was abnormal in the plan's reach when it began, and in that of a step when
            that began.
        by: who let it begin: a person, or a rule of the policy.
        unseen: what the treated stand on and nobody saw well when it ended in vain.
        against: on whom that was seen which speaks against it; empty: not known.
    """

    begun_at: datetime
    journal_from: int = 0
    by: str = ""
    before: tuple[Sign, ...] = ()
    ended_at: datetime | None = None
    state: PlanState | None = None
    outcome: Outcome | None = None
    unseen: tuple[str, ...] = ()
    against: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanDocument:
    """A plan with its runs, oldest first: what `PlanRecord.document` holds.

    Attributes:
        bound: a hash of all of the graph that its proof has read when it was approved; empty:
            it was not. Where it differs at the beginning, it has to be approved again.
    """

    plan: Plan
    runs: tuple[Run, ...] = ()
    bound: str = ""

    @property
    def run(self) -> Run | None:
        """The newest run."""
        return self.runs[-1] if self.runs else None


# States that announce an effect: written before it, and only while the right to act is held.
INTENTS = frozenset({StepState.RUNNING, StepState.COMPENSATING})


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan as the store keeps it.

    Attributes:
        document: the plan itself, one JSON object.
        because: why it stands where it stands, one line for people.
    """

    id: str
    incident: str
    state: PlanState
    created_at: datetime
    updated_at: datetime
    document: str
    because: str = ""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One state that a step has reached; the intent is written before the effect.

    Attributes:
        step: its position in the plan, from 0.
        attempt: which try of the step this is about, from 1.
        token: the fencing token under which it was written; 0: none was needed.
    """

    plan: str
    step: int
    state: StepState
    at: datetime
    detail: str = ""
    attempt: int = 1
    token: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to act on one thing for a while.

    Attributes:
        name: what it is about: an entity's uid, or a role.
        token: grows with every new holder; whoever acts on an older one is refused.
    """

    name: str
    holder: str
    token: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Halt:
    """The kill switch is on: since when, and why."""

    at: datetime
    reason: str = ""
