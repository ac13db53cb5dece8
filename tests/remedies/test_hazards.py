"""What could go wrong, and how it is taken back: told for every action that kgraph itself does."""

from __future__ import annotations

from dataclasses import replace

from kgraph.schema import Actor, Risk
from remedies import load_catalogue
from remedies.actions import PERSON
from remedies.hazards import _HAZARDS, by_hand, hazards
from tests.remedies.fake_estate import CHECK, RESTART, RESUME, plan_of

PLAN = plan_of(RESTART, CHECK, *(replace(RESUME, entity=v, name=v) for v in ("v1", "v2")))


def test_each_action_that_kgraph_does_says_what_could_go_wrong() -> None:
    for action in load_catalogue().actions.values():
        acts = action.by != PERSON and action.risk is not Risk.NONE
        assert not acts or action.name in _HAZARDS, action.name


def test_an_action_is_told_once_however_many_it_is_done_to() -> None:
    assert [row.partition(":")[0] for row in hazards(PLAN)] == ["restart", "resume"]
    left = replace(PLAN, steps=tuple(replace(s, actor=Actor.NOBODY) for s in PLAN.steps))
    assert hazards(left) == []


def test_what_is_not_taken_back_by_itself_is_taken_back_by_hand_or_never() -> None:
    assert by_hand(PLAN) == ["by hand: suspend v1, v2"]  # the restart is taken back by itself
    many = plan_of(*(replace(RESUME, entity=f"v{n}", name=f"v{n}") for n in range(7)))
    assert by_hand(many) == ["by hand: suspend v0, v1, v2, v3 and 3 more"]
    lasting = plan_of(replace(RESUME, action="reset", inverse=""))
    assert by_hand(lasting) == ["nothing takes back: reset"]
