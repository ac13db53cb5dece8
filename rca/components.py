"""Which alarms belong together: those that one candidate could explain.

Where no candidate bears on the readings of two groups of alarms, sets of faults fall apart, too:

    score(S and T) = score(S) + score(T),  P(S and T) = P(S) P(T)

so that each group may be explained by itself, and what is new in one leaves the others' answers as
they are. In a large estate nearly everything needs the same core, so that nearly all alarms would
be one group. A candidate therefore joins alarms only if it scores at most `FAR` nats less than
"nothing is wrong", with all that speaks for and against it, and only those that its walk explains:
what is left out weighs less than exp(-`FAR`) of that. What promises less is not walked, nor would
it be if all were explained together (`rca.inference.selection`).

It is exact only as far as that goes. Groups may still share healthy witnesses, of which each then
is told in full; "outside the graph", "the monitoring failed", the coarseness of storms and the
limits of how many faults are looked for at once are each group's own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import reduce
from operator import or_

import numpy as np

from kgraph.schema import Incident
from kgraph.topology import Topology
from kgraph.undisturbed import undisturbed
from rca.engine import scene_of
from rca.inference.score import evidence
from rca.inference.selection import FAR, SAYS, most
from rca.region.bounds import abnormal_entities, exhausted, suspects
from rca.rules.model import Model
from rca.suspects.outlook import Outlook
from rca.suspects.promise import ALARM, ALONE, UNSEEN
from rca.suspects.prospects import Prospects, Symptoms, prospects, symptoms_of
from rca.suspects.units import Unit, units

WALKED = 150  # candidates that are walked, those first that promise most
FIRST = 20  # after these, only those that could join more than is joined by then


def components(
    incident: Incident,
    model: Model,
    topology: Topology,
    about: Collection[str] | None = None,
) -> list[frozenset[str]]:
    """Return groups of alarming entities that one candidate, or several that overlap, may explain.

    Args:
        incident: its healthy rows spelled out.
        model: the causal rules.
        topology: the incident's graph.
        about: uids; only groups with one of these are wanted, and what joins others beyond them is
            not looked for. None: all of them.
    """
    with undisturbed():
        scene = scene_of(incident, model, topology)
        alarming = abnormal_entities(scene.readings)
        symptoms = symptoms_of(scene, alarming, None)
        index = topology.index
        asked = [index[uid] for uid in (topology.uids if about is None else about) if uid in index]
        wanted = symptoms.bits(asked)
        suspected = suspects(scene, alarming)
        # Whatever those of a group have in common joins, and not what the group stops.
        groups = dict.fromkeys(exhausted(scene, suspected, alarming), ())
        possible = prospects(scene, suspected, groups, None)
        outlook = Outlook(scene, possible, symptoms, shared=True)
        best = _promising(possible, outlook, [index for index in asked if index in symptoms.place])
        found = joined(wanted & (1 << i) for i in _places(wanted))
        for some in (best[:FIRST], best[FIRST:]):
            could = [possible[i] for i in some if _could_join(_reached(outlook, i), found)]
            hits = (_explained(unit, symptoms) for unit in units(scene, could, None))
            found = joined([*found, *(hit for hit in hits if hit & wanted)])
        return [frozenset(topology.uids[alarming[i]] for i in _places(group)) for group in found]


def _promising(possible: Prospects, outlook: Outlook, wanted: Collection[int]) -> list[int]:
    """Return the prospects that may join one of some symptoms with others, the best first."""
    promises = possible.log_prior + outlook.said + outlook.effects  # where evidence is not coarse
    row, entity = outlook.hits(ALONE | UNSEEN)
    joins = np.bincount(row, minlength=outlook.rows) > 1
    joins &= np.bincount(row, np.isin(entity, [*wanted]), outlook.rows) > 0
    return most(promises, joins[outlook.row] & (promises > -FAR), WALKED)


def _reached(outlook: Outlook, prospect: int) -> int:
    """Return the symptoms that a prospect could hit at all: it explains no others."""
    return outlook.symptoms.bits(outlook.reached(prospect, ALARM | UNSEEN))


def _could_join(bits: int, groups: Iterable[int]) -> bool:
    return all(bits & ~group for group in groups)


def _explained(unit: Unit, symptoms: Symptoms) -> int:
    """Return the symptoms that a candidate explains, if it explains them well enough."""
    if unit.log_prior + evidence([unit]) < -FAR:
        return 0
    return symptoms.bits(entity for entity, nats in unit.alarms.items() if nats > SAYS)


def joined(sets: Iterable[int]) -> list[int]:
    """Return the unions of sets of bits that overlap, those with the lowest bits first."""
    found: list[int] = []
    for each in sorted(sets, key=lambda bits: (bits & -bits, bits)):
        touching = [other for other in found if other & each]
        if touching:
            found = [other for other in found if not other & each]
        found.append(reduce(or_, touching, each))
    return sorted(found, key=lambda bits: bits & -bits)


def _places(bits: int) -> Iterable[int]:
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low
