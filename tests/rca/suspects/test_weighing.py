"""What many suspects score, found in one pass, is held to what each scores by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, permutations

import numpy as np
import pytest

from kgraph.schema import Incident
from kgraph.simulation import Estate, EstateShape, World, draw_incident, seeded
from rca.inference.score import evidence, score, scores
from rca.region.accounts import accounted
from rca.region.edges import Floats
from rca.region.gates import answers
from rca.region.messages import ENTITY_RHO, ROOT, SOFT_RHO, message, rooted, temper
from rca.region.scene import Scene
from rca.suspects.units import Unit
from rca.suspects.weighing import Said
from tests.rca.seeds import seeds
from tests.rca.suspected import units_of


def _said(unit: Unit, told: Floats) -> tuple[Floats, Floats]:
    """Return what one suspect is told at each node of its tree, and beside it."""
    rows, own, beside = unit.rows, dict[int, list[float]](), dict[int, list[float]]()
    left = rows.ratio / (1 + told * (rows.ratio - 1))
    pairs = zip(rows.entity.tolist(), unit.place.tolist(), strict=True)
    for i, (entity, place) in enumerate(pairs):
        firm = rows.position[i] >= 0 and place >= 0
        bears = rows.bears[i] if firm else rows.chance[i]
        nats = float(rows.weight[i] * np.log1p(bears * (left[i] - 1)))
        if firm:
            own.setdefault(place, []).append(nats)
        else:
            beside.setdefault(entity, []).append(nats)
    rho = [SOFT_RHO if soft else ENTITY_RHO for soft in unit.tree.soft.tolist()]
    nodes = [temper(own[i], rho[i]) if i in own else 0.0 for i in range(len(rho))]
    others = [temper(nats, ENTITY_RHO) for nats in beside.values()]
    return np.array(nodes), np.array(others)


def _accounts(unit: Unit) -> Floats:
    """Return how surely one suspect accounts for each of its rows."""
    own, _ = _said(unit, np.zeros(len(unit.rows)))
    chances = np.append(accounted(unit.tree, own), 0.0)
    return np.where(unit.place >= 0, chances[unit.place] * unit.rows.bears, unit.rows.chance)


def _by_itself(unit: Unit, told: Floats) -> Said:
    """Weigh one suspect as the modules say, without arrays of many."""
    own, beside = _said(unit, told)
    up = float(rooted(unit.tree, own).sum()) if len(unit.tree) else 0.0
    return Said(up + float(beside.sum()), _in_full(unit, own) if unit.coarse < 1 else 0.0)


def _in_full(unit: Unit, own: Floats) -> float:
    """Return what the readings of who is at fault itself say, or of what fails with it at once."""
    told, tree = [], unit.tree.nodes
    for place, node in enumerate(tree):
        if node.parent != ROOT:
            continue
        said = float(own[place])
        if not any((unit.place == place) & (unit.rows.position >= 0)):
            below = [i for i, each in enumerate(tree) if each.parent == place]
            firm = [i for i in below if not answers(unit.scene.topology.kinds[tree[i].entity])]
            said = max([0.0, *(float(message(tree[i].passes, own[i])) for i in firm)])
        told.append(min(0.0, said) if answers(unit.scene.topology.kinds[node.entity]) else said)
    return max(told)


def _assert_all(scene: Scene) -> int:
    """Hold each to what it scores by itself, and after others; return how many sets differ."""
    found = units_of(scene)
    for unit in found:
        alone, itself = _by_itself(unit, np.zeros(len(unit.rows)))
        assert unit.alone.itself == pytest.approx(itself, abs=1e-9)
        assert evidence([unit]) == pytest.approx(alone, abs=1e-9)
    best = sorted(found, key=lambda unit: -score([unit]))[:12]
    sets = [*permutations(best, 2), *combinations(best[:8], 3)]
    differ = 0
    for chosen, reached in zip(sets, scores(sets), strict=True):
        prior = sum(unit.log_prior for unit in chosen)
        nats = _one_after_another(chosen, scene.columns)
        assert reached == pytest.approx(prior + nats.held(scene.coarse), abs=1e-9)
        differ += abs(nats.nats - sum(evidence([unit]) for unit in chosen)) > 1e-6
    return differ


def _one_after_another(chosen: Sequence[Unit], columns: int) -> Said:
    """Weigh the strongest first, and each other by what none of those before accounts for."""
    told, free = [], np.ones(columns)
    for unit in sorted(chosen, key=lambda unit: (-score([unit]), unit.named)):
        told.append(_by_itself(unit, 1 - free[unit.rows.column]))
        free[unit.rows.column] *= 1 - _accounts(unit)
    return Said(sum(each.nats for each in told), sum(each.itself for each in told))


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
