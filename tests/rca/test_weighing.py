"""What many suspects score, found in one pass, is held to what each scores by itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kgraph.schema import Incident
from kgraph.simulation import Estate, EstateShape, World, draw_incident, seeded
from rca.messages import OVERFLOW, SOFT_RHO, SPREADS, message, rooted, temper
from rca.region_edges import Floats
from rca.scene import Scene
from rca.score import evidence, score, scores
from rca.units import Unit
from tests.rca.seeds import seeds
from tests.rca.suspected import units_of


def _by_itself(unit: Unit, told: Floats) -> float:
    """Weigh one suspect as the modules say, without arrays of many."""
    rows = unit.rows
    left = rows.ratio / (1 + told * (rows.ratio - 1))
    said = rows.weight * np.log1p(unit.bears * (left - 1))
    own, beside = np.split(unit.groups.tempered(said), [len(unit.tree)])
    felt = min(OVERFLOW, temper(said[rows.soft & ~unit.firm].tolist(), SOFT_RHO))
    up = float(rooted(unit.tree, own).sum()) if len(unit.tree) else 0.0
    return up + float(message(SPREADS, felt)) + float(beside.sum())


def _assert_all(scene: Scene) -> int:
    """Hold each to what it scores by itself, and after another; return how many differ."""
    found = units_of(scene)
    for unit in found:
        alone = _by_itself(unit, np.zeros(len(unit.rows)))
        assert evidence([unit]) == pytest.approx(alone, abs=1e-9)
    best = sorted(found, key=lambda unit: -score([unit]))[:12]
    pairs = [(one, other) for one in best for other in best if one is not other]
    differ = 0
    for pair, reached in zip(pairs, scores(pairs), strict=True):
        first, second = sorted(pair, key=lambda unit: (-score([unit]), unit.named))
        told = np.zeros(scene.columns)
        told[first.rows.column] = first.accounts
        left = _by_itself(second, told[second.rows.column])
        nats = evidence([first]) + left
        prior = first.log_prior + second.log_prior
        assert reached == pytest.approx(prior + scene.coarse * nats, abs=1e-9)
        differ += abs(left - evidence([second])) > 1e-6
    return differ


@pytest.mark.parametrize("seed", seeds(13))
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
