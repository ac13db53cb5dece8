"""Everything that a report is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from kgraph.incidents.estate import Estate
from kgraph.incidents.handling import Handling
from kgraph.incidents.report import Detail
from kgraph.incidents.wording import due, state
from kgraph.schema import Answer, Cause, Fault, Incident, Observation, Plan

SURE = 0.5  # a chance below it carries no repair: to act on it would be to guess
ROOM = 84  # characters beside the label on a screen of 100 columns, with some left to say more


class Origin(Enum):
    """What a case is about: the estate now or once, a kept incident, or a foreign bundle."""

    STORE = "store"
    ASIDE = "aside"  # of the estate now, but its plan is in no store
    PAST = "past"  # nothing of such an answer is kept
    KEPT = "kept"  # its entities may be gone; its plans are in the store
    BUNDLE = "bundle"


@dataclass(frozen=True, slots=True)
class SourceAge:
    """When a source was last read.

    Attributes:
        interval: what usually lies between two readings; None: not known.
    """

    source: str
    read_at: datetime
    interval: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One incident with its answer, at one moment.

    Attributes:
        id: what to call the incident.
        observations: the incident's, healthy rows expanded.
        plan: what could be done about it; None where no remedy fits.
        handled: what people did to the incident, oldest first.
        since: what has become of the plan since it was proposed; empty: nothing.
        over: whether the incident is: nothing is left to do about it.
    """

    id: str
    incident: Incident
    answer: Answer
    now: datetime
    plan: Plan | None = None
    sources: tuple[SourceAge, ...] = ()
    origin: Origin = Origin.STORE
    handled: tuple[Handling, ...] = ()
    since: str = ""
    over: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """A case with what every section asks of it, computed once."""

    case: Case
    detail: Detail
    estate: Estate
    blamed: tuple[Fault, ...]
    causes: Mapping[str, Cause]

    @classmethod
    def of(cls, case: Case, detail: Detail) -> View:
        """Prepare a case."""
        causes = {cause.entity: cause for cause in case.answer.causes}
        return cls(case, detail, Estate.of(case.incident), blamed(case.answer), causes)

    @property
    def room(self) -> int | None:
        """Characters for a list of names; None: no limit."""
        return ROOM if self.detail is Detail.BRIEF else None

    @property
    def lead(self) -> Cause | None:
        """The cause that the explanation is about."""
        return self.causes.get(self.blamed[0].entity) if self.blamed else None

    @property
    def suspects(self) -> list[Cause]:
        """What is known of each entity that is blamed."""
        return [self.causes[fault.entity] for fault in self.blamed]

    @property
    def suspected(self) -> bool:
        """Whether somebody is blamed, and none of them surely enough for a repair."""
        return bool(self.blamed) and all(cause.posterior < SURE for cause in self.suspects)

    @property
    def unexplained(self) -> list[Observation]:
        """The symptoms of what shows none that those who are blamed explain.

        What is told as hit by them is explained, too, where its alarm is no witness of its own: a
        caller on the way to a breached objective.
        """
        answer = self.case.answer
        explained = {path.symptom.entity for path in answer.explanation}
        explained |= {hit.entity for hit in answer.blast_radius.now}
        for suspect in self.suspects:
            explained |= {w.observation.entity for w in suspect.supporting}
        return [row for row in self.abnormal if row.entity not in explained]

    @property
    def abnormal(self) -> tuple[Observation, ...]:
        """What is seen to be wrong."""
        return tuple(row for row in self.case.incident.observations if row.abnormal)

    @property
    def onset(self) -> datetime | None:
        """When it began: the first sign of what is blamed, else of anything abnormal."""
        blamed = [
            witness.observation
            for fault in self.blamed
            for witness in self.causes[fault.entity].supporting
        ]
        signs = [row.at for row in blamed if row.abnormal and row.at]
        return min(signs or [row.at for row in self.abnormal if row.at], default=None)

    def due(self, cause: Cause) -> str:
        """Say when what is foreseen of a suspect comes to pass; empty: nothing is foreseen."""
        return "" if cause.due_at is None else due(cause.due_at, self.case.now, cause.mode)

    def seen(self, row: Observation) -> str:
        """Say what an observation says, and when it comes to pass if that is foreseen."""
        how = state(row.signal)
        if row.due_at is not None and row.abnormal:
            return f"{how}, {due(row.due_at, self.case.now, row.signal)}"
        return how if row.abnormal else f"not {how}"

    def first(self, rows: Sequence[str], count: int) -> tuple[str, ...]:
        """Return the first few lines, or all when everything was asked for."""
        return tuple(rows if self.detail is Detail.FULL else rows[:count])


def headline_weight(explains: int, posterior: float) -> float:
    """Return how many symptoms a fault may be expected to explain: the heaviest is the headline.

    A certain but small second fault is not, nor is a toss of a coin that would explain one more.
    """
    return explains * posterior


def blamed(answer: Answer) -> tuple[Fault, ...]:
    """Return the faults of the best set, the headline first; else the likeliest cause alone."""
    best = next((h.members for h in answer.hypotheses if h.members), ())
    weights = {c.entity: headline_weight(c.explains, c.posterior) for c in answer.causes}
    likeliest = [Fault(cause.entity, cause.mode) for cause in answer.causes[:1]]
    return _headline_first(best, weights) or tuple(likeliest)


def blamed_as_kept(answer: Mapping[str, Any]) -> tuple[Fault, ...]:
    """Return the same of an answer as it is kept with its incident."""
    rows, causes = answer.get("hypotheses", ()), answer.get("causes", ())
    best = next((row["members"] for row in rows if row["members"]), ())
    weights = {c["entity"]: headline_weight(c["explains"], c["posterior"]) for c in causes}
    likeliest = [Fault(cause["entity"], cause["mode"]) for cause in causes[:1]]
    told = (Fault(row["entity"], row["mode"]) for row in best)
    return _headline_first(told, weights) or tuple(likeliest)


def _headline_first(faults: Iterable[Fault], weights: Mapping[str, float]) -> tuple[Fault, ...]:
    known = (fault for fault in faults if fault.entity in weights)
    return tuple(sorted(known, key=lambda fault: (-weights[fault.entity], fault)))
