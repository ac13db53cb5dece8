"""A plan that brings guests to other hosts says where to, for each host once."""

from __future__ import annotations

from dataclasses import replace

from kgraph.cli.plan import steps
from kgraph.incidents.advice import stands, where_to
from kgraph.schema import Actor, PlanDocument, PlanStep, Risk, Role
from tests.remedies.estates import plan, step


def test_a_step_says_which_host_it_brings_something_to() -> None:
    moved = step("start_elsewhere", "web-1", to="h2", toName="host-2")
    assert where_to(moved) == " to host-2"
    assert where_to(PlanStep("resume", "web-1")) == ""
    line, why = steps(PlanDocument(plan(moved)), [])
    assert line == "1 start elsewhere web-1 to host-2"
    assert why.startswith("  ")


def test_what_is_done_alike_to_several_is_said_once_and_names_them_all() -> None:
    both = [step("resume", name) for name in ("web-1", "web-2")]
    other = replace(step("resume", "web-3"), risk=Risk.HIGH)
    told = steps(PlanDocument(plan(*both, other, both[0])), [])
    assert told[::2] == ["1-2 resume web-1, web-2", "3 resume web-3", "4 resume web-1"]


def test_a_plan_that_only_a_person_carries_out_says_who_has_to_do_what() -> None:
    room = replace(
        step("ask", "pool-1", what="make room"),
        actor=Actor.PERSON,
        actuator="notify",
        risk=Risk.NONE,
    )
    assert stands(plan(room)) == f"for a person: make room ({room.title})"
    by_hand = replace(room, action="replace", parameters={}, risk=Risk.MEDIUM)
    nobody = replace(by_hand, actor=Actor.NOBODY, unable="a person: nothing would show it")
    assert stands(plan(nobody)) == f"for a person: replace ({room.title})"


def test_a_plan_that_cannot_be_carried_out_says_whether_a_way_or_a_reason_is_missing() -> None:
    lacking = replace(
        step("restart", "shop"),
        actor=Actor.NOBODY,
        actuator="systemd",
        unable="no way to act: none",
    )
    assert stands(plan(lacking)) == "suggest only: no way to act"
    shop = replace(lacking, role=Role.CAUSE)
    some = stands(plan(shop, step("resume", "web-1"), step("resume", "web-2")))
    assert some == "suggest only: no way to act in 1 of 3 steps"
    wrong = replace(lacking, unable="it would take the last one that works")
    assert stands(plan(wrong)) == "suggest only: it must not be done just so"
    told = replace(lacking, action="notify", actor=Actor.KGRAPH, actuator="notify", risk=Risk.NONE)
    assert stands(plan(told)) == "there is nothing to change: people are told"
    assert stands(plan(step("resume", "web-1"))) == "proposed: nothing was done"
