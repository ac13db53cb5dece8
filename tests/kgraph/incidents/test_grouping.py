"""Two faults at once are two incidents, unless it is not sure that they are two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kgraph.incidents import groups, part
from kgraph.schema import (
    Answer,
    BlastRadius,
    Entity,
    Fault,
    Hypothesis,
    Incident,
    Observation,
    Path,
    Relation,
    State,
)

KINDS = {"nbd": "StorageExport", "v1": "VirtualMachine", "v2": "VirtualMachine", "h1": "Host"}
INCIDENT = Incident(
    "",
    tuple(Entity(uid, kind, uid, watched=("down",)) for uid, kind in KINDS.items()),
    (Relation("v1", "STORED_ON", "nbd"), Relation("v2", "RUNS_ON", "h1")),
    tuple(Observation(uid, "down", State.ABNORMAL) for uid in ("nbd", "v1", "v2")),
    assume_healthy=True,
)


def answer(*explained: tuple[str, str], chance: float = 0.9, because: str = "") -> Answer:
    """Say which cause explains the `down` of which entity."""
    seen = {row.entity: row for row in INCIDENT.observations}
    members = tuple(dict.fromkeys(Fault(cause, "down") for cause, _ in explained))
    paths = tuple(Path(Fault(cause, "down"), seen[hit], ()) for cause, hit in explained)
    sets = (Hypothesis(members, chance), Hypothesis((), 1 - chance))
    return Answer("", (), sets, paths, BlastRadius(), (), 0.0, 0.0, "test", because)


def of(found: Sequence[frozenset[tuple[str, str]]]) -> list[str]:
    return [" ".join(sorted(entity for entity, _ in each)) for each in found]


def test_what_one_fault_explains_is_one_incident() -> None:
    assert of(groups(INCIDENT, answer(("nbd", "nbd"), ("nbd", "v1")))) == ["nbd v1 v2"]


def test_two_faults_that_surely_stand_together_are_two_incidents_the_larger_first() -> None:
    found = groups(INCIDENT, answer(("v2", "v2"), ("nbd", "nbd"), ("nbd", "v1")))
    assert of(found) == ["nbd v1", "v2"]


def test_a_guess_does_not_tear_an_incident_apart() -> None:
    unsure = answer(("nbd", "nbd"), ("nbd", "v1"), ("v2", "v2"), chance=0.4)
    assert of(groups(INCIDENT, unsure)) == ["nbd v1 v2"]


def test_an_abstaining_engine_leaves_one_incident() -> None:
    abstains = answer(("nbd", "nbd"), ("v2", "v2"), because="the monitoring failed")
    assert of(groups(INCIDENT, abstains)) == ["nbd v1 v2"]


def test_faults_that_share_a_symptom_are_one_incident() -> None:
    found = groups(INCIDENT, answer(("nbd", "v1"), ("v1", "v1"), ("v2", "v2"), ("nbd", "nbd")))
    assert of(found) == ["nbd v1", "v2"]


def test_what_no_fault_explains_goes_with_its_neighbour() -> None:
    noisy = replace(
        INCIDENT, observations=(*INCIDENT.observations, Observation("h1", "cpu", State.ABNORMAL))
    )
    found = groups(noisy, answer(("nbd", "nbd"), ("nbd", "v1"), ("v2", "v2")))
    assert sorted(of(found)) == ["h1 v2", "nbd v1"]


def test_nothing_abnormal_is_no_incident() -> None:
    assert groups(replace(INCIDENT, observations=()), answer()) == []


def test_a_part_keeps_every_healthy_witness_and_makes_none_of_the_others_symptoms() -> None:
    own = part(INCIDENT, frozenset({("v2", "down")}))
    states = {(row.entity, row.state) for row in own.observations}
    assert states == {("v2", State.ABNORMAL), ("h1", State.HEALTHY)}
    assert not own.assume_healthy
