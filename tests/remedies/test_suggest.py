"""Suggested plans: the cause once, then what it left behind; nothing where nothing is sure."""

import pytest

from kgraph.schema import (
    KINDS,
    Answer,
    BlastRadius,
    Cause,
    ConfigurationError,
    Entity,
    Fault,
    Hit,
    Risk,
)
from remedies import load_catalogue, suggest
from remedies.remedy import parse

HEAD = "format: kgraph.remedies/v1\n"
ENTITIES = {
    "x": Entity("x", "StorageExport", "nbd1"),
    "h": Entity("h", "Host", "h1"),
    "a": Entity("a", "VirtualMachine", "web-1"),
    "b": Entity("b", "VirtualMachine", "web-2"),
    "s": Entity("s", "Service", "shop"),
}


def answer(entity: str, mode: str, posterior: float = 0.9, *, abstained: str = "") -> Answer:
    kind = ENTITIES[entity].kind
    cause = Cause(entity, kind, mode, posterior, {mode: posterior}, 3, (), (), 0)
    now = (
        Hit("a", "paused_io_error", 0.9, 1),
        Hit("b", "paused_io_error", 0.9, 1),
        Hit("s", "failing", 0.6, 2),
    )
    return Answer("i", (cause,), (), (), BlastRadius(now), (), 0.0, 0.0, "m", abstained)


def test_a_dead_export_is_restarted_and_checked_before_its_guests_are_resumed() -> None:
    plan = suggest(answer("x", "down"), ENTITIES, load_catalogue())
    assert plan is not None
    assert [(step.action, step.entity) for step in plan.steps] == [
        ("restart", "x"),
        ("check", "x"),
        ("resume", "a"),
        ("resume", "b"),
    ]
    assert any("fencing" in line for line in plan.refused)


def test_the_victims_of_a_shared_cause_are_not_repaired_one_by_one() -> None:
    plan = suggest(answer("x", "down"), ENTITIES, load_catalogue())
    assert plan is not None
    assert "s" not in {step.entity for step in plan.steps}


@pytest.mark.parametrize(
    "unsure",
    [answer("x", "down", 0.49), answer("x", "down", abstained="the monitoring failed")],
)
def test_nothing_is_suggested_where_nothing_is_sure(unsure: Answer) -> None:
    assert suggest(unsure, ENTITIES, load_catalogue()) is None


def test_a_fault_without_a_remedy_goes_to_a_person() -> None:
    plan = suggest(answer("s", "slow"), ENTITIES, load_catalogue())
    assert plan is not None
    assert [(step.action, step.risk) for step in plan.steps] == [("notify", Risk.NONE)]


def test_an_isolated_host_is_never_fenced() -> None:
    plan = suggest(answer("h", "isolated"), ENTITIES, load_catalogue())
    assert plan is not None
    assert {step.action for step in plan.steps} == {"notify"}
    assert any("fencing" in line for line in plan.refused)


def test_guests_of_a_dead_host_start_only_after_it_is_confirmed_off() -> None:
    remedy = load_catalogue().for_fault("Host", Fault("h", "down"))
    assert remedy is not None
    actions = [action.action for action in remedy.actions]
    assert actions.index("confirm_off") < actions.index("start")


def test_the_same_answer_gives_the_same_plan_under_the_same_name() -> None:
    catalogue = load_catalogue()
    assert suggest(answer("x", "down"), ENTITIES, catalogue) == suggest(
        answer("x", "down"), ENTITIES, catalogue
    )


def test_every_shipped_remedy_speaks_of_a_fault_that_exists() -> None:
    for kind, mode in load_catalogue().remedies:
        assert mode in KINDS[kind].modes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("format: [", "f:1"),
        ("format: kgraph.remedies/v2\nremedies: []", "format"),
        (
            HEAD + "remedies: [{for: [Hots.down], steps: [{action: a, why: w}]}]",
            "did you mean Host",
        ),
        (
            HEAD + "remedies: [{for: [Host.full], steps: [{action: a, why: w}]}]",
            "Host has no mode 'full'",
        ),
        (HEAD + "remedies: [{for: [Host.down], steps: []}]", "steps"),
    ],
)
def test_a_faulty_catalogue_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        list(parse(text, "f"))
    assert "\n" not in str(caught.value)
