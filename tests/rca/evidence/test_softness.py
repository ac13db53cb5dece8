"""What surrounds symptoms: calls, or machines and what they need."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kgraph.schema import Answer, Incident
from kgraph.topology import build
from rca.evidence.softness import softness

Incidents = Callable[[str], Incident]
Ask = Callable[[str], Answer]

ESTATE = """
    Service: a b c
    VirtualMachine: v
    Host: h
    a CALLS b
    b CALLS c
    b RUNS_ON v
    c WATCHED_BY h
"""


def _share(incident: Incident, *uids: str) -> float:
    topology = build(incident.entities, incident.relations)
    return softness(topology, [topology.index[uid] for uid in uids])


def test_what_carries_no_failure_counts_for_nothing(incident: Incidents) -> None:
    estate = incident(ESTATE)
    assert _share(estate, "a") == _share(estate, "c") == 1.0
    assert _share(estate, "b") == pytest.approx(2 / 3)
    assert _share(estate, "v") == _share(estate, "h") == _share(estate) == 0.0


def test_a_relation_between_two_counts_for_each_and_nobody_counts_twice(
    incident: Incidents,
) -> None:
    estate = incident(ESTATE)
    assert _share(estate, "b", "v") == pytest.approx(2 / 4)
    assert _share(estate, "b", "b") == pytest.approx(2 / 3)


def test_an_answer_tells_what_surrounds_what_shows_symptoms(ask: Ask) -> None:
    assert ask(f"{ESTATE}\n b abnormal: errors").calls == pytest.approx(2 / 3)
    assert ask(f"{ESTATE}\n v abnormal: cpu\n b healthy: errors").calls == 0.0
    assert ask(f"{ESTATE}\n target a latency\n v abnormal: cpu").calls == pytest.approx(1 / 2)
