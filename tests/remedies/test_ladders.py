"""Escalation ladders, evacuations, and what a site brings: plans beyond one restart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kgraph.schema import (
    Actor,
    Answer,
    BlastRadius,
    Cause,
    Change,
    Incident,
    Observation,
    Plan,
    Role,
    State,
)
from kgraph.schema.timestamps import parse_time
from remedies import LOG, NBD, Endpoint, Select, load_catalogue, plan_for
from remedies.lint import lint
from remedies.proving import REFUSED
from remedies.remedy import compose
from tests.remedies.estates import Plant

CATALOGUE = load_catalogue()
POWER = Endpoint("bmc", "power", Select(kind="Host"))
SITE = Endpoint(
    "site",
    "hook",
    actions=frozenset(
        {"start_elsewhere", "migrate", "cordon", "quarantine", "roll_back", "migrate_cold"}
    ),
)
GUESTS = Endpoint("guests", "libvirt", Select(kind="VirtualMachine"))
ALL = (POWER, SITE, GUESTS, LOG, NBD)


def estate() -> Plant:
    plant = Plant()
    plant.add("lan", "Network")
    plant.add("nfs", "StorageExport")
    for name in ("h1", "h2", "h3"):
        plant.host(name, 32, 8)
        plant.join(name, "CONNECTED_TO", "lan")
        plant.join(name, "USES", "nfs")
    for n in range(1, 5):
        plant.guest(f"v{n}", "h1", 4, 2, "lan", "nfs")
    plant.guest("v5", "h2", 4, 2, "lan", "nfs")
    return plant


def planned(
    plant: Plant,
    entity: str,
    mode: str,
    ways: tuple[Endpoint, ...] = ALL,
    tried: tuple[tuple[str, str], ...] = (),
    signal: str = "",
    **more: tuple[object, ...],
) -> Plan:
    kind = plant.entities[entity].kind
    cause = Cause(entity, kind, mode, 0.9, {mode: 0.9}, 3, (), (), 0)
    answer = Answer("i", (cause,), (), (), BlastRadius(()), (), 0.0, 0.0, "m", "")
    rows = (Observation(entity, signal or mode, State.ABNORMAL),)
    incident = Incident("i", tuple(plant.entities.values()), tuple(plant.relations), rows)
    incident = replace(incident, **more)  # type: ignore[arg-type] # Incident's own fields
    plan = plan_for(answer, incident, CATALOGUE, ways, tried)
    assert plan is not None
    return plan


def told(plan: Plan) -> list[tuple[str, str, str, str]]:
    return [(s.action, s.entity, s.parameters.get("to", ""), s.actor.value) for s in plan.steps]


def test_a_dead_host_is_fenced_and_its_guests_are_started_where_there_is_room() -> None:
    plan = planned(estate(), "h1", "down")
    rows = told(plan)
    assert rows[0] == ("fence", "h1", "", "kgraph")
    assert {row[:2] for row in rows[1:]} == {("start_elsewhere", f"v{n}") for n in range(1, 5)}
    assert {row[2:] for row in rows[1:]} <= {("h2", "kgraph"), ("h3", "kgraph")}
    assert plan.steps[0].role is Role.CAUSE
    assert {step.role for step in plan.steps[1:]} == {Role.VICTIM}
    assert plan.steps[1].parameters["from"] == "h1"
    assert plan.steps[1].preconditions == ("old_host_off",)
    assert plan.executable


def test_without_a_power_switch_nothing_is_started_elsewhere() -> None:
    plan = planned(estate(), "h1", "down", (SITE, GUESTS, LOG))
    assert {step.actor for step in plan.steps} == {Actor.NOBODY}
    assert plan.steps[1].unable.startswith(f"{REFUSED}double start: Host h1 is not proven")
    assert not plan.executable


def test_without_a_way_to_act_the_plan_still_says_where_each_guest_would_go() -> None:
    plan = planned(estate(), "h1", "down", (LOG,))
    assert {step.parameters.get("to") for step in plan.steps[1:]} <= {"h2", "h3"}
    assert {step.actor for step in plan.steps} == {Actor.NOBODY}


def test_a_guest_that_finds_no_room_is_named_with_the_reason_and_the_others_go() -> None:
    plant = estate()
    plant.guest("huge", "h1", 31, 2, "lan", "nfs")
    plan = planned(plant, "h1", "down")
    (left,) = [s for s in plan.steps if s.entity == "huge"]
    assert left.unable == "no room: 2 of 3 lacks memory; 1 of 3 is what the guests leave"
    assert sum(step.actor is Actor.KGRAPH for step in plan.steps) == 5


def test_a_host_that_still_works_is_cordoned_and_its_guests_leave_live() -> None:
    plan = planned(estate(), "h1", "degraded")
    assert told(plan)[0] == ("cordon", "h1", "", "kgraph")
    assert {row[0] for row in told(plan)[1:]} == {"migrate"}
    assert len(plan.steps) == 5


def test_who_is_moved_off_a_full_host_is_the_least_important_alone() -> None:
    plant = estate()
    plant.entities["v3"] = replace(plant.entities["v3"], labels={"importance": "low"})
    plan = planned(plant, "h1", "overloaded")
    assert [row[:2] for row in told(plan)] == [("migrate", "v3")]


def test_a_guest_that_makes_room_goes_first_and_all_later_ones_wait_for_it() -> None:
    plant = estate()
    plant.relations = [r for r in plant.relations if r.dependent not in {"v1", "v2", "v3", "v4"}]
    plant.guest("mid2", "h2", 12, 1, "lan", "nfs")
    plant.guest("mid3", "h3", 12, 1, "lan", "nfs")
    plant.guest("big", "h1", 26, 1, "lan", "nfs")
    plan = planned(plant, "h1", "down")
    rows = told(plan)
    over = next(n for n, row in enumerate(rows) if row[0] == "migrate")
    big = next(n for n, row in enumerate(rows) if row[1] == "big")
    assert plan.steps[over].role is Role.CAUSE
    assert over < big
    assert plan.steps[big].actor is Actor.KGRAPH


def test_guests_whose_storage_is_not_well_are_not_moved() -> None:
    rows = (
        Observation("h1", "down", State.ABNORMAL),
        Observation("nfs", "down", State.ABNORMAL),
    )
    plan = planned(estate(), "h1", "down", observations=rows)
    assert plan.steps[1].unable == "its storage StorageExport nfs is not well"


CHANGE = (Change("shop", "deploy", parse_time("2026-01-01T03:00:00Z")),)


def shop() -> Plant:
    plant = Plant()
    plant.add("shop", "Service")
    for n in (1, 2, 3):
        plant.add(f"i{n}", "ServiceInstance")
        plant.join("shop", "USES", f"i{n}", "instances", 2)
    return plant


UNITS = Endpoint("units", "systemd", unit="shop.service")


def test_a_ladder_goes_on_with_its_next_rung_once_the_first_did_not_help() -> None:
    ways = (UNITS, *ALL)
    first = planned(shop(), "shop", "failing", ways, changes=CHANGE)
    assert [row[0] for row in told(first)] == ["force_restart"]
    assert first.because == ""
    second = planned(shop(), "shop", "failing", ways, (("shop", "force_restart"),), changes=CHANGE)
    assert [row[0] for row in told(second)] == ["roll_back"]
    assert second.because == "force restart did not help"
    assert second.refused == (*first.refused, "the same once more (force restart did not help)")
    assert second.executable


def test_at_the_end_of_a_ladder_a_person_is_told_what_was_tried() -> None:
    tried = (("shop", "force_restart"), ("shop", "roll_back"))
    plan = planned(shop(), "shop", "failing", (UNITS, *ALL), tried)
    assert [row[0] for row in told(plan)] == ["notify"]
    assert plan.steps[0].why == "force restart, roll back did not help, and nothing is left to try"


def test_what_was_tried_elsewhere_spends_no_rung_here() -> None:
    plan = planned(shop(), "shop", "failing", (UNITS, *ALL), (("mail", "force_restart"),))
    assert [row[0] for row in told(plan)] == ["force_restart"]


def test_nothing_is_rolled_back_where_nothing_was_changed() -> None:
    plan = planned(shop(), "shop", "failing", (UNITS, *ALL), (("shop", "force_restart"),))
    assert plan.steps[0].unable == "no change is known that could be taken back"


@pytest.mark.parametrize(("well", "able"), [(("i2", "i3"), True), (("i2",), False), ((), False)])
def test_an_instance_is_quarantined_only_where_enough_others_are_seen_well(
    well: tuple[str, ...],
    able: bool,  # noqa: FBT001 - a table
) -> None:
    rows = (
        Observation("i1", "failing", State.ABNORMAL),
        *(Observation(uid, "failing", State.HEALTHY) for uid in well),
    )
    tried = (("i1", "force_restart"),)
    plan = planned(shop(), "i1", "failing", (UNITS, *ALL), tried, observations=rows)
    assert plan.steps[0].action == "quarantine"
    assert (plan.steps[0].actor is Actor.KGRAPH) == able
    if not able:
        assert "others are seen well, and it needs 2" in plan.steps[0].unable


def test_a_member_that_two_relations_tie_to_its_group_is_counted_once() -> None:
    plant = shop()
    plant.join("shop", "DEPENDS_ON", "i2", "instances", 2)
    rows = (
        Observation("i1", "failing", State.ABNORMAL),
        Observation("i2", "failing", State.HEALTHY),
    )
    tried = (("i1", "force_restart"),)
    plan = planned(plant, "i1", "failing", (UNITS, *ALL), tried, observations=rows)
    assert "only 1 others are seen well, and it needs 2" in plan.steps[0].unable


def test_what_a_site_brings_does_what_is_else_for_a_person() -> None:
    plan = planned(estate(), "h1", "degraded", (SITE, LOG))
    assert {(s.actuator, s.endpoint, s.effect) for s in plan.steps} == {
        ("hook", "site", "applied")
    }
    assert plan.steps[0].parameters == {"kind": "Host", "name": "h1"}
    alone = planned(estate(), "h1", "degraded", (LOG,))
    assert {step.actor for step in alone.steps} == {Actor.NOBODY}
    assert "a person" in alone.steps[0].unable


def test_a_hook_is_not_waited_for_as_long_as_a_person_would_be() -> None:
    """It would hold its entity under a lease all day, over a restart of kgraph, too."""
    plan = planned(estate(), "h1", "degraded", (SITE, LOG))
    deadlines = {step.action: step.terms.deadline for step in plan.steps}
    assert deadlines == {"cordon": timedelta(minutes=2), "migrate": timedelta(minutes=15)}
    shut = replace(SITE, actions=frozenset({"quarantine"}))
    rows = tuple(Observation(f"i{n}", "failing", State.HEALTHY) for n in (2, 3))
    tried = (("i1", "force_restart"),)
    plan = planned(shop(), "i1", "failing", (shut, LOG), tried, observations=rows)
    assert (plan.steps[0].action, plan.steps[0].actor) == ("quarantine", Actor.KGRAPH)
    assert plan.steps[0].terms.deadline == timedelta(minutes=2)


def test_the_own_actuator_of_an_action_comes_before_what_a_site_brings() -> None:
    own = replace(SITE, actions=frozenset({"fence", "start_elsewhere"}))
    assert planned(estate(), "h1", "down", (own, POWER, LOG)).steps[0].endpoint == "bmc"
    assert planned(estate(), "h1", "down", (own, LOG)).steps[0].endpoint == "site"


def test_what_the_checker_objects_to_is_left_to_nobody_and_says_why() -> None:
    plant = estate()
    plant.service("shop", 1, "v1")
    # The site's own remedy for a slow guest resets it; here it is the last one that works.
    text = (
        "format: kgraph.remedies/v1\n"
        "actions: [{name: cut, kinds: [VirtualMachine], by: hook, effect: applied, does: stops}]\n"
        "remedies: [{for: [Host.overloaded], steps:"
        " [{action: cut, of: VirtualMachine.starved, why: w}]}]"
    )
    catalogue = compose((("f", text),))
    cause = Cause("h1", "Host", "overloaded", 0.9, {}, 3, (), (), 0)
    answer = Answer("i", (cause,), (), (), BlastRadius(()), (), 0.0, 0.0, "m", "")
    rows = (
        Observation("h1", "overloaded", State.ABNORMAL),
        Observation("v1", "starved", State.ABNORMAL),
    )
    incident = Incident("i", tuple(plant.entities.values()), tuple(plant.relations), rows)
    plan = plan_for(answer, incident, catalogue, (replace(SITE, actions=frozenset({"cut"})),))
    assert plan is not None
    (step,) = plan.steps
    assert step.actor is Actor.NOBODY
    assert step.unable == (
        f"{REFUSED}last replica: Service shop would lose the last it has: VirtualMachine v1"
    )


def test_what_another_plan_repairs_just_now_counts_as_broken() -> None:
    plant = estate()
    plant.service("shop", 1, "v1", "v2")
    rows = (Observation("v1", "starved", State.ABNORMAL),)
    text = (
        "format: kgraph.remedies/v1\n"
        "actions: [{name: cut, kinds: [VirtualMachine], by: hook, effect: applied, does: stops}]\n"
        "remedies: [{for: [VirtualMachine.starved], steps: [{action: cut, why: w}]}]"
    )
    cause = Cause("v1", "VirtualMachine", "starved", 0.9, {}, 3, (), (), 0)
    answer = Answer("i", (cause,), (), (), BlastRadius(()), (), 0.0, 0.0, "m", "")
    incident = Incident("i", tuple(plant.entities.values()), tuple(plant.relations), rows)
    asked = (
        answer,
        incident,
        compose((("f", text),)),
        (replace(SITE, actions=frozenset({"cut"})),),
    )
    alone, beside = plan_for(*asked), plan_for(*asked, repairing={"v2"})
    assert alone is not None
    assert beside is not None
    assert alone.steps[0].actor is Actor.KGRAPH
    assert beside.steps[0].actor is Actor.NOBODY
    assert "would lose the last it has" in beside.steps[0].unable


EVERY = {
    "restart", "reset", "resume", "start", "shut_down", "migrate", "migrate_cold", "fence",
    "evacuate", "stop", "drain", "fail_over", "rebuild", "reattach", "free", "extend", "check",
    "cordon", "uncordon", "quarantine", "snapshot", "restore", "scale_out", "degrade", "roll_back",
    "notify",
}  # fmt: skip


def test_every_action_that_operators_expect_is_declared_with_all_that_it_must_have() -> None:
    assert set(CATALOGUE.actions) >= EVERY
    for action in CATALOGUE.actions.values():
        assert action.by, action.name
        assert action.terms.deadline.total_seconds() > 0, action.name
        if action.risk.value != "none":
            assert action.duration.total_seconds() > 0, action.name
            assert action.cost > 0 or action.name == "power_on", action.name


def test_the_shipped_ladders_go_from_the_mild_to_what_hurts() -> None:
    said = [row.what for row in lint(CATALOGUE) if "rung" in row.what]
    assert said == []


@pytest.mark.parametrize(
    ("ladder", "said"),
    [
        (
            "[{steps: [{action: restart, why: w}]}, {steps: [{action: reload, why: w}]}]",
            "rung 2 is milder",
        ),
        (
            "[{steps: [{action: reload, why: w}]}, {steps: [{action: reload, why: w}]}]",
            "rung 2 is never",
        ),
    ],
)
def test_the_linter_tells_of_a_ladder_that_does_not_go_up(ladder: str, said: str) -> None:
    text = (
        "format: kgraph.remedies/v1\n"
        "actions: [{name: reload, by: systemd, effect: active, inverse: stop, risk: low, cost: 1},"
        " {name: restart, by: systemd, effect: active, inverse: stop, risk: high, cost: 9},"
        " {name: stop, by: systemd, effect: inactive}]\n"
        f"remedies: [{{for: [Host.down], ladder: {ladder}}}]"
    )
    assert any(said in row.what for row in lint(compose((("f", text),))))
