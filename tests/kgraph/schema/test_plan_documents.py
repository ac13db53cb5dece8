"""Plans as documents: nothing is lost on the way, and a newer program's fields strand none."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kgraph.schema import (
    Actor,
    Fault,
    InputError,
    Outcome,
    Plan,
    PlanDocument,
    PlanState,
    PlanStep,
    Risk,
    Role,
    Run,
    Terms,
)
from kgraph.schema.plan_documents import dump_plan, identified, parse_plan, plan_text

T0 = datetime(2026, 1, 1, 3, tzinfo=UTC)
STEP = PlanStep(
    "resume",
    "v1",
    {"uuid": "u", "uri": "qemu:///system"},
    Risk.MEDIUM,
    "suspend",
    timedelta(seconds=2),
    "it paused",
    "VirtualMachine",
    "web-1",
    Role.VICTIM,
    Actor.KGRAPH,
    "libvirt",
    "guests",
    "",
    ("check",),
    "paused",
    ("paused_by_fault",),
    "running",
    (("v1", "paused"),),
    Terms(timedelta(seconds=20), 3, timedelta(seconds=0.5), timedelta(seconds=1), repeatable=True),
    ("v1", "s"),
)
PLAN = identified(
    Plan(
        "",
        "INC-0001",
        Fault("x", "down"),
        (STEP, PlanStep("notify", "x")),
        ("fencing (no)",),
        "StorageExport x down",
        "left behind",
        (("v1", "paused"),),
        timedelta(seconds=45),
        ("v1", "x"),
        runbook=("look at it",),
    )
)
DOCUMENT = PlanDocument(
    PLAN,
    (
        Run(T0, 0, "person: anna", (("s", "errors"),), T0, PlanState.DONE, Outcome.HELPED),
        Run(T0, 4, unseen=("h1",), against=("v1",)),
    ),
)


def test_a_plan_comes_back_as_it_went() -> None:
    assert parse_plan(plan_text(DOCUMENT), where="") == DOCUMENT
    assert parse_plan(dump_plan(DOCUMENT), where="") == DOCUMENT


def test_the_same_content_has_the_same_id_and_other_content_another() -> None:
    assert identified(replace(PLAN, id="P-other")) == PLAN
    assert identified(replace(PLAN, refused=())).id != PLAN.id
    assert identified(replace(PLAN, incident="INC-0002")).id != PLAN.id


def test_what_a_newer_program_adds_is_passed_over_and_what_is_missing_has_a_default() -> None:
    raw = dump_plan(DOCUMENT) | {"colour": "red"}
    raw["steps"] = [{"action": "resume", "entity": "v1", "mood": "good"}]
    del raw["symptoms"]
    plan = parse_plan(json.dumps(raw), where="").plan
    assert plan.steps == (PlanStep("resume", "v1"),)
    assert plan.symptoms == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ('{"format": "kgraph.plan/v2"}', "format"),
        ('{"format": "kgraph.plan/v1", "id": "P"}', "incident: is missing"),
    ],
)
def test_what_is_no_plan_is_told_in_one_line(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        parse_plan(text, where="plan P-1")
    assert str(caught.value).startswith("plan P-1: ")
    assert "\n" not in str(caught.value)


def test_a_plan_can_be_carried_out_if_the_cause_is_done_by_somebody() -> None:
    cause = replace(STEP, role=Role.CAUSE)
    nobody = replace(cause, actor=Actor.NOBODY)
    person = replace(cause, actor=Actor.PERSON, risk=Risk.NONE)
    victim = replace(nobody, role=Role.VICTIM)
    for steps, why in (
        ((cause, victim), ""),
        ((person, STEP), ""),
        ((nobody, STEP), f"step 1, {STEP.action} {STEP.title}: no way to act is configured"),
        ((cause, replace(nobody, unable="no route")), "step 2, "),
        ((replace(victim, unable="no route"),), "no route"),
        ((person,), "it is for a person to do"),
        ((replace(cause, risk=Risk.NONE),), "only looks or tells"),
        ((), "it has no step"),
    ):
        plan = replace(PLAN, steps=steps)
        assert plan.executable is (not why)
        assert (why in plan.impediment) if why else not plan.impediment


def test_a_plan_is_as_risky_as_its_riskiest_step() -> None:
    assert PLAN.risk is Risk.MEDIUM
    assert replace(PLAN, steps=()).risk is Risk.NONE
