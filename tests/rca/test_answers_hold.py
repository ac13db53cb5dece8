"""What the engine says passes the checker, on random estates and on simulated faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

import rca
from kgraph.incidents.checker import check_answer
from kgraph.schema import Answer, Incident
from kgraph.schema.answers import answer_document
from kgraph.schema.healthy import expand_healthy
from kgraph.simulation import Estate, EstateShape, World, draw_incident
from rca.certificate import certificate
from rca.doubts import doubts
from rca.rules.model import Model
from tests.rca.seeds import seeds


def _flaws(incident: Incident, model: Model, answer: Answer) -> list[str]:
    document = answer_document(answer, elapsed_seconds=0.0)
    return [f"{flaw.where}: {flaw.what}" for flaw in check_answer(document, incident, model)]


@pytest.mark.parametrize("seed", seeds(30))
def test_the_answer_to_a_random_estate_holds(
    seed: int,
    random_incident: Callable[[int], Incident],
    random_answer: Callable[[int], Answer],
    model: Model,
) -> None:
    incident, answer = random_incident(seed), random_answer(seed)
    if seed < 10:
        stated, doubted = certificate(incident, model, answer), doubts(incident, model, answer)
        answer = replace(answer, certificate=stated, doubts=doubted)
    assert _flaws(incident, model, answer) == []


@pytest.fixture(scope="module")
def world() -> World:
    return World.of(Estate(EstateShape(entities=500, seed=3)).items(), Random(3))


@pytest.mark.parametrize("seed", seeds(8))
def test_the_answer_to_simulated_faults_holds(seed: int, world: World, model: Model) -> None:
    drawn = draw_incident(world, Random(seed), faults=1 + seed % 3)
    incident = expand_healthy(drawn.incident)
    assert _flaws(incident, model, rca.investigate(incident, model)) == []
