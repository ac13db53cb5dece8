"""Putting the question to the engine: for the stored estate, or for a bundle from outside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Protocol

from kgraph.app.asking.bundle_names import placed
from kgraph.app.stored.survey import Survey, seen, survey
from kgraph.app.stored.topologies import Topologies
from kgraph.incidents import Case, Origin, SourceAge, groups, part
from kgraph.incidents.aging import aged, with_stale
from kgraph.incidents.steering import Decision, steered
from kgraph.logs import logger
from kgraph.schema import (
    GONE,
    Answer,
    Entity,
    Evidence,
    Incident,
    InputError,
    Plan,
    Subgraph,
)
from kgraph.schema.healthy import expand_healthy
from kgraph.store import Estate
from kgraph.topology import Topology, build
from kgraph.undisturbed import undisturbed
from rca import Model
from rca.calibration.calibrator import Calibration, calibrated
from rca.engine import Thought
from rca.rules.learning import Learned
from rca.rules.quiet import QuietTimes
from rca.suspects.priors import taught
from remedies import Ground

_SEEN_THROUGH = frozenset({"RUNS_ON", "WATCHED_BY"})
_log = logger(__name__)


class Remedy(Protocol):
    """Says what should be done about an answer."""

    def __call__(
        self, answer: Answer, incident: Incident, ground: Ground | None = None, /
    ) -> Plan | None:
        """Return a plan; `ground` is the whole graph, where the incident is a part of it."""


@dataclass(frozen=True, slots=True)
class Investigation:
    """A question with its answer.

    Attributes:
        case: what a report is made of.
        elapsed_seconds: what the engine took.
        spelled: uid -> how the bundle spells it; empty where both are the same.
    """

    case: Case
    elapsed_seconds: float
    spelled: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Toolkit:
    """What every investigation needs: the rules, the remedies, and two clocks.

    Attributes:
        now: the moment of the question.
        stopwatch: seconds, ever growing.
        topologies: the stored topology in memory.
        calibration: None: posteriors stay as the inference gave them, and answers say so.
        learned: what people's rulings teach of this estate; None: nothing.
        decisions: what people decided on which symptoms belong together.
        quiet: what is on record of alarms that go off when nothing is wrong; None: nothing.
    """

    model: Model
    remedy: Remedy
    now: datetime
    stopwatch: Callable[[], float]
    topologies: Topologies = field(default_factory=Topologies)
    calibration: Calibration | None = None
    learned: Learned | None = None
    decisions: tuple[Decision, ...] = ()
    quiet: QuietTimes | None = None


@undisturbed()
def of_store(store: Estate, toolkit: Toolkit) -> list[Investigation]:
    """Ask what is wrong with the stored estate right now.

    Returns:
        One investigation for each incident in the evidence, the largest first; one of an estate
        in which nothing is wrong.
    """
    ages = read_at(store)
    topology = toolkit.topologies.of(store)
    seeds = {row.entity for row in store.symptoms(now=toolkit.now)}

    def asked(blamed: frozenset[str]) -> tuple[Survey, list[Investigation]]:
        part = survey(store, topology, seeds, blamed)
        evidence = seen(store, part.graph, topology, toolkit.now)
        return part, of_estate(part.graph, evidence, ages, toolkit, part.warnings)

    part, found = asked(frozenset())
    blamed = part.lacking(topology, blamed_by(found))
    return asked(blamed)[1] if blamed else found


def read_at(store: Estate) -> tuple[SourceAge, ...]:
    """Return when each scope of each source was last read; a reading that failed is none."""
    return tuple(
        SourceAge(row.source, row.completed_at, row.interval)
        for row in store.scopes()
        if row.tells
    )


def of_estate(
    graph: Subgraph,
    evidence: Evidence,
    ages: tuple[SourceAge, ...],
    toolkit: Toolkit,
    warnings: tuple[str, ...],
    topology: Topology | None = None,
) -> list[Investigation]:
    """Do what `of_store` does, for whoever has read the store already.

    Who asks about the same graph again gives the same `topology`: what follows from both and the
    rules, such as what each fault would hit, is then not worked out anew.
    """
    asked = Question.of(graph, evidence, warnings, topology, toolkit.quiet)
    return of_question(asked, ages, toolkit)


@dataclass(frozen=True)  # without slots: what is derived from it is kept with it
class Question:
    """What is wrong with a part of the estate.

    Attributes:
        incident: the part, and what was seen of it.
        topology: the same as arrays.
    """

    incident: Incident
    topology: Topology

    @classmethod
    def of(
        cls,
        graph: Subgraph,
        evidence: Evidence,
        warnings: tuple[str, ...] = (),
        topology: Topology | None = None,
        quiet: QuietTimes | None = None,
    ) -> Question:
        """Put it; `topology` is that of the graph, where it is known."""
        incident = Incident(
            id="",
            entities=_speaking(graph, evidence),
            relations=graph.relations,
            observations=evidence.observations,
            changes=evidence.changes,
            # Silence says something only of a monitoring that was heard at all.
            assume_healthy=bool(evidence.observations),
            warnings=warnings,
            strays=quiet.strays(evidence.observations, graph.entities) if quiet else (),
        )
        return cls(incident, topology or build(incident.entities, incident.relations))

    @cached_property
    def spelled(self) -> Incident:
        """The incident with its healthy rows spelled out, so that nobody need assume them."""
        return replace(expand_healthy(self.incident), assume_healthy=False)

    def about(self, alarming: Container[str]) -> Question:
        """Return the question about some alarms alone; others say nothing."""
        symptoms = frozenset(
            (row.entity, row.signal)
            for row in self.incident.observations
            if row.abnormal and row.entity in alarming
        )
        return replace(self, incident=part(self.spelled, symptoms))


@dataclass(frozen=True, slots=True)
class Begun:
    """A question that is half answered: what is blamed is known, and not yet why.

    Attributes:
        thought: what is believed.
        seconds: what that took.
    """

    thought: Thought
    seconds: float


def begin(incident: Incident, toolkit: Toolkit, topology: Topology | None) -> Begun:
    """Begin to answer what has caused an incident."""
    incident = expand_healthy(incident)
    started = toolkit.stopwatch()
    thought = Thought.of(incident, model_for(incident, toolkit), topology)
    return Begun(thought, toolkit.stopwatch() - started)


def of_question(
    question: Question,
    ages: tuple[SourceAge, ...],
    toolkit: Toolkit,
    begun: Begun | None = None,
) -> list[Investigation]:
    """Answer it: one investigation for each incident in it, the largest first.

    Args:
        question: what is asked.
        ages: when each source was read.
        toolkit: what it is answered with.
        begun: of `begin`, where that was done already.
    """
    topology = question.topology
    whole = _investigated(question.incident, toolkit, Origin.STORE, ages, topology, begun)
    apart = steered(groups(whole.case.incident, whole.case.answer), toolkit.decisions)
    if len(apart) < 2:
        return [whole]
    parts = (part(whole.case.incident, symptoms) for symptoms in apart)
    return [_investigated(each, toolkit, Origin.STORE, ages, topology) for each in parts]


def model_for(incident: Incident, toolkit: Toolkit) -> Model:
    """Return the rules that an incident is explained with: what people taught is in them."""
    return taught(toolkit.model, toolkit.learned, incident)


def blamed_by(found: Iterable[Investigation]) -> set[str]:
    """Return what the best explanations blame."""
    best = (
        next((row.members for row in each.case.answer.hypotheses if row.members), ())
        for each in found
    )
    return {fault.entity for members in best for fault in members}


def of_bundle(incident: Incident, store: Estate | None, toolkit: Toolkit) -> Investigation:
    """Ask about a bundle; without entities of its own it speaks of the stored graph.

    Raises:
        InputError: a bundle without entities, and no store to look them up in.
    """
    if incident.entities:
        return _investigated(incident, toolkit, Origin.BUNDLE)
    if store is None:
        raise InputError(
            "a bundle without entities speaks of the stored graph, and there is none",
            where=f"incident {incident.id}",
            mend="give the bundle its entities, or sync the estate first",
        )
    asked, spelled = placed(incident, store, toolkit.topologies.of(store))
    found = _investigated(asked, toolkit, Origin.BUNDLE)
    return replace(found, spelled=spelled)


def _speaking(graph: Subgraph, evidence: Evidence) -> tuple[Entity, ...]:
    """Forget what is watched where silence is no health.

    That of a guest on a host that nobody reaches is none; nor is that of whatever a dead probe
    would have told of, or of what somebody said to know no longer.
    """
    lost = {r.entity for r in evidence.observations if r.abnormal and r.signal in GONE}
    if not lost and not evidence.withdrawn:
        return graph.entities
    behind = {
        relation.dependent
        for relation in graph.relations
        if relation.type in _SEEN_THROUGH and relation.dependency in lost
    }
    unknown: dict[str, set[str]] = defaultdict(set)
    for uid, signal in evidence.withdrawn:
        unknown[uid].add(signal)
    for entity in graph.entities:
        if entity.uid in lost or entity.uid in behind:
            unknown[entity.uid].update(entity.watched)
    return tuple(_heard(e, unknown[e.uid]) if e.uid in unknown else e for e in graph.entities)


def _heard(entity: Entity, unknown: set[str]) -> Entity:
    """Return an entity of which some signals are watched no longer."""
    return replace(entity, watched=tuple(s for s in entity.watched if s not in unknown))


def _investigated(
    incident: Incident,
    toolkit: Toolkit,
    origin: Origin,
    ages: tuple[SourceAge, ...] = (),
    topology: Topology | None = None,
    begun: Begun | None = None,
) -> Investigation:
    begun = begun or begin(incident, toolkit, topology)
    incident, started = begun.thought.incident, toolkit.stopwatch()
    # A bundle brings word of what was stale when it was asked about.
    incident = with_stale(incident, ages, toolkit.now) if ages else incident
    answer = calibrated(begun.thought.answer(), incident, toolkit.calibration)
    answer = aged(answer, incident)
    elapsed = toolkit.stopwatch() - started + begun.seconds
    _log.info(
        "investigated",
        incident=incident.id,
        entities=len(incident.entities),
        observations=len(incident.observations),
        likeliest=answer.causes[0].entity if answer.causes else None,
        seconds=round(elapsed, 3),
    )
    plan = None if answer.abstained else toolkit.remedy(answer, incident)
    case = Case(incident.id, incident, answer, toolkit.now, plan, ages, origin)
    return Investigation(case, elapsed)
