"""What each suspect weighs before it is walked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import pytest

import rca
from kgraph.schema import Incident
from rca.engine import scene_of
from rca.region.bounds import abnormal_entities, exhausted, suspects
from rca.region.goal import goal_of
from rca.suspects.priors import SILENT
from rca.suspects.prospects import prospects

MODEL = rca.load_model()
ESTATE = """
    PowerFeed: a b
    Host: h
    VirtualMachine: v
    h POWERED_BY a b / feeds 1
    v RUNS_ON h
    v abnormal: down
"""


def odds(incident: Incident) -> Mapping[tuple[tuple[str, str], ...], float]:
    """Faults by uid -> log odds that they happen, before what they do is looked at."""
    scene = scene_of(incident, MODEL, None)
    symptoms, goal = abnormal_entities(scene.readings), goal_of(scene, incident.target)
    suspected = suspects(scene, symptoms)
    found = prospects(scene, suspected, exhausted(scene, suspected, symptoms), goal)
    uids = scene.topology.uids
    return {
        tuple((uids[entity], mode) for entity, mode in one.faults): one.log_prior for one in found
    }


@pytest.mark.parametrize("more", ["a abnormal: unreachable", "a changed: updated"])
def test_what_neither_alarms_nor_was_changed_is_less_likely(
    incident: Callable[[str], Incident], more: str
) -> None:
    before, after = odds(incident(ESTATE)), odds(incident(f"{ESTATE}\n    {more}"))
    silent = {faults for faults in before if faults[0][0] == "b" and len(faults) == 1}
    assert silent
    assert all(after[faults] == before[faults] for faults in silent)
    a, b = (("a", "down"),), (("b", "down"),)
    assert before[a] == before[b]
    assert after[a] >= before[a] - math.log(SILENT) - 1e-9
    together = next(faults for faults in before if {uid for uid, _ in faults} == {"a", "b"})
    assert after[together] == pytest.approx(before[together] - math.log(SILENT))


def test_what_is_well_is_no_likelier_than_what_is_silent(
    incident: Callable[[str], Incident],
) -> None:
    assert odds(incident(ESTATE)) == odds(incident(f"{ESTATE}\n    a healthy: down"))


def test_who_asks_why_an_objective_was_breached_asks_of_silent_ones_too(
    incident: Callable[[str], Incident],
) -> None:
    before, after = odds(incident(ESTATE)), odds(incident(f"{ESTATE}\n    target v availability"))
    b = (("b", "down"),)
    assert after[b] == pytest.approx(before[b] - math.log(SILENT))
