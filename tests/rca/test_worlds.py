"""The engine on worlds of another kind; `python -m tests.rca.worlds` measures more of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

import rca
from kgraph.schema import Incident
from rca.evaluation.baselines import BASELINES, candidates_of
from rca.evaluation.measures import place
from rca.rules.model import Model
from tests.rca.worlds import (
    calls,
    campus,
    cloud,
    datacentre,
    fabric,
    hosted,
    microservices,
    retail,
)
from tests.rca.worlds.drawn import Drawn, mixed

pytestmark = pytest.mark.worlds

Rank = Callable[[Incident], Mapping[str, float]]


def found(rows: list[Drawn], rank: Rank) -> float:
    places = [place(one.truth, candidates_of(one.incident), rank(one.incident)) for one in rows]
    return math.fsum(where.at(1) for where in places) / len(places)


def test_on_worlds_unlike_its_own_more_is_found_than_by_simple_means(model: Model) -> None:
    rows = [one for view in microservices.View for one in microservices.incidents(7, 6, view)]
    for covered in (True, False):
        rows += fabric.incidents(7, 6, covered=covered)
        rows += cloud.incidents(7, 4, covered=covered)
        rows += campus.incidents(7, 4, campus.View.COVERED if covered else campus.View.ALERTS)
        rows += retail.incidents(7, 3, retail.View.COVERED if covered else retail.View.ALERTS)
        rows += hosted.incidents(7, 3, hosted.View.COVERED if covered else hosted.View.ALERTS)
        rows += calls.incidents(7, 4, calls.View.SIZED if covered else calls.View.ALERTS)
        rows += datacentre.incidents(
            7, 4, datacentre.View.STORM if covered else datacentre.View.ALERTS
        )

    def engine(incident: Incident) -> Mapping[str, float]:
        return {c.entity: c.posterior for c in rca.investigate(incident, model).causes}

    ours = found(rows, engine)
    assert ours > 0.4
    assert all(ours > found(rows, rank) for rank in BASELINES.values())


def test_in_which_order_things_come_decides_nothing_at_all(model: Model) -> None:
    for one in [
        *microservices.incidents(31, 2, microservices.View.ALERTS),
        *fabric.incidents(31, 5, covered=False),
        *cloud.incidents(31, 3, covered=False),
        *datacentre.incidents(31, 2, datacentre.View.ALERTS),
        *calls.incidents(31, 2, calls.View.ALERTS),
        *campus.incidents(31, 3, campus.View.ALERTS),
        *retail.incidents(31, 2, retail.View.ALERTS),
        *hosted.incidents(31, 2, hosted.View.ALERTS),
    ]:
        first, second = (
            {(c.entity, c.mode): c.posterior for c in rca.investigate(incident, model).causes}
            for incident in (one.incident, mixed(one.incident, Random(1)))
        )
        assert first == pytest.approx(second, abs=1e-9)


def test_incidents_of_a_seed_are_the_same_each_time() -> None:
    first, again = (list(fabric.incidents(5, 2, covered=True, most=3)) for _ in range(2))
    assert first == again
    assert all(a.incident.entities != b.incident.entities for a, b in pairwise(first))
    assert all(replace(one.incident, id="") != one.incident for one in first)
