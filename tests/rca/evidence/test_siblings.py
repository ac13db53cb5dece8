"""Siblings that alarm together are fewer witnesses than they are many."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from kgraph.schema import Incident
from rca.evidence.siblings import RHO, share
from rca.region.scene import Scene

Incidents = Callable[[str], Incident]
FieldOf = Callable[[Incident], Scene]

ESTATE = """
    Host: h1 h2
    VirtualMachine: v[1-4] w
    Service: s
    v* RUNS_ON h1
    w RUNS_ON h2
    s CALLS v1
    s CALLS w
"""


def _weights(scene: Scene) -> dict[tuple[str, str], float]:
    """(uid, signal) -> how much of a witness it is."""
    uids, readings = scene.topology.uids, scene.readings
    return {
        (uids[entity], readings[entity][i].observation.signal): weight
        for (entity, i), weight in scene.weights.items()
    }


def test_each_further_sibling_adds_something_and_less_than_the_one_before() -> None:
    worth = [size * share(size) for size in range(1, 30)]
    assert worth[0] == 1
    assert worth[1] == pytest.approx(1 + 1 / (1 + RHO))
    added = [after - before for before, after in pairwise(worth)]
    assert all(1 > before > after > 0 for before, after in pairwise(added))


def test_who_shows_the_same_and_firmly_needs_the_same_is_a_sibling(
    incident: Incidents, field_of: FieldOf
) -> None:
    seen = f"{ESTATE}\n v[1-3] w abnormal: down\n v4 abnormal: cpu\n s abnormal: errors"
    found = _weights(field_of(incident(seen)))
    assert {found["v1", "down"], found["v2", "down"], found["v3", "down"]} == {share(3)}
    assert found["v4", "cpu"] == found["w", "down"] == found["s", "errors"] == 1


def test_of_several_groups_the_largest_counts(incident: Incidents, field_of: FieldOf) -> None:
    shared = "StoragePool: p\n v1 w STORED_ON p\n v[1-3] w abnormal: down"
    found = _weights(field_of(incident(f"{ESTATE}\n {shared}")))
    assert (found["v1", "down"], found["w", "down"]) == (share(3), share(2))


def test_each_healthy_look_at_what_is_well_counts_in_full(
    incident: Incidents, field_of: FieldOf
) -> None:
    scene = field_of(incident(f"{ESTATE}\n v[1-2] abnormal: down\n v[3-4] healthy: down cpu"))
    assert set(_weights(scene)) == {("v1", "down"), ("v2", "down")}


def test_what_siblings_that_alarm_show_beside_it_is_no_look_of_its_own_either(
    incident: Incidents, field_of: FieldOf
) -> None:
    seen = "v[1-3] abnormal: unreachable\n v[1-4] healthy: down\n v1 healthy: cpu"
    found = _weights(field_of(incident(f"{ESTATE}\n {seen}")))
    assert {found[v, "down"] for v in ("v1", "v2", "v3")} == {share(3)}
    assert found["v1", "cpu"] == 1
    assert ("v4", "down") not in found  # it is well: a look of its own
