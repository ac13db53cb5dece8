"""Alarms that no candidate joins may be explained apart: the laws of that, on small graphs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from itertools import combinations, islice

import pytest

from kgraph.schema import Incident
from kgraph.topology import build
from rca.components import WALKED, components, joined
from rca.inference.score import score
from rca.inference.search import MOST, best_explanation, compatible
from rca.region.bounds import abnormal_entities
from rca.region.scene import Scene
from rca.rules.model import Model
from rca.suspects.units import Unit
from tests.rca.suspected import units_of

MODULE = import_module("rca.components")
FieldOf = Callable[[Incident], Scene]
Halves = Callable[[int], tuple[Incident, Sequence[Unit]]]
Chances = dict[tuple[int, str], float]


def _beside(first: Incident, second: Incident) -> Incident:
    """Put two estates next to each other; nothing of one needs anything of the other."""

    def named(uid: str) -> str:
        return f"second-{uid}"

    return replace(
        first,
        entities=(
            *first.entities,
            *(replace(e, uid=named(e.uid), name=named(e.name)) for e in second.entities),
        ),
        relations=(
            *first.relations,
            *(
                replace(r, dependent=named(r.dependent), dependency=named(r.dependency))
                for r in second.relations
            ),
        ),
        observations=(
            *first.observations,
            *(replace(o, entity=named(o.entity)) for o in second.observations),
        ),
    )


@pytest.fixture(scope="module")
def halves(random_incident: Callable[[int], Incident], field_of: FieldOf) -> Halves:
    """Seed -> an estate of two halves, and what may have failed in it; walked once for all."""

    @cache
    def made(seed: int) -> tuple[Incident, Sequence[Unit]]:
        both = _beside(random_incident(seed), random_incident(seed + 100))
        return both, units_of(field_of(both))

    return made


def _fresh(units: Sequence[Unit]) -> list[Unit]:
    # How coarse the evidence of a storm is depends on all of it; so here it never is.
    return [replace(unit, coarse=1.0, memo={}, told={}) for unit in units]


def _sets(candidates: Sequence[Unit], most: int) -> list[tuple[Unit, ...]]:
    return [
        chosen
        for size in range(most + 1)
        for chosen in combinations(candidates, size)
        if all(compatible(chosen[:i], unit) for i, unit in enumerate(chosen))
    ]


def _marginals(sets: Sequence[tuple[Unit, ...]]) -> Chances:
    weights = [math.exp(score(chosen)) for chosen in sets]
    total = math.fsum(weights)
    found: Chances = {}
    for chosen, weight in zip(sets, weights, strict=True):
        for unit in chosen:
            for fault in unit.faults:
                found[fault] = found.get(fault, 0.0) + weight / total
    return found


def _pairs(halves: Halves, most: int) -> Iterator[tuple[Incident, list[Unit], list[Unit]]]:
    """Yield estates of two halves, with the candidates of each half, few enough to enumerate."""
    for seed in range(60):
        both, found = halves(seed)
        half = [entity.uid.startswith("second-") for entity in both.entities].index(True)
        candidates = _fresh(found)
        ours = [unit for unit in candidates if max(unit.entities) < half]
        theirs = [unit for unit in candidates if min(unit.entities) >= half]
        assert len(ours) + len(theirs) == len(candidates)
        if 0 < len(ours) <= most and 0 < len(theirs) <= most:
            yield both, ours, theirs


def test_sets_of_faults_fall_apart_where_nothing_is_shared(halves: Halves) -> None:
    pairs = list(islice(_pairs(halves, most=60), 10))
    assert len(pairs) == 10
    for _, ours, theirs in pairs:
        for one in _sets(ours, 2)[::59]:
            for other in _sets(theirs, 2)[::61]:
                both = score([*one, *other])
                assert both == pytest.approx(score(list(one)) + score(list(other)), abs=1e-9)


def test_the_best_set_is_that_of_each_part_or_one_that_the_search_did_not_find_together(
    halves: Halves,
) -> None:
    compared = equal = 0
    for _, ours, theirs in islice(_pairs(halves, most=60), 20):
        parts = [best_explanation(ours), best_explanation(theirs)]
        apart = [unit for part in parts if score(part) > 0 for unit in part]
        if not apart or len(apart) > MOST:
            continue  # together no more are looked for; apart each part has as many
        compared += 1
        together = best_explanation([*ours, *theirs])
        assert score(apart) >= score(together) - 1e-9
        equal += {u.faults for u in together} == {u.faults for u in apart}
    assert compared >= 10
    assert equal >= 0.8 * compared


def test_marginals_are_those_of_each_part(halves: Halves) -> None:
    pairs = list(islice(_pairs(halves, most=36), 3))
    assert len(pairs) == 3
    for _, ours, theirs in pairs:
        sets = [_sets(ours, 2), _sets(theirs, 1)]
        together = _marginals([(*one, *other) for one in sets[0] for other in sets[1]])
        apart = _marginals(sets[0]) | _marginals(sets[1])
        assert together.keys() == apart.keys()
        assert all(together[fault] == pytest.approx(apart[fault], abs=1e-9) for fault in apart)


def test_parts_never_reach_over_what_nothing_connects(
    random_incident: Callable[[int], Incident], field_of: FieldOf, model: Model
) -> None:
    for seed in range(30):
        first, second = random_incident(seed), random_incident(seed + 100)
        both = _beside(first, second)
        groups = components(both, model, build(both.entities, both.relations))
        halves = [{uid.startswith("second-") for uid in group} for group in groups]
        assert all(len(half) == 1 for half in halves)
        alarming = abnormal_entities(field_of(both).readings)
        assert sorted(uid for group in groups for uid in group) == sorted(
            both.entities[i].uid for i in alarming
        )


def test_what_is_not_walked_could_not_have_joined_more(
    random_incident: Callable[[int], Incident], model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: dict[int, list[list[frozenset[str]]]] = {}
    for first in (1, WALKED):  # all but one, and none, are asked what they could join
        monkeypatch.setattr(MODULE, "FIRST", first)
        for seed in range(20):
            both = _beside(random_incident(seed), random_incident(seed + 100))
            groups = components(both, model, build(both.entities, both.relations))
            found.setdefault(seed, []).append(groups)
    assert all(one == other for one, other in found.values())
    assert any(len(group) > 2 for one, _ in found.values() for group in one)


def test_a_host_joins_its_guests_and_leaves_a_stranger_alone(
    incident: Callable[[str], Incident], model: Model
) -> None:
    found = incident(
        """
        Host: h1 h2
        VirtualMachine: v1 v2 v3 w1 w2 w3
        v1 v2 v3 RUNS_ON h1
        w1 w2 w3 RUNS_ON h2
        v1 v2 v3 w1 abnormal: down
        w2 w3 h2 healthy: down
        """
    )
    topology = build(found.entities, found.relations)
    assert components(found, model, topology) == [{"v1", "v2", "v3"}, {"w1"}]
    assert components(found, model, topology, ["w1"]) == [{"w1"}]
    assert components(found, model, topology, ["v2"]) == [{"v1", "v2", "v3"}]


def test_sets_that_overlap_are_joined() -> None:
    assert joined([0b0011, 0b1000, 0b0110, 0b10000]) == [0b0111, 0b1000, 0b10000]
    assert joined([0b001, 0b100, 0b101, 0b010]) == [0b101, 0b010]
    assert joined([]) == []
