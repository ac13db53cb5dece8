from __future__ import annotations

import pytest

from kgraph.app.measuring.campaign import (
    Plan,
    draw,
    dressed,
    invented,
    of_graph,
    strata_of,
    without,
)
from kgraph.schema import Entity, InputError, Record, Relation, Subgraph
from kgraph.simulation import World, seeded

WORLD = invented(200, seed=3, wrong_edges=0.03)


def test_the_same_plan_draws_the_same_incidents() -> None:
    plan = Plan(incidents=6, faults=(1, 3), seed=4)
    assert list(draw(WORLD, plan)) == list(draw(WORLD, plan))


def test_another_seed_draws_others() -> None:
    one, other = (list(draw(WORLD, Plan(incidents=4, seed=seed))) for seed in (1, 2))
    assert [d.labelled.truth for d in one] != [d.labelled.truth for d in other]


def test_an_incident_does_not_depend_on_how_many_are_drawn() -> None:
    few, many = (list(draw(WORLD, Plan(incidents=n, seed=9))) for n in (3, 8))
    assert few == many[:3]


def test_one_incident_of_ten_loses_a_redundancy_and_every_one_has_a_stratum_of_each_sort() -> None:
    drawn = list(draw(WORLD, Plan(incidents=20, faults=(1, 2))))
    strata = strata_of(drawn)
    assert strata["all"] == list(range(20))
    assert strata["redundancy lost"] == [9, 19]
    for sorts in (
        ("one fault", "several faults"),
        ("hard", "gray"),
        ("identifiable", "not identifiable"),
        tuple(name for name in strata if name.endswith("alarms")),
    ):
        places = sorted(place for name in sorts for place in strata.get(name, []))
        assert places == list(range(20))


def test_the_truth_is_of_the_graph_that_is_asked_about() -> None:
    for one in draw(WORLD, Plan(incidents=5, faults=(2, 2))):
        assert len(one.labelled.truth) >= 2
        assert one.labelled.truth <= set(one.labelled.candidates)


def test_told_as_alerts_an_incident_has_no_sizes_times_or_health() -> None:
    one = next(draw(WORLD, Plan(incidents=1)))
    told = dict(dressed(one, WORLD, 0))
    rows = told["alerts"].incident.observations
    assert rows
    assert all(row.abnormal and row.score is None and row.at is None for row in rows)
    assert told["alerts"].truth == one.labelled.truth


def test_told_as_a_breach_the_objective_is_one_that_is_abnormal() -> None:
    drawn = draw(WORLD, Plan(incidents=30))
    breaches = [d["target"] for one in drawn if "target" in (d := dict(dressed(one, WORLD, 0)))]
    assert breaches
    for one in breaches:
        target = one.incident.target
        assert target is not None
        assert (target.entity, target.signal) in {
            (row.entity, row.signal) for row in one.incident.observations if row.abnormal
        }


def test_a_graph_without_the_cause_knows_nothing_of_it() -> None:
    for one in draw(WORLD, Plan(incidents=8, faults=(1, 3))):
        gone = one.labelled.truth
        left = without(one.labelled, gone)
        if left is None:
            assert {o.entity for o in one.labelled.incident.observations if o.abnormal} <= gone
            continue
        said = left.incident
        ends = {end for r in said.relations for end in (r.dependent, r.dependency)}
        told = {e.uid for e in said.entities} | {o.entity for o in said.observations}
        assert not gone & (told | ends | {c.entity for c in said.changes} | {*left.candidates})
        assert not left.truth


def test_a_breach_of_what_the_graph_lacks_is_no_question() -> None:
    drawn = draw(WORLD, Plan(incidents=30))
    one = next(d["target"] for row in drawn if "target" in (d := dict(dressed(row, WORLD, 0))))
    assert one.incident.target is not None
    assert without(one, {one.incident.target.entity}) is None
    assert without(one, set()) == one


def _graph(**watched: tuple[str, ...]) -> Subgraph:
    kinds = {"vm": "VirtualMachine", "host": "Host"}
    entities = tuple(
        Entity(uid, kind, uid, watched=watched.get(uid, ())) for uid, kind in kinds.items()
    )
    return Subgraph(entities, (Relation("vm", "RUNS_ON", "host", None, None, "x"),))


def test_a_stored_graph_keeps_its_uids_and_what_is_watched() -> None:
    world, remark = of_graph(_graph(host=("down",)), 0, 0.0)
    assert remark == ""
    assert {e.uid: e.watched for e in world.entities} == {"vm": (), "host": ("down",)}
    assert [(r.dependent, r.type, r.dependency) for r in world.believed] == [
        ("vm", "RUNS_ON", "host")
    ]


def test_where_nothing_is_watched_the_usual_monitoring_is_assumed_and_said() -> None:
    world, remark = of_graph(_graph(), 0, 0.0)
    assert "assumed" in remark
    assert all(entity.watched for entity in world.entities)


def test_an_empty_graph_says_how_to_get_one() -> None:
    with pytest.raises(InputError, match="--entities"):
        of_graph(Subgraph((), ()), 0, 0.0)


def test_more_faults_than_things_that_break_are_refused() -> None:
    world, _ = of_graph(_graph(), 0, 0.0)
    with pytest.raises(InputError, match="2 things that can break, and 3 faults"):
        list(draw(world, Plan(faults=(1, 3))))


def test_a_graph_in_which_nobody_would_notice_is_refused() -> None:
    world = World.of([Record("n", "Nic"), Record("h", "Host")], seeded(0), 0.0)
    with pytest.raises(InputError, match="notice"):
        list(draw(world, Plan(incidents=1)))
