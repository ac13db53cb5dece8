"""Held to exhaustive enumeration of every set of up to three suspects, on small random estates.

Moves of one suspect can miss a pair that only helps together. Of 609 random estates with up to 38
suspects the search missed the best set on two (0.3 %); none is among those of this file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import pytest

from kgraph.schema import Incident
from kgraph.simulation import Estate, EstateShape, World, draw_incident, seeded
from rca.inference.score import score
from rca.inference.search import EQUAL, MOST, best_explanation, compatible, taken
from rca.region.bounds import abnormal_entities, suspects
from rca.region.scene import Scene
from rca.suspects.units import Unit
from tests.rca.seeds import seeds
from tests.rca.suspected import units_of

FieldOf = Callable[[Incident], Scene]
Incidents = Callable[[str], Incident]
SEEDS = range(100)
SMALL = 26  # units: sets of three of them are still few


def _best_score(suspected: Sequence[Unit]) -> float:
    return max(
        score(chosen)
        for size in (1, 2, 3)
        for chosen in combinations(suspected, size)
        if all(compatible(chosen[:i], unit) for i, unit in enumerate(chosen))
    )


def test_the_search_finds_what_exhaustive_enumeration_finds(
    random_incident: Callable[[int], Incident], field_of: FieldOf
) -> None:
    compared, missed = 0, []
    for seed in SEEDS:
        suspected = units_of(field_of(random_incident(seed)))
        if not 0 < len(suspected) <= SMALL:
            continue
        compared += 1
        if score(best_explanation(suspected)) < _best_score(suspected) - 1e-9:
            missed.append(seed)
    assert compared >= 15
    assert missed == []


def test_no_suspects_have_no_explanation() -> None:
    assert best_explanation([]) == []


@pytest.mark.parametrize("seed", [*seeds(8), 21])  # in 21 one is swapped for a better one
def test_no_single_drop_or_swap_improves_what_is_found(
    seed: int, random_incident: Callable[[int], Incident], field_of: FieldOf
) -> None:
    suspected = units_of(field_of(random_incident(seed)))
    found = best_explanation(suspected)
    held = score(found)
    for i in range(len(found)):
        rest = found[:i] + found[i + 1 :]
        if rest:
            assert score(rest) <= held + 1e-9
        for unit in suspected:
            if compatible(rest, unit):
                assert score([*rest, unit]) <= held + 1e-9


def _filled(chosen: list[Unit], others: Sequence[Unit]) -> list[Unit]:
    while len(chosen) < MOST:
        options = [[*chosen, unit] for unit in others if compatible(chosen, unit)]
        best = max(options, key=score, default=chosen)
        if score(best) <= score(chosen):
            break
        chosen = best
    return chosen


@pytest.mark.parametrize("seed", [*seeds(4), 14])  # in 14 a single fault stands for two at first
def test_leaving_one_out_for_good_and_filling_up_improves_nothing(
    seed: int, random_incident: Callable[[int], Incident], field_of: FieldOf
) -> None:
    suspected = units_of(field_of(random_incident(seed)))
    found = best_explanation(suspected)
    for out in found:
        left = [unit for unit in found if unit is not out]
        others = [unit for unit in suspected if unit is not out]
        other = _filled(left, others)
        assert not other or score(other) <= score(found) + 1e-9


@pytest.mark.parametrize("seed", seeds(8))
def test_one_entity_has_one_fault_in_an_explanation(
    seed: int, random_incident: Callable[[int], Incident], field_of: FieldOf
) -> None:
    suspected = units_of(field_of(random_incident(seed)))
    found = best_explanation(suspected)
    entities = [entity for unit in found for entity in unit.entities]
    assert len(set(entities)) == len(entities)
    assert len(found) <= MOST
    for unit in suspected:
        assert compatible(found, unit) == unit.entities.isdisjoint(entities)


def test_what_a_later_addition_makes_superfluous_is_dropped(field_of: FieldOf) -> None:
    world = World.of(Estate(EstateShape(entities=200, seed=6)).items(), seeded(6))
    found = best_explanation(
        units_of(field_of(draw_incident(world, seeded(63), faults=3).incident))
    )
    assert len(found) > 1
    for out in found:
        assert score([unit for unit in found if unit is not out]) < score(found)


def test_redundant_members_that_must_fail_together_are_one_suspect(
    incident: Incidents, field_of: FieldOf
) -> None:
    field = field_of(
        incident("""
        PowerFeed: a b
        Host: h
        h POWERED_BY a b / feeds 1
        h abnormal: down
        """)
    )
    index = field.topology.index
    pair = frozenset({index["a"], index["b"]})
    assert pair in {unit.entities for unit in units_of(field)}


def test_a_spare_that_was_not_reached_makes_no_group_of_one(
    incident: Incidents, field_of: FieldOf
) -> None:
    field = field_of(
        incident("""
        PowerFeed: a b
        Host: h
        h POWERED_BY a b / feeds 2
        h abnormal: down
        """)
    )
    assert all(len(unit.faults) == 1 for unit in units_of(field))


def test_the_walk_to_suspects_ends_behind_two_healthy_hops(
    incident: Incidents, field_of: FieldOf
) -> None:
    field = field_of(
        incident("""
        Service: s[0-4]
        s0 CALLS s1
        s1 CALLS s2
        s2 CALLS s3
        s3 CALLS s4
        s0 abnormal: errors
        s[1-2] healthy: errors latency
        """)
    )
    names = field.topology.uids
    reached = {names[e] for e in suspects(field, abnormal_entities(field.readings))}
    assert reached == {"s0", "s1"}


@pytest.mark.parametrize(
    ("shown", "looked", "reached"),
    [
        ("errors", "errors", 2),
        ("errors", "latency", 5),
        ("latency", "latency", 2),
        ("latency", "down", 5),
    ],
)
def test_that_something_is_up_is_no_alibi_where_things_are_slow(
    shown: str, looked: str, reached: int, incident: Incidents, field_of: FieldOf
) -> None:
    field = field_of(
        incident(f"""
        Service: s[0-4]
        s[0-3] CALLS each s[1-4]
        s0 abnormal: {shown}
        s[1-2] healthy: {looked}
        """)
    )
    assert len(suspects(field, abnormal_entities(field.readings))) == reached


def test_unknown_is_no_alibi(incident: Incidents, field_of: FieldOf) -> None:
    field = field_of(
        incident("""
        Service: s[0-4]
        s[0-3] CALLS each s[1-4]
        s0 abnormal: errors
        """)
    )
    assert len(suspects(field, abnormal_entities(field.readings))) == 5


@pytest.mark.parametrize(
    ("falling", "many", "expected"),
    [
        ([3.0, 2.0, 1.0], 2, 2),
        ([3.0, 2.0, 2.0 - EQUAL / 2, 1.0], 2, 3),  # one more, which there is room for
        ([3.0, 2.0, 2.0, 2.0], 2, 1),  # two more, which there is not
        ([2.0, 2.0, 2.0, 2.0], 2, 0),
        ([3.0, 2.0], 5, 2),
        ([3.0, 3.0], 0, 0),
    ],
)
def test_of_equals_at_the_last_place_all_are_taken_or_none(
    falling: list[float], many: int, expected: int
) -> None:
    assert taken(falling, many, slack=1) == expected
