"""What many suspects score alone, found in one pass, is held to what each scores by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from kgraph.schema import Incident
from kgraph.simulation import Estate, EstateShape, World, draw_incident, seeded
from rca.scene import Scene
from rca.score import evidence
from tests.rca.suspected import units_of


def _assert_all(scene: Scene) -> int:
    """Hold each to what it scores by itself; return how many scores there are."""
    found = units_of(scene)
    for unit in found:
        by_itself = replace(unit, memo={}, told={})
        assert evidence([unit]) == pytest.approx(evidence([by_itself]), abs=1e-9)
    return len({evidence([unit]) for unit in found})


@pytest.mark.parametrize("seed", range(25))
def test_on_small_random_estates_all_at_once_score_what_each_scores_by_itself(
    seed: int, random_incident: Callable[[int], Incident], field_of: Callable[[Incident], Scene]
) -> None:
    assert _assert_all(field_of(random_incident(seed))) >= 0


@pytest.mark.parametrize("seed", [3, 4])
def test_on_a_simulated_estate_all_at_once_score_what_each_scores_by_itself(
    seed: int, field_of: Callable[[Incident], Scene]
) -> None:
    rng = seeded(seed)
    world = World.of(Estate(EstateShape(entities=200, seed=seed)).items(), rng)
    assert _assert_all(field_of(draw_incident(world, rng).incident)) > 10
