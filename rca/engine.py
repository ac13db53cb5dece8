"""From an incident to an answer. `investigate` reads as the table of contents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kgraph.schema import (
    Answer,
    BlastRadius,
    Entity,
    Fault,
    Hypothesis,
    Incident,
    InputError,
    Relation,
    kind_of,
    unknown_mode,
)
from kgraph.schema.healthy import expand_healthy
from kgraph.schema.hypotheses import kept_in_order
from kgraph.topology import Topology, build
from kgraph.undisturbed import undisturbed
from rca.answers.blast import blast_radius
from rca.answers.checks import next_checks
from rca.answers.explain import alike_among, best_units, causes, paths
from rca.answers.rivals import BLIND as MONITORING
from rca.answers.rivals import OUTSIDE as ELSEWHERE
from rca.answers.rivals import rivals
from rca.evidence.readings import read
from rca.evidence.silence import with_silence
from rca.evidence.softness import softness
from rca.inference.posterior import LISTED, Posterior, posterior
from rca.inference.score import score
from rca.inference.search import best_explanation
from rca.inference.selection import worth
from rca.region.bounds import abnormal_entities, exhausted, suspects
from rca.region.goal import goal_of
from rca.region.parlance import as_monitored
from rca.region.scene import Scene
from rca.rules.compile import Compiled
from rca.rules.model import Model
from rca.suspects.outlook import Outlook
from rca.suspects.priors import freshness
from rca.suspects.prospects import prospects, symptoms_of
from rca.suspects.units import Unit, blind, units

FEW = 150  # prospects that are all walked; of more, those that could matter
ALL = 2_000  # the same where somebody asks for a ranking of candidates
NOTHING_WRONG = "nothing abnormal was observed"
OUTSIDE = "the cause is likelier outside the graph than any one in it"
BLIND = "the monitoring itself has likelier failed than what it watches"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is blamed, and how well it fits.

    Attributes:
        because: why no cause in the graph is believed; empty: one is.
        nats: log posterior odds of the best set against "nothing is wrong".
    """

    faults: tuple[Fault, ...] = ()
    because: str = ""
    nats: float = 0.0

    @property
    def blamed(self) -> frozenset[str]:
        """The entities blamed; none where it abstains."""
        return frozenset() if self.because else frozenset(f.entity for f in self.faults)


@dataclass(frozen=True, slots=True)
class _Belief:
    symptoms: list[int]  # and whose objective is breached
    suspects: list[Unit]
    result: Posterior
    watcher: Unit | None  # "only the monitoring failed"


def investigate(incident: Incident, model: Model, topology: Topology | None = None) -> Answer:
    """Rank what may have caused an incident.

    Args:
        incident: the graph, the evidence on it, and what is asked.
        model: the causal rules.
        topology: the incident's graph in memory, where the caller has it already.

    Returns:
        Ranked causes, sets of causes, paths, blast radius and the next checks. The same incident
        and model give the same answer.
    """
    return reason(expand_healthy(incident), model, topology)


def reason(incident: Incident, model: Model, topology: Topology | None = None) -> Answer:
    """Do what `investigate` does, of an incident whose healthy rows are spelled out already."""
    with undisturbed():
        # Not kept in a name: all that it has made is gone before the collector looks again.
        return Thought.of(incident, model, topology).answer()


@dataclass(frozen=True, eq=False)
class Thought:
    """What is believed of an incident, before anybody says why.

    That is two thirds of the work, and tells whether it was the right thing to ask.
    """

    scene: Scene
    incident: Incident
    model: Model
    belief: _Belief | None

    @classmethod
    def of(cls, incident: Incident, model: Model, topology: Topology | None = None) -> Thought:
        """Think about an incident whose healthy rows are spelled out already."""
        with undisturbed():
            scene = scene_of(incident, model, topology)
            return cls(scene, incident, model, _believe(scene, incident))

    @property
    def blamed(self) -> frozenset[str]:
        """The entities of the best set, whether it is believed or not."""
        sets, uids = self.belief.result.sets if self.belief else (), self.scene.topology.uids
        best = sets[0][0] if sets else ()
        return frozenset(uids[entity] for unit in best for entity in unit.entities)

    def answer(self) -> Answer:
        """Say it, with all that speaks for it."""
        if self.belief is None:
            return _nothing(self.incident, self.model)
        with undisturbed():
            return _answer(self.scene, self.incident, self.model, self.belief)


def verdict(incident: Incident, model: Model, topology: Topology | None = None) -> Verdict:
    """Say what `reason` would blame, without saying why: for asking many times."""
    scene = scene_of(incident, model, topology)
    belief = _believe(scene, incident)
    if belief is None:
        return Verdict(because=NOTHING_WRONG)
    best = belief.result.sets[0][0] if belief.result.sets else ()
    uids = scene.topology.uids
    faults = tuple(Fault(uids[entity], mode) for unit in best for entity, mode in unit.faults)
    return Verdict(faults, _abstains(belief.result), score(best) if best else 0.0)


def predict(
    entities: Sequence[Entity],
    relations: Sequence[Relation],
    model: Model,
    faults: Sequence[Fault],
) -> BlastRadius:
    """Return what the faults would do to a healthy estate: everything is in `next`.

    Raises:
        InputError: an entity that is not in the graph, or a mode that its kind does not have.
    """
    scene = Scene(build(entities, relations), Compiled(model), {}, entities=entities)
    return blast_radius(scene, [_located(scene, fault) for fault in faults])


def _located(scene: Scene, fault: Fault) -> tuple[int, str]:
    entity = scene.topology.index.get(fault.entity)
    if entity is None:
        raise InputError(
            f"no entity {fault.entity!r} in the graph", mend="look it up: kgraph graph find"
        )
    kind = scene.topology.kinds[entity]
    if fault.mode not in kind_of(kind).modes:
        raise unknown_mode(kind, fault.mode)
    return entity, fault.mode


def scene_of(incident: Incident, model: Model, topology: Topology | None) -> Scene:
    topology = topology or build(incident.entities, incident.relations)
    index = topology.index
    rules = as_monitored(model, incident.observations)
    readings = with_silence(incident, read(incident, rules, topology), rules, topology)
    seen = {index[uid]: rows for uid, rows in readings.items()}
    target = index.get(incident.target.entity) if incident.target else None
    if target is not None:
        # Walks lead to what was looked at: so was this, though only its objective may tell.
        seen.setdefault(target, ())
    return Scene(
        topology,
        Compiled(model),
        seen,
        {index[uid]: fresh for uid, fresh in freshness(incident).items() if uid in index},
        target,
        incident.entities,
    )


def _believe(scene: Scene, incident: Incident) -> _Belief | None:
    """Return what is believed; None where nothing is abnormal."""
    goal = goal_of(scene, incident.target)
    symptoms = abnormal_entities(scene.readings)
    if not symptoms and goal is None:
        return None
    start = [*symptoms, goal.entity] if goal else symptoms
    if incident.candidates is not None:
        index = scene.topology.index
        suspected = sorted({index[uid] for uid in incident.candidates if uid in index})
    else:
        suspected = suspects(scene, start)
    # Some cut-offs fall between equals: in which order these were read must not decide.
    rank = scene.topology.named[np.array(suspected, np.int64)]
    suspected = [suspected[at] for at in np.argsort(rank).tolist()]
    groups = exhausted(scene, suspected, symptoms)
    possible = prospects(scene, suspected, groups, goal)
    if len(possible) <= (FEW if incident.candidates is None else ALL):
        found = units(scene, possible, goal)
        best = best_explanation(found)
    else:
        outlook = Outlook(scene, possible, symptoms_of(scene, symptoms, goal))
        found, best = worth(scene, possible, outlook, goal)
    watcher = blind(scene)
    result = posterior(found, best, watcher.strength if watcher else None)
    return _Belief(start, found, result, watcher)


def _answer(scene: Scene, incident: Incident, model: Model, belief: _Belief) -> Answer:
    result = belief.result
    chosen = list(result.sets[0][0]) if result.sets else []
    because = _abstains(result)
    named = {BLIND: MONITORING, OUTSIDE: ELSEWHERE}.get(because, "")
    best = best_units(belief.suspects)
    groups = alike_among(best)
    # First of all, as it walks what is blamed to the end: others count on that walk.
    radius = blast_radius(scene, [fault for unit in chosen for fault in unit.faults])
    rival, alike = rivals(scene, best, groups, result, belief.watcher, named)
    return Answer(
        id=incident.id,
        causes=causes(scene, best, groups, result),
        hypotheses=tuple(_hypotheses(scene, result)),
        explanation=paths(scene, chosen),
        blast_radius=radius,
        next_checks=next_checks(scene, result),
        elsewhere=result.elsewhere,
        monitoring=result.monitoring,
        model_version=model.version,
        abstained_because=because,
        warnings=(*incident.warnings, *(line for _, line in scene.topology.capped)),
        runner_up=rival,
        ambiguous=alike,
        calls=softness(scene.topology, belief.symptoms),
    )


def _hypotheses(scene: Scene, result: Posterior) -> list[Hypothesis]:
    uids = scene.topology.uids
    rows = [
        Hypothesis(
            tuple(Fault(uids[entity], mode) for unit in members for entity, mode in unit.faults),
            chance,
        )
        for members, chance in result.sets[:LISTED]
    ]
    rows.append(Hypothesis((), result.elsewhere, ELSEWHERE))
    if result.monitoring > 0:
        rows.append(Hypothesis((), result.monitoring, MONITORING))
    return kept_in_order(rows)


def _abstains(result: Posterior) -> str:
    # A suspect competes as an entity, not as one of many sets that it is in.
    marginals = result.marginals()
    by_entity: dict[int, float] = {}
    for (entity, _), chance in marginals.items():
        by_entity[entity] = by_entity.get(entity, 0.0) + chance
    top = max(by_entity.values(), default=0.0)
    if result.monitoring > max(top, result.elsewhere):
        return BLIND
    return OUTSIDE if result.elsewhere > top else ""


def _nothing(incident: Incident, model: Model) -> Answer:
    return Answer(
        id=incident.id,
        causes=(),
        hypotheses=(),
        explanation=(),
        blast_radius=BlastRadius(),
        next_checks=(),
        elsewhere=0.0,
        monitoring=0.0,
        model_version=model.version,
        abstained_because=NOTHING_WRONG,
        warnings=incident.warnings,
    )
