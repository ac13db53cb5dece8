"""Held to exhaustive enumeration of every set of up to three suspects, on small random estates.

The short list holds eight suspects; the more there are, the more it leaves out. The tolerance is
that of estates with up to 26 suspects.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations

import pytest

from kgraph.schema import Incident
from rca.inference.posterior import (
    ELSEWHERE,
    LISTED,
    SAME,
    TOGETHER,
    _by_whom,
    _short_list,
    posterior,
)
from rca.inference.score import score
from rca.inference.search import best_explanation, compatible
from rca.region.scene import Scene
from rca.suspects.units import Unit, blind
from tests.rca.seeds import seeds
from tests.rca.suspected import units_of

FieldOf = Callable[[Incident], Scene]
SMALL = 26  # units
# The short list of eight leaves out pairs of weak suspects; no marginal may move by more.
TOLERANCE = 0.03


def _watcher(field: Scene) -> float | None:
    unit = blind(field)
    return score([unit]) if unit else None


def _enumerated(suspected: list[Unit], watcher: float | None) -> dict[tuple[int, str], float]:
    """Marginals over all compatible sets, unnormalised weights summed directly."""
    weights: list[tuple[tuple[Unit, ...], float]] = [
        (chosen, math.exp(score(chosen)))
        for size in (1, 2, 3)
        for chosen in combinations(suspected, size)
        if all(compatible(chosen[:i], unit) for i, unit in enumerate(chosen))
    ]
    outside = ELSEWHERE * math.fsum(math.exp(unit.log_prior) for unit in suspected)
    blinded = math.exp(watcher) if watcher is not None else 0.0
    total = math.fsum([*(weight for _, weight in weights), outside, blinded])
    found: dict[tuple[int, str], float] = {}
    for chosen, weight in weights:
        for unit in chosen:
            for fault in unit.faults:
                found[fault] = found.get(fault, 0.0) + weight / total
    return found


def test_marginals_are_near_those_of_exhaustive_enumeration(
    random_incident: Callable[[int], Incident], field_of: FieldOf
) -> None:
    errors = []
    for seed in range(100):
        field = field_of(random_incident(seed))
        suspected = units_of(field)
        if not 0 < len(suspected) <= SMALL:
            continue
        watcher = _watcher(field)
        exact = _enumerated(suspected, watcher)
        near = posterior(suspected, best_explanation(suspected), watcher).marginals()
        errors.append(max(abs(near.get(fault, 0.0) - exact[fault]) for fault in exact))
    assert len(errors) >= 15
    assert max(errors) < TOLERANCE
    assert math.fsum(errors) / len(errors) < TOLERANCE / 5


@pytest.mark.parametrize("seed", seeds(10))
def test_probabilities_sum_to_one(
    seed: int, random_incident: Callable[[int], Incident], field_of: FieldOf
) -> None:
    field = field_of(random_incident(seed))
    suspected = units_of(field)
    result = posterior(suspected, best_explanation(suspected), _watcher(field))
    chances = [*(chance for _, chance in result.sets), result.elsewhere, result.monitoring]
    assert math.fsum(chances) == pytest.approx(1.0)
    assert all(0 <= chance <= 1 for chance in chances)
    assert all(chance <= 1 + 1e-9 for chance in result.marginals().values())
    for members, _ in result.sets:  # one entity has one fault
        blamed = [entity for unit in members for entity in unit.entities]
        assert len(set(blamed)) == len(blamed)


@pytest.mark.parametrize("seed", seeds(10))
def test_the_best_explanation_is_among_the_sets(
    seed: int, random_incident: Callable[[int], Incident], field_of: FieldOf
) -> None:
    suspected = units_of(field_of(random_incident(seed)))
    best = best_explanation(suspected)
    result = posterior(suspected, best, None)
    assert not best or frozenset(u.faults for u in best) in {
        frozenset(u.faults for u in members) for members, _ in result.sets
    }


@pytest.fixture
def unit(incident: Callable[[str], Incident], field_of: FieldOf) -> Callable[[str, str], Unit]:
    suspected = units_of(field_of(incident("Host: h[1-9]\n h* abnormal: down unreachable")))
    known = {unit.named[0]: unit for unit in suspected}
    return lambda entity, mode: known[entity, mode]


def test_one_culprit_in_two_modes_comes_before_a_likelier_one_in_a_single_mode(
    unit: Callable[[str, str], Unit],
) -> None:
    other = ((unit("h1", "down"),), 0.3)
    down, hung = ((unit("h2", "down"),), 0.2), ((unit("h2", "hung"),), 0.15)
    assert _by_whom([other, down, hung]) == [down, hung, other]


def test_a_set_of_two_is_somebody_else_than_one_of_them(
    unit: Callable[[str, str], Unit],
) -> None:
    one, both = unit("h1", "down"), (unit("h1", "down"), unit("h2", "down"))
    rows = [((one,), 0.3), ((unit("h2", "hung"),), 0.1), (both, 0.16)]
    assert _by_whom(rows) == [rows[0], rows[2], rows[1]]


def test_the_first_set_blames_whoever_is_likeliest_alone_or_with_others(
    unit: Callable[[str, str], Unit],
) -> None:
    broker, queue = unit("h1", "down"), unit("h2", "down")
    rows = [((queue,), 0.3), ((broker,), 0.25)]
    rows += [((broker, unit(f"h{i}", "down")), 0.02) for i in range(3, 9)]
    found = _by_whom(rows)
    assert found == [rows[1], rows[0], *rows[2:]]


def test_who_is_likeliest_in_sets_that_are_all_far_behind_is_named_first_and_nobody_is_lost(
    unit: Callable[[str, str], Unit],
) -> None:
    broker, *hosts = [unit(f"h{i}", "down") for i in range(1, 10)]
    pairs = [(hosts[i - apart], hosts[i]) for apart in (1, 2) for i in range(len(hosts))]
    assert len(pairs) > LISTED
    behind = [((broker, one), 0.009) for one in hosts]
    found = _by_whom([*((pair, 0.01) for pair in pairs), *behind])
    assert found == [behind[0], *((pair, 0.01) for pair in pairs), *behind[1:]]


@pytest.mark.parametrize("seed", seeds(10))
def test_no_answer_opens_with_who_is_not_the_likeliest(
    seed: int, random_incident: Callable[[int], Incident], field_of: FieldOf
) -> None:
    suspected = units_of(field_of(random_incident(seed)))
    sets = posterior(suspected, best_explanation(suspected), None).sets
    each: dict[int, float] = {}
    for members, chance in sets:
        for entity in {entity for unit in members for entity in unit.entities}:
            each[entity] = each.get(entity, 0.0) + chance
    first = {entity for unit in sets[0][0] for entity in unit.entities} if sets else set[int]()
    assert max((each[one] for one in first), default=0) >= max(each.values(), default=0) - SAME


def test_more_faults_than_are_enumerated_stand_together_and_each_may_be_left_out(
    incident: Callable[[str], Incident], field_of: FieldOf
) -> None:
    suspected = units_of(field_of(incident("Host: h[1-5]\n h* abnormal: down unreachable")))
    best = best_explanation(suspected)
    assert len(best) == 5 > TOGETHER
    result = posterior(suspected, best, None)
    asked = {frozenset(members): chance for members, chance in result.sets}
    assert max(asked, key=asked.__getitem__) == frozenset(best)
    assert all(0 < asked[frozenset(best) - {unit}] < asked[frozenset(best)] for unit in best)


@pytest.mark.parametrize(("twins", "listed"), [(8, 8), (12, 12), (13, 1)])
def test_equals_come_onto_the_short_list_together_or_stay_out_together(
    twins: int, listed: int, incident: Callable[[str], Incident], field_of: FieldOf
) -> None:
    found = units_of(field_of(incident(f"Host: h[1-{twins}]\n h* abnormal: down")))
    down = [unit for unit in found if unit.faults[0][1] == "down"]
    assert len(_short_list(down, down[:1])[0]) == listed


def test_without_suspects_the_cause_is_elsewhere() -> None:
    result = posterior([], [], None)
    assert (result.sets, result.elsewhere, result.monitoring) == ((), 1.0, 0.0)


def test_evidence_of_a_thousand_nats_does_not_overflow(
    random_incident: Callable[[int], Incident], field_of: FieldOf
) -> None:
    suspected = units_of(field_of(random_incident(3)))
    result = posterior(suspected, best_explanation(suspected), 5000.0)
    assert result.monitoring == pytest.approx(1.0)
