"""Relations that may be wrong: which, were it absent, would let what was seen fit better?

A graph is read from sources, and a few relations in a hundred are stale or mistaken. Looked at are
only those on the frontier of the winner: over which it should have hit what was seen well, and
those to further members of a group that should have kept up what fails without an explanation.
Each is left out in turn and the engine is asked again: best explanation against best explanation.

Blind spot: a relation that is missing is not found; there are too many that could be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from kgraph.schema import Answer, Doubt, Incident, Relation
from kgraph.schema.hypotheses import factor
from rca.engine import verdict
from rca.rules.model import Model

WRONG = 0.03  # of all relations, as the simulated estates have it
MOST_ASKED, LEAST_ASKED = 24, 6  # relations that are left out in turn
WORK = 1_200  # symptoms times relations: a storm is asked less often
MOST_TOLD = 3
WORTH = 0.2  # P(wrong) from which somebody should look

Key = tuple[str, str, str]  # dependent, type, dependency


def doubts(incident: Incident, model: Model, answer: Answer) -> tuple[Doubt, ...]:
    """Return the relations that may be wrong, the likeliest first; at most three.

    Args:
        incident: with its healthy rows spelled out (`expand_healthy`).
        model: the rules that the answer was made with.
        answer: to that incident.
    """
    frontier = _frontier(incident, answer)
    if not frontier:
        return ()
    by_key = {_key(relation): relation for relation in incident.relations}
    before = verdict(incident, model)
    symptoms = sum(row.abnormal for row in incident.observations)
    most = max(LEAST_ASKED, min(MOST_ASKED, WORK // max(1, symptoms)))
    found = []
    for key in sorted(frontier, key=lambda k: (-frontier[k], k))[:most]:
        left = tuple(relation for relation in incident.relations if _key(relation) != key)
        then = verdict(replace(incident, relations=left), model)
        better = factor(then.nats - before.nats)
        chance = WRONG * better / (WRONG * better + 1 - WRONG)
        if chance >= WORTH:
            blames = () if then.because else then.faults
            found.append(Doubt(by_key[key], chance, better, blames))
    ranked = sorted(found, key=lambda row: (-round(row.chance, 6), _key(row.relation)))
    return tuple(ranked[:MOST_TOLD])


def _key(relation: Relation) -> Key:
    return relation.dependent, relation.type, relation.dependency


def _frontier(incident: Incident, answer: Answer) -> Mapping[Key, float]:
    """Return the relations that are looked at, with how much hangs on each, in nats."""
    best = next((row.members for row in answer.hypotheses if row.members), ())
    if not best:
        return {}
    blamed = {fault.entity for fault in best}
    radius = answer.blast_radius
    hit = blamed | {one.entity for one in (*radius.now, *radius.next)}
    weights: dict[Key, float] = {}
    against = _contradicted(incident, answer, blamed, hit)
    for key, nats in (*against, *_kept_up(incident, answer, blamed, hit)):
        weights[key] = weights.get(key, 0.0) + nats
    return weights


def _contradicted(
    incident: Incident, answer: Answer, blamed: set[str], hit: set[str]
) -> Iterator[tuple[Key, float]]:
    """Yield the relations over which the winner should have hit what was seen well.

    And those one hop nearer to the winner: a whole branch may hang on the wrong thing.
    """
    against: dict[str, float] = {}
    for cause in answer.causes:
        if cause.entity in blamed:
            for witness in cause.contradicting:
                seen = witness.observation.entity
                against[seen] = against.get(seen, 0.0) - witness.weight
    behind = dict(against)
    for relation in incident.relations:
        if relation.dependent in against and relation.dependency in hit - blamed:
            nats = behind.get(relation.dependency, 0.0)
            behind[relation.dependency] = nats + against[relation.dependent]
    for relation in incident.relations:
        if relation.dependent in behind and relation.dependency in hit:
            yield _key(relation), behind[relation.dependent]


def _kept_up(
    incident: Incident, answer: Answer, blamed: set[str], hit: set[str]
) -> Iterator[tuple[Key, float]]:
    """Yield the relations to further members of groups, of what alarms and should be kept up.

    Nothing explains it, or nothing but the loss of a member that it could do without.
    """
    explained = {
        witness.observation.entity
        for cause in answer.causes
        if cause.entity in blamed
        for witness in cause.supporting
    }
    # What is blamed for nothing but its own alarm explains no more than that.
    alone = {c.entity for c in answer.causes if c.entity in blamed and c.explains <= 1}
    alarming = {row.entity for row in incident.observations if row.abnormal}
    groups = [row for row in incident.relations if row.group is not None]
    less = alarming & {row.dependent for row in groups if row.dependency in hit}
    open_ = (alarming - explained) | (alarming & alone) | less
    for relation in groups:
        if relation.dependent in open_ and relation.dependency not in alarming | hit:
            yield _key(relation), 1.0
