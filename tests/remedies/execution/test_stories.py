"""Golden stories: estate, fault, plan and a virtual clock; the whole log, reviewed as a diff."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kgraph.schema import Actor, Fault, Halt, Plan, PlanStep, Risk, Terms
from kgraph.store import GraphStore
from tests.remedies.fake_estate import (
    CHECK,
    RESTART,
    RESUME,
    Estate,
    Night,
    Thing,
    export_story,
    plan_of,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "repairs"
ASK = PlanStep(
    "ask",
    "p",
    {"what": "make room"},
    risk=Risk.NONE,
    kind="StoragePool",
    name="vmpool",
    actor=Actor.PERSON,
    actuator="notify",
    endpoint="estate",
    effect="told",
    awaits=(("p", "full"),),
    terms=Terms(timedelta(hours=8), repeatable=True),
    why="nothing on it can write until there is room",
)


def rest(night: Night, plan: Plan) -> str:
    """Let the night go on until the plan has ended; return the log of all of it."""
    record = night.run(plan)
    ended = f"{record.state.value}: {record.because}"
    effects = ", ".join(night.estate.log) or "none"
    return "\n".join([*night.said, f"effects: {effects}", f"ended: {ended}", ""])


def export_restart(store: GraphStore) -> str:
    estate, plan = export_story()
    night = Night(store, estate)
    night.begin(plan)
    return rest(night, plan)


def another_disk(store: GraphStore) -> str:
    """The export comes back with another disk: it is stopped again, and nothing resumes."""
    estate, plan = export_story(2)
    estate.things["x"].sound = False
    night = Night(store, estate)
    night.begin(plan)
    return rest(night, plan)


def one_guest_stays_paused(store: GraphStore) -> str:
    """One guest does not resume; the others do, and the export is left running."""
    estate, plan = export_story(3)
    estate.things["v2"].fails = 9
    night = Night(store, estate)
    night.begin(plan)
    return rest(night, plan)


def pool_full(store: GraphStore) -> str:
    """A person is asked, does it after half an hour, and the guests resume."""
    things = {"p": Thing("full"), "v1": Thing("paused"), "v2": Thing("paused")}
    steps = [ASK, *(replace(RESUME, entity=v, name=f"web-{v[1]}") for v in ("v1", "v2"))]
    plan, night = plan_of(*steps, cause=Fault("p", "full")), Night(store, Estate(things))
    night.begin(plan)
    for _ in range(30):
        night.tick(60)
    night.estate.things["p"].state = "roomy"
    return rest(night, plan)


def halted_in_the_middle(store: GraphStore) -> str:
    """The kill switch is thrown while guests are being resumed."""
    estate, plan = export_story(2)
    night = Night(store, estate)
    night.begin(plan)
    night.tick()
    store.halt(Halt(night.now, "wrong estate"))
    return rest(night, plan)


def did_not_help(store: GraphStore) -> str:
    """Every step works, and the symptom stays."""
    estate, plan = export_story(1)
    plan = replace(plan, symptoms=(*plan.symptoms, ("s", "errors")))
    night = Night(store, estate)
    estate.things["s"] = Thing("failing")
    night.begin(plan)
    return rest(night, plan)


def made_worse(store: GraphStore) -> str:
    """Something in the plan's reach breaks that was well before."""
    estate, plan = export_story(1)
    plan = replace(plan, reach=(*plan.reach, "s"))
    estate.things["s"] = Thing("active")
    night = Night(store, estate)
    night.begin(plan)
    night.tick()
    estate.things["s"].state = "failing"
    return rest(night, plan)


def effect_hangs(store: GraphStore) -> str:
    """An effect never comes back: nobody repeats it, and a person decides."""
    estate, plan = export_story(2)
    estate.things["v1"].hangs = True
    night = Night(store, estate)
    night.begin(plan)
    return rest(night, plan)


def came_back_by_itself(store: GraphStore) -> str:
    """Everything is well when its turn comes: nothing is done to it."""
    estate, plan = export_story(1)
    night = Night(store, estate)
    night.begin(plan)
    estate.things = {"x": Thing("active"), "v1": Thing("running")}
    return rest(night, plan)


def symptom_comes_back(store: GraphStore) -> str:
    """Quiet for a while is not gone: the settling time begins anew."""
    estate, plan = export_story(1, fails=0)
    night = Night(store, estate)
    night.begin(plan)
    for _ in range(20):
        night.tick(1)
    estate.things["x"].state = "inactive"
    night.tick(1)
    estate.things["x"].state = "active"
    return rest(night, plan)


STORIES: tuple[Callable[[GraphStore], str], ...] = (
    export_restart,
    another_disk,
    one_guest_stays_paused,
    pool_full,
    halted_in_the_middle,
    did_not_help,
    made_worse,
    effect_hangs,
    came_back_by_itself,
    symptom_comes_back,
)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_the_log_of_a_story_is_as_reviewed(
    store: GraphStore, story: Callable[[GraphStore], str]
) -> None:
    path, text = GOLDEN / f"{story.__name__}.txt", story(store)
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


def test_what_is_stopped_again_is_the_restart_and_nothing_else(store: GraphStore) -> None:
    assert CHECK.action in RESTART.undo_if
    assert RESUME.undo_if == ()
    assert "stop x" in another_disk(store)
