"""Which symptoms belong together: one incident for what one fault explains.

Two faults at once are two incidents: each has its own cause, its own people and its own repair.
They are told apart by the explanation, not by the graph: nearly everything in an estate is
connected to everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from kgraph.incidents.identity import Symptom, symptoms_of
from kgraph.schema import Answer, Incident
from kgraph.schema.healthy import expand_healthy

SURE_APART = 0.5  # below it, "two faults" is a guess, and a guess must not tear an incident apart


def groups(incident: Incident, answer: Answer) -> list[frozenset[Symptom]]:
    """Return the symptoms of each incident in the evidence, the largest first.

    Where the engine abstains, or is not sure that several faults stand together, all symptoms are
    one incident. A symptom that no fault explains goes with the incident of its own entity, else
    of a neighbour, else with the largest: more likely noise than a third fault.
    """
    symptoms = set(symptoms_of(incident.observations))
    if not symptoms:
        return []
    found = _explained(answer, symptoms)
    if len(found) < 2 or answer.abstained or _certainty(answer) < SURE_APART:
        return [frozenset(symptoms)]
    lost = _adopted(found, symptoms.difference(*found), _neighbours(incident))
    max(found, key=len).update(lost)
    return sorted(map(frozenset, found), key=lambda each: (-len(each), sorted(each)))


def part(incident: Incident, symptoms: frozenset[Symptom]) -> Incident:
    """Return the incident with these symptoms only; all that is healthy stays a witness.

    The others become unknown, and not healthy: what is hurt by another fault vouches for nothing.
    """
    whole = expand_healthy(incident)
    kept = tuple(
        row
        for row in whole.observations
        if not row.abnormal or (row.entity, row.signal) in symptoms
    )
    strays = tuple(row for row in whole.strays if (row.entity, row.signal) in symptoms)
    return replace(whole, observations=kept, assume_healthy=False, strays=strays)


def _certainty(answer: Answer) -> float:
    return next((row.posterior for row in answer.hypotheses if row.members), 0.0)


def _explained(answer: Answer, symptoms: set[Symptom]) -> list[set[Symptom]]:
    """Return what each fault of the best set explains; faults that share a symptom are one."""
    by_fault: dict[str, set[Symptom]] = {}
    for path in answer.explanation:
        symptom = (path.symptom.entity, path.symptom.signal)
        if symptom in symptoms:
            by_fault.setdefault(path.cause.entity, set()).add(symptom)
    joined: list[set[Symptom]] = []
    for each in by_fault.values():
        touching = [other for other in joined if other & each]
        joined = [other for other in joined if not other & each]
        joined.append(each.union(*touching))
    return joined


def _adopted(
    found: list[set[Symptom]],
    rest: set[Symptom],
    neighbours: Mapping[str, set[str]],
) -> set[Symptom]:
    """Give each left-over symptom to the group that its entity, or a neighbour, is in."""
    home = {entity: number for number, each in enumerate(found) for entity, _ in sorted(each)}
    lost = set()
    for symptom in sorted(rest):
        near = [symptom[0], *sorted(neighbours.get(symptom[0], ()))]
        number = next((home[entity] for entity in near if entity in home), None)
        if number is None:
            lost.add(symptom)
        else:
            found[number].add(symptom)
    return lost


def _neighbours(incident: Incident) -> dict[str, set[str]]:
    near: dict[str, set[str]] = {}
    pairs: Iterable[tuple[str, str]] = ((r.dependent, r.dependency) for r in incident.relations)
    for a, b in pairs:
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    return near
