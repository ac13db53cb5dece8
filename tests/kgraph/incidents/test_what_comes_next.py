"""What a tired person is told to do first, and in which way the cause is told to fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from kgraph.incidents import Case, Label, build
from kgraph.schema import Change, Entity, NextCheck, Observation, State


def _text(case: Case, label: Label) -> str:
    section = build(case).section(label)
    return "\n".join(section.lines).replace("\N{NO-BREAK SPACE}", " ") if section else ""


def _less_sure(case: Case, *checks: NextCheck, chance: float = 0.7) -> Case:
    answer = case.answer
    cause = replace(answer.causes[0], posterior=chance)
    causes = (cause, *answer.causes[1:])
    return replace(case, answer=replace(answer, causes=causes, next_checks=checks))


@pytest.mark.parametrize(
    ("entity", "gain", "begins", "later"),
    [
        ("stor1", 0.3, "ping", ""),
        ("stor1", 0.02, "by hand: restart", "ping"),
        ("export", 0.02, "ping", ""),
    ],
    ids=["it tells much", "of something else, next to nothing", "of the cause itself"],
)
def test_a_look_elsewhere_that_tells_next_to_nothing_holds_up_no_repair(
    storage_case: Case, entity: str, gain: float, begins: str, later: str
) -> None:
    look = NextCheck(entity, "unreachable", gain, "ping -c 3 stor1", "stor1 down from well")
    case = _less_sure(storage_case, look)
    assert _text(case, Label.NEXT).startswith(begins)
    assert _text(case, Label.CHECK).partition(" ")[0] == later  # it is told all the same


@pytest.mark.parametrize(
    ("state", "begins"),
    [(State.ABNORMAL, "systemctl"), (State.HEALTHY, "by hand: restart")],
)
def test_what_is_down_and_not_explained_is_looked_at_before_a_cause_is_repaired_that_is_certain(
    storage_case: Case, state: State, begins: str
) -> None:
    look = NextCheck("other", "down", 0.3, "systemctl status redis", "redis failing from well")
    case = _less_sure(storage_case, look, chance=0.95)
    rows = (*case.incident.observations, Observation("other", "down", state))
    entities = (*case.incident.entities, Entity("other", "Database", "redis"))
    case = replace(case, incident=replace(case.incident, observations=rows, entities=entities))
    assert _text(case, Label.NEXT).startswith(begins)


def test_of_suspects_that_nothing_tells_apart_none_is_looked_at_for_another_reason(
    storage_case: Case,
) -> None:
    look = NextCheck("stor1", "errors", 0.02, "systemctl status api", "api failing from well")
    case = _less_sure(storage_case, look, chance=0.4)
    doubt = "no suspect is sure enough to be repaired: compare those under ELSE"
    assert _text(case, Label.NEXT) == doubt
    assert _text(case, Label.CHECK).startswith("systemctl status api")


def test_a_cause_of_which_only_good_was_seen_is_looked_at_before_it_is_repaired(
    storage_case: Case, with_answer: Callable[..., Case]
) -> None:
    rows = [
        replace(row, state=State.HEALTHY, signal="hung") if row.entity == "export" else row
        for row in storage_case.incident.observations
    ]
    case = with_answer(next_checks=())
    case = replace(case, incident=replace(case.incident, observations=tuple(rows)))
    assert _text(case, Label.NEXT).startswith(
        "look at nbd1/vmstore itself: nothing that is seen of it says so; then"
    )


@pytest.mark.parametrize(
    ("kind", "minutes", "told"),
    [
        ("rebooted", 2, "wait for it, if that is why: rebooted ticket 7, 72 s before; else"),
        ("maintenance", 2, "wait for it, if that is why: maintenance ticket 7, 72 s before; else"),
        ("rebooted", 40, "by hand: restart"),
        ("restarted", 2, "by hand: restart"),
    ],
)
def test_a_reboot_of_just_before_is_waited_for_and_not_undone(
    with_answer: Callable[..., Case], kind: str, minutes: int, told: str
) -> None:
    case = with_answer(next_checks=())
    made = Change("export", kind, case.now - timedelta(minutes=minutes), "ticket 7")
    case = replace(case, incident=replace(case.incident, changes=(made,)))
    assert _text(case, Label.NEXT).startswith(told)


@pytest.mark.parametrize(
    ("hung", "told"), [(0.1, "DOWN"), (0.4, "DOWN or HUNG")], ids=["unlikely", "half as likely"]
)
def test_a_second_way_to_fail_is_told_where_it_is_half_as_likely(
    storage_case: Case, with_answer: Callable[..., Case], hung: float, told: str
) -> None:
    cause = replace(storage_case.answer.causes[0], modes={"down": 0.5, "hung": hung})
    lines = _text(with_answer(causes=(cause,)), Label.CAUSE)
    assert lines.endswith(f"StorageExport nbd1/vmstore {told}")
