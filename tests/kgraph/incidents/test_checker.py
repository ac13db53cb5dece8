"""The checker: what the engine says passes, and every lie that is told of it is found."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rca
from kgraph.incidents import checker, steps
from kgraph.incidents.checker import check_answer
from kgraph.schema import Entity, Incident, Observation, Relation, State
from kgraph.schema.answers import answer_document
from kgraph.schema.healthy import expand_healthy
from rca.calibration.calibrator import calibrated
from rca.calibration.file import load_calibration
from rca.certificate import certificate

MODEL = rca.load_model()
_ENTITIES = (
    Entity("d", "Disk", "d"),
    Entity("p", "StoragePool", "p"),
    Entity("v", "VirtualMachine", "v"),
    Entity("w", "VirtualMachine", "w"),
    Entity("s", "Service", "s"),
)
_RELATIONS = (
    Relation("p", "STORED_ON", "d"),
    Relation("v", "STORED_ON", "p"),
    Relation("w", "STORED_ON", "p"),
    Relation("s", "RUNS_ON", "v"),
)


def _seen(uid: str, signal: str, state: State = State.ABNORMAL) -> Observation:
    return Observation(uid, signal, state)


_EVIDENCE = (
    _seen("v", "paused"),
    _seen("w", "paused"),
    _seen("s", "errors"),
    _seen("d", "failed"),
    _seen("p", "full", State.HEALTHY),
)
INCIDENT = Incident("i", _ENTITIES, _RELATIONS, _EVIDENCE)


def _told() -> dict[str, Any]:
    answer = rca.investigate(INCIDENT, MODEL)
    stated = certificate(INCIDENT, MODEL, answer)
    return answer_document(replace(answer, certificate=stated), elapsed_seconds=0.1)


TOLD = _told()


def _flaws(answer: dict[str, Any], incident: Incident = INCIDENT) -> str:
    return "\n".join(
        f"{flaw.where}: {flaw.what}" for flaw in check_answer(answer, incident, MODEL)
    )


def test_what_the_engine_says_holds() -> None:
    assert _flaws(TOLD) == ""
    assert TOLD["certificate"]
    assert len(TOLD["explanation"]) == 4


def test_what_the_engine_says_in_measured_chances_holds_and_each_is_held_to_it() -> None:
    answer = rca.investigate(INCIDENT, MODEL)
    measured = calibrated(answer, expand_healthy(INCIDENT), load_calibration())
    told = answer_document(measured, elapsed_seconds=0.1)
    assert _flaws(told) == ""
    told["hypotheses"][0]["posterior"] = 0.9999
    assert "one of the hypotheses that blame it has 0.999900" in _flaws(told)


def test_a_cause_that_nobody_believes_may_name_a_few_of_many_witnesses() -> None:
    told = copy.deepcopy(TOLD)
    last = told["causes"][-1]
    rows = next(row["supporting"] for row in told["causes"] if row["supporting"])
    last.update(supporting=[rows[0]] * 10, explains=30, posterior=0.01)
    assert "explains: says 30 and names 10" in _flaws(told)
    last["posterior"] = 0.009
    assert "explains: says 30" not in _flaws(told)


Lie = Callable[[dict[str, Any]], None]


def _first(answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = answer["causes"][0]
    return found


def _long(answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = max(answer["explanation"], key=lambda path: len(path["steps"]))
    return found


LIES: list[tuple[Lie, str]] = [
    (lambda a: a["hypotheses"][0].update(posterior=1.4), "sum to"),
    (lambda a: a["hypotheses"][0].update(posterior=-0.1), "is no probability"),
    (lambda a: _first(a).update(posterior=0.2), "its modes sum to"),
    (lambda a: a["causes"].reverse(), "likelier than the one before it"),
    (lambda a: _first(a).update(entity="nobody"), "is not in the graph"),
    (lambda a: _first(a).update(kind="Host"), "not a Host"),
    (lambda a: _first(a).update(explains=99), "says 99"),
    (lambda a: _first(a)["supporting"][0].update(signal="full"), "is not in the evidence"),
    (lambda a: _first(a)["supporting"][0].update(weight=-1.0), "the other sign"),
    (lambda a: _long(a)["symptom"].update(signal="latency"), "was not seen abnormal"),
    (lambda a: _long(a)["cause"].update(mode="slow"), "no fault of the best hypothesis"),
    (lambda a: _long(a)["steps"].pop(), "does not lead from its cause"),
    (lambda a: _long(a)["steps"].pop(1), "there is no relation"),
    (lambda a: _long(a)["steps"][1].update(relation="USES"), "there is no relation USES"),
    (lambda a: _long(a)["steps"][1].update(rule="nowhere: 1"), "there is no rule"),
    (lambda a: _long(a)["steps"][1].update(mode="slow"), "not slow"),
    (lambda a: _long(a)["steps"][1].update(rule=None, mode="degraded"), "by default"),
    (lambda a: _long(a)["steps"][1].update(probability=0.0), "no probability of a step"),
    (lambda a: a["certificate"].update(observations=[]), "names no observation"),
    (lambda a: a["certificate"]["observations"][0].update(signal="x"), "is not in the evidence"),
    (
        lambda a: a.update(suspectRelations=[{"from": "v", "type": "USES", "to": "p"}]),
        "there is no relation v USES p to doubt",
    ),
    (lambda a: a["certificate"].update(instead=[{"entity": "d", "mode": "slow"}]), "still blames"),
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: str(lie[1]))
def test_a_lie_is_found(lie: tuple[Lie, str]) -> None:
    answer = copy.deepcopy(TOLD)
    lie[0](answer)
    assert lie[1] in _flaws(answer)


def test_a_bundle_without_a_relation_does_not_bear_the_explanation_out() -> None:
    smaller = Incident("i", _ENTITIES, _RELATIONS[1:], _EVIDENCE)
    assert "there is no relation STORED_ON between d and p" in _flaws(TOLD, smaller)


def test_a_rule_is_held_against_kinds_and_direction() -> None:
    path = next(path for path in TOLD["explanation"] if len(path["steps"]) == 4)
    answer = copy.deepcopy(TOLD)
    answer["explanation"] = [copy.deepcopy(path)]
    hops = answer["explanation"][0]["steps"]
    hops[2]["rule"] = hops[1]["rule"]
    assert "is not about a" in _flaws(answer)
    reverse = next(rule for rule in MODEL.propagation if rule.reverse)
    hops[2]["rule"] = reverse.where
    assert "runs the other way" in _flaws(answer)


@pytest.mark.parametrize("module", [checker, steps])
def test_the_checker_knows_nothing_of_the_inference(module: Any) -> None:
    tree = ast.parse(Path(module.__file__).read_text())
    names = {
        node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module
    }
    assert {name for name in names if name.startswith("rca")} <= {
        "rca.rules.model",
        "rca.rules.conditions",
    }
