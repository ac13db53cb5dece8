"""Relations that may be wrong: left out, what was seen fits better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

import rca
from kgraph.schema import Answer, Doubt, Incident
from rca import doubts as module
from rca.doubts import doubts
from rca.engine import verdict
from rca.rules.model import Model
from tests.rca.seeds import seeds

Read = Callable[[str], Incident]
Random = Callable[[int], Incident]
Answers = Callable[[int], Answer]


def _told(incident: Incident, model: Model) -> tuple[Doubt, ...]:
    return doubts(incident, model, rca.investigate(incident, model))


def _ends(found: tuple[Doubt, ...]) -> list[tuple[str, str, str]]:
    rows = [one.relation for one in found]
    return [(row.dependent, row.type, row.dependency) for row in rows]


def test_the_one_guest_that_is_well_may_not_be_where_the_graph_has_it(
    incident: Read, model: Model
) -> None:
    (doubt,) = _told(
        incident("""
            Host: h1 h2
            VirtualMachine: v[0-9]
            v* RUNS_ON h1
            v[0-8] abnormal: unreachable
            v9 healthy: unreachable down paused
            h1 abnormal: unreachable
        """),
        model,
    )
    assert _ends((doubt,)) == [("v9", "RUNS_ON", "h1")]
    assert [fault.entity for fault in doubt.blames] == ["h1"]
    assert doubt.bayes_factor > 10


def test_a_whole_branch_that_is_well_hangs_on_one_wrong_relation(
    incident: Read, model: Model
) -> None:
    found = _told(
        incident("""
            Switch: sw
            Host: h g
            VirtualMachine: v[0-9] w[0-4]
            h g CONNECTED_TO sw
            v* RUNS_ON h
            w* RUNS_ON g
            v* abnormal: unreachable
            h abnormal: unreachable
            sw abnormal: down
            w* g healthy: unreachable
        """),
        model,
    )
    assert _ends(found)[0] == ("g", "CONNECTED_TO", "sw")


def test_a_spare_that_is_none_is_doubted_where_something_is_down_all_the_same(
    incident: Read, model: Model
) -> None:
    (doubt,) = _told(
        incident("""
            PowerFeed: a b
            Host: h[0-3]
            h* POWERED_BY a b / feeds 1
            a abnormal: down
            b healthy: down
            h0 abnormal: unreachable
            h[1-3] healthy: unreachable
        """),
        model,
    )
    assert _ends((doubt,)) == [("h0", "POWERED_BY", "b")]
    assert 0.2 < doubt.chance < 0.5  # or the second supply did not carry it


def test_where_all_that_was_seen_fits_nothing_is_doubted(incident: Read, model: Model) -> None:
    found = _told(
        incident("""
            Host: h
            VirtualMachine: v[0-4]
            v* RUNS_ON h
            v* h abnormal: unreachable
        """),
        model,
    )
    assert found == ()


@pytest.mark.parametrize("seed", seeds(8))
def test_every_doubt_is_about_a_relation_without_which_the_fit_is_better(
    seed: int, random_incident: Random, random_answer: Answers, model: Model
) -> None:
    incident = random_incident(seed)
    found = doubts(incident, model, random_answer(seed))
    fit = verdict(incident, model).nats
    assert len(found) <= module.MOST_TOLD
    for one in found:
        row = one.relation
        assert row in incident.relations
        ends = (row.dependent, row.type, row.dependency)
        left = tuple(r for r in incident.relations if (r.dependent, r.type, r.dependency) != ends)
        then = verdict(replace(incident, relations=left), model)
        assert then.nats > fit
        assert module.WORTH <= one.chance < 1


def test_a_storm_is_asked_less_often(
    incident: Read, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def counted(given: Incident, model: Model) -> object:
        asked.append(given)
        return verdict(given, model)

    monkeypatch.setattr(module, "verdict", counted)
    _told(
        incident("""
            Host: h
            VirtualMachine: v[0-399] w[0-9]
            v* w* RUNS_ON h
            v* h abnormal: unreachable
            w* healthy: unreachable
        """),
        model,
    )
    assert len(asked) == 1 + module.LEAST_ASKED
