"""What the engine answers: causes, sets of causes, explanations, what is hit and what to check."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeVar

from kgraph.schema.entities import Relation
from kgraph.schema.observations import Observation

_Who = TypeVar("_Who", bound=Hashable)


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One entity in one failure mode."""

    entity: str
    mode: str


class Witness(NamedTuple):
    """One observation, and how much it speaks for (> 0) or against (< 0) a cause, in nats.

    A tuple and not a dataclass: an answer has tens of thousands.
    """

    observation: Observation
    weight: float


@dataclass(frozen=True, slots=True)
class Lack:
    """What something does not depend on, and things of its kind usually do.

    Attributes:
        relation: the type of relation.
        share: of its peers that have such relations, times the part of their number that is
            missing here; in (0, 1].
    """

    relation: str
    share: float


@dataclass(frozen=True, slots=True)
class Cause:
    """One suspect.

    Attributes:
        posterior: P(this entity is faulty in any mode), in [0, 1]; rows need not sum to 1.
        mode: the likeliest mode; `modes` has the breakdown.
        supporting, contradicting: witnesses, strongest first.
        unknown: entities that it should have hit and that nobody looked at, itself included;
            counted of what is blamed, and where the posterior is at least 0.3; else 0.
        explains: number of abnormal (entity, signal) pairs that it explains.
        same_as: entities whose fault would look exactly the same.
        lacks: what it lacks most of what its peers depend on, which may be missing from the graph
            with the cause; sought where the posterior is at least 0.05.
        uncalibrated: log odds before calibration, in nats; None: the posterior is not calibrated.
    """

    entity: str
    kind: str
    mode: str
    posterior: float
    modes: Mapping[str, float]
    explains: int
    supporting: tuple[Witness, ...]
    contradicting: tuple[Witness, ...]
    unknown: int
    same_as: tuple[str, ...] = ()
    lacks: Lack | None = None
    uncalibrated: float | None = None

    @property
    def due_at(self) -> datetime | None:
        """When what was foreseen of it is expected to come to pass; None: nothing is foreseen."""
        own = (w.observation for w in self.supporting if w.observation.entity == self.entity)
        return min((row.due_at for row in own if row.due_at is not None), default=None)


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Faults that stand together. No member: the cause is outside the graph, or the monitoring."""

    members: tuple[Fault, ...]
    posterior: float
    name: str = ""


def kept_in_order(rows: Iterable[Hypothesis]) -> list[Hypothesis]:
    """Return hypotheses with what names nobody where its own chance stands.

    Those that name somebody stay in their order, even where chances have been bent since: of two
    nearly equal culprits the sums may change places, and an answer would blame another than its
    causes and paths do.
    """
    told = list(rows)
    found = [row for row in told if row.members]
    whole = sums((_blames(row), row.posterior) for row in found)
    for row in sorted((row for row in told if not row.members), key=lambda row: row.posterior):
        less = (i for i, one in enumerate(found) if whole.get(_blames(one), 0.0) < row.posterior)
        found.insert(next(less, len(found)), row)
    return found


def _blames(row: Hypothesis) -> frozenset[str]:
    return frozenset(fault.entity for fault in row.members)


def sums(told: Iterable[tuple[_Who, float]]) -> dict[_Who, float]:
    """Return culprit -> the sum of the chances of all explanations that blame it."""
    parts: dict[_Who, list[float]] = {}
    for blamed, own in told:
        parts.setdefault(blamed, []).append(own)
    return {blamed: math.fsum(chances) for blamed, chances in parts.items()}


@dataclass(frozen=True, slots=True)
class Step:
    """One hop of an explanation: `entity` falls into `mode` through `relation`, by `rule`.

    Attributes:
        rule: file and row of the causal rule; empty at the cause, and where the relation carries
            the failure by its default.
    """

    entity: str
    mode: str
    relation: str
    probability: float
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    """The likeliest way from a cause to one symptom; the first step is the cause itself."""

    cause: Fault
    symptom: Observation
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """One entity that a fault hits, and how surely."""

    entity: str
    mode: str
    probability: float
    hops: int


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """Who is hit: already seen, expected, and one more failure away."""

    now: tuple[Hit, ...] = ()
    next: tuple[Hit, ...] = ()
    redundancy_lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NextCheck:
    """One observation that would settle most, with the command that makes it."""

    entity: str
    signal: str
    gain: float  # expected reduction of the posterior's entropy, in nats
    command: str
    splits: str


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """The likeliest explanation that clears something which the winner blames.

    Attributes:
        members: what it blames; none: it has a `name`, as hypotheses without members do.
        posterior: of it and of all that blames or looks the same; so count the odds.
        odds: how many times likelier the winner is, >= 0; at most `MOST_ODDS`.
        bayes_factor: the same by what was seen alone, before any prior.
    """

    members: tuple[Fault, ...]
    posterior: float
    odds: float
    bayes_factor: float
    name: str = ""


MOST_ODDS = 1e12  # beyond it a number says no more


def factor(nats: float) -> float:
    """Return how many times likelier so many nats make something, at most `MOST_ODDS`."""
    return math.exp(nats) if nats < math.log(MOST_ODDS) else MOST_ODDS


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """Faults whose signatures nothing that was seen tells apart: one finding, several suspects.

    Attributes:
        members: one fault for each entity, by uid.
        posterior: P(at least one of the entities is at fault).
        apart: the look that would tell most of them apart; None where none is known.
    """

    members: tuple[Fault, ...]
    posterior: float
    apart: NextCheck | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the answer rests on: were these never seen, it would blame something else.

    Attributes:
        observations: the strongest first; all that was said of each (entity, signal) goes.
        instead: what would be blamed then; none: nothing in the graph.
        minimal: leaving any one of them in keeps the answer.
        runs: how often the question was asked to find it.
    """

    observations: tuple[Observation, ...]
    instead: tuple[Fault, ...]
    minimal: bool
    runs: int


@dataclass(frozen=True, slots=True)
class Doubt:
    """A relation that may be wrong: were it absent, what was seen would fit better.

    Attributes:
        chance: P(it is wrong), where that and the best explanation are all that is possible.
        bayes_factor: how many times better the best explanation fits without it.
        blames: what would be blamed then; none: nothing in the graph.
    """

    relation: Relation
    chance: float
    bayes_factor: float
    blames: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is wrong, how sure that is, and why.

    Attributes:
        hypotheses: as `ranked` orders them; the first that has members leads.
        elsewhere: P(the cause is outside the graph).
        monitoring: P(the monitoring failed and nothing else).
        abstained_because: empty unless one of those two wins.
        calibration: what the posteriors were calibrated on; empty: they are not.
        runner_up: None where nothing competes.
        ambiguous: groups of suspects that look the same, likeliest first.
        certificate: what it rests on; None where nobody asked, or nothing would change it.
        doubts: relations that may be wrong, the likeliest first; None where nobody asked.
        calls: share of calls among the relations of what shows symptoms, in [0, 1].
    """

    id: str
    causes: tuple[Cause, ...]
    hypotheses: tuple[Hypothesis, ...]
    explanation: tuple[Path, ...]
    blast_radius: BlastRadius
    next_checks: tuple[NextCheck, ...]
    elsewhere: float
    monitoring: float
    model_version: str
    abstained_because: str = ""
    warnings: tuple[str, ...] = field(default=())
    calibration: str = ""
    runner_up: RunnerUp | None = None
    ambiguous: tuple[Ambiguity, ...] = ()
    certificate: Certificate | None = None
    doubts: tuple[Doubt, ...] | None = None
    calls: float = 0.0

    @property
    def abstained(self) -> bool:
        """Whether no cause in the graph is believed."""
        return bool(self.abstained_because)
