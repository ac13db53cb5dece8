"""The documented form of an answer: complete, stable, in the bundle's own names."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from kgraph.schema import (
    Ambiguity,
    Answer,
    BlastRadius,
    Cause,
    Fault,
    Hit,
    Hypothesis,
    NextCheck,
    Observation,
    Path,
    RunnerUp,
    State,
    Step,
    Witness,
)
from kgraph.schema.answers import answer_document

AT = datetime(2026, 11, 23, 4, tzinfo=UTC)
SEEN = Observation("u2", "latency", State.ABNORMAL, 12.5, at=AT, detector="prometheus/Slow")
WELL = Observation("u1", "down", State.HEALTHY)
ANSWER = Answer(
    id="i",
    causes=(
        Cause(
            "u1",
            "Host",
            "down",
            0.93333333,
            {"down": 0.9, "slow": 0.03},
            explains=1,
            supporting=(Witness(SEEN, 1.25),),
            contradicting=(Witness(WELL, -0.00000001),),
            unknown=3,
            same_as=("u2",),
        ),
    ),
    hypotheses=(Hypothesis((Fault("u1", "down"),), 0.91), Hypothesis((), 0.01, "elsewhere")),
    explanation=(
        Path(
            Fault("u1", "down"),
            SEEN,
            (Step("u1", "down", "", 1.0), Step("u2", "failing", "RUNS_ON", 0.98)),
        ),
    ),
    blast_radius=BlastRadius(
        now=(Hit("u2", "failing", 0.98, 1),), next=(), redundancy_lost=("u2",)
    ),
    next_checks=(NextCheck("u1", "down", 0.5, "ping h1", "host from network"),),
    elsewhere=0.01,
    monitoring=0.02,
    model_version="m1",
    warnings=("careful",),
    runner_up=RunnerUp((Fault("u2", "down"),), 0.04, 22.75, 1.5),
    ambiguous=(Ambiguity((Fault("u1", "down"), Fault("u2", "down")), 0.95),),
)


def test_of_causes_that_nobody_believes_only_the_strongest_witnesses_are_named() -> None:
    seen = [Observation(f"v{n}", "down", State.ABNORMAL) for n in range(30)]
    well = [Observation(f"w{n}", "down", State.HEALTHY) for n in range(30)]
    cause = Cause(
        "u1",
        "Host",
        "down",
        0.0099,
        {"down": 0.0099},
        explains=30,
        supporting=tuple(Witness(row, 2.0) for row in seen),
        contradicting=tuple(Witness(row, -2.0) for row in well),
        unknown=0,
    )

    def told(**changes: Any) -> tuple[int, int, int, int]:
        blames = Hypothesis((Fault("u2", "down"),), 0.6)
        answer = replace(ANSWER, hypotheses=(blames,), causes=(replace(cause, **changes),))
        (row,) = answer_document(answer, elapsed_seconds=0.0)["causes"]
        named = len(row["supporting"]), len(row["contradicting"])
        return (*named, row["explains"], row["contradictedBy"])

    assert told() == (10, 10, 30, 30)
    assert told(posterior=0.01) == (30, 30, 30, 30)
    assert told(entity="u2") == (30, 30, 30, 30)  # that is blamed


def test_every_field_of_an_answer_is_written_in_the_documented_spelling() -> None:
    document = answer_document(ANSWER, elapsed_seconds=0.0211111111)
    (cause,) = document["causes"]
    assert cause["entity"] == "u1"
    assert cause["posterior"] == 0.933333
    assert (cause["explains"], cause["contradictedBy"], cause["unknown"]) == (1, 1, 3)
    assert cause["modes"] == {"down": 0.9, "slow": 0.03}
    assert cause["sameAs"] == ["u2"]
    assert cause["supporting"][0]["at"] == "2026-11-23T04:00:00Z"
    assert json.dumps(cause["contradicting"][0]["weight"]) == "0.0"
    assert document["hypotheses"][1] == {"members": [], "name": "elsewhere", "posterior": 0.01}
    assert document["explanation"][0]["steps"][1]["relation"] == "RUNS_ON"
    assert document["blastRadius"]["redundancyLost"] == ["u2"]
    assert document["nextChecks"][0]["command"] == "ping h1"
    assert document["elapsedSeconds"] == 0.021111
    assert document["runnerUp"] == {
        "members": [{"entity": "u2", "mode": "down"}],
        "posterior": 0.04,
        "odds": 22.75,
        "bayesFactor": 1.5,
    }
    (group,) = document["ambiguityGroups"]
    assert [fault["entity"] for fault in group["members"]] == ["u1", "u2"]
    assert (group["posterior"], group["tellApart"]) == (0.95, None)
    assert {"abstained", "abstainedBecause", "modelVersion", "warnings"} <= set(document)


def test_entities_are_spelled_as_in_the_bundle_and_the_uid_is_added() -> None:
    document = answer_document(ANSWER, elapsed_seconds=0, spelled={"u1": "h1", "u2": "web1"})
    assert document["causes"][0]["entity"] == "h1"
    assert document["causes"][0]["uid"] == "u1"
    named = json.dumps({**document, "causes": [{**document["causes"][0], "uid": ""}]})
    assert "u1" not in named
    assert "u2" not in named


def test_the_same_answer_gives_the_same_bytes() -> None:
    first, again = (json.dumps(answer_document(ANSWER, elapsed_seconds=0)) for _ in range(2))
    assert first == again
