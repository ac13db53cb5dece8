"""The crash matrix: killed at every point of every action, then started again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kgraph.schema import (
    Fault,
    JournalEntry,
    Lease,
    Plan,
    PlanState,
    PlanStep,
    Risk,
    StepState,
    Terms,
)
from kgraph.store import GraphStore
from remedies import Look, Task
from tests.remedies.fake_estate import (
    CHECK,
    RESTART,
    RESUME,
    Estate,
    KilledError,
    Night,
    Thing,
    plan_of,
)

START = replace(RESUME, action="start", inverse="shut_down", terms=Terms(timedelta(seconds=30)))
RESET = replace(
    RESUME, action="reset", inverse="", effect="rebooted", terms=Terms(timedelta(seconds=30))
)
FORCE = replace(RESTART, action="restart", effect="restarted")
NOTIFY = replace(RESTART, action="notify", effect="told", risk=Risk.NONE, undo_if=(), inverse="")
GUEST = Fault("v1", "down")
ONE: dict[str, tuple[PlanStep, str, Fault]] = {
    "resume": (RESUME, "paused", GUEST),
    "start": (START, "off", GUEST),
    "reset": (RESET, "running", GUEST),
    "restart": (RESTART, "inactive", Fault("x", "down")),
    "force_restart": (FORCE, "active", Fault("x", "hung")),
    "notify": (NOTIFY, "active", Fault("x", "down")),
}


class Dying:
    """A store under which the process is killed right before one journal entry is written."""

    def __init__(self, store: GraphStore, state: StepState) -> None:
        self._store, self._state = store, state

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def write_journal(self, entry: JournalEntry, lease: Lease | None = None) -> None:
        if entry.state is self._state:
            raise KilledError
        self._store.write_journal(entry, lease)


def story(action: str) -> tuple[Estate, Plan]:
    step, state, cause = ONE[action]
    ill = step.effect in {"rebooted", "restarted"}
    estate = Estate({step.entity: Thing(state, ill=ill)})
    # A plan that only tells people is no plan that could be carried out.
    rest = () if step.risk is not Risk.NONE else (RESTART,)
    return estate, plan_of(step, *rest, cause=cause)


def killed(night: Night, plan: Plan) -> None:
    with pytest.raises(KilledError):
        night.run(plan)
    night.estate.kill_at = None


@pytest.mark.parametrize("action", sorted(ONE))
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_around_an_effect_it_is_reconciled_and_never_done_twice_in_harm(
    store: GraphStore, action: str, moment: str
) -> None:
    estate, plan = story(action)
    name = plan.steps[0].action
    estate.kill_at = (moment, name)
    night = Night(store, estate)
    night.begin(plan)
    killed(night, plan)
    night.restart()
    record = night.run(plan)
    done = estate.log.count(f"{name} {plan.steps[0].entity}")
    if action == "reset":
        # Nothing shows whether a running guest was reset: a person decides.
        assert record.state is PlanState.NEEDS_HUMAN
        assert night.states(plan)[-1] == "1 indeterminate 1"
        assert done == (1 if moment == "after" else 0)
        return
    assert record.state is PlanState.DONE, record.because
    assert done <= (2 if plan.steps[0].terms.repeatable else 1)
    assert done >= 1


def test_who_goes_on_with_a_step_is_told_that_it_may_be_half_done(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate, plan = Estate({"x": Thing("inactive")}), plan_of(RESTART, CHECK)
    estate.kill_at = ("before", "restart")
    told: list[tuple[str, str, bool]] = []
    look, act = estate.look, estate.act

    def looking(task: Task) -> Look:
        told.append(("look", task.action, task.begun))
        return look(task)

    def acting(task: Task) -> str:
        told.append(("act", task.action, task.begun))
        return act(task)

    monkeypatch.setattr(estate, "look", looking)
    monkeypatch.setattr(estate, "act", acting)
    night = Night(store, estate)
    night.begin(plan)
    killed(night, plan)
    assert set(told) == {("look", "restart", False), ("act", "restart", False)}
    told.clear()
    night.restart()
    assert night.run(plan).state is PlanState.DONE
    assert set(told) == {
        ("look", "restart", True),
        ("act", "restart", True),
        ("look", "check", False),
    }


def test_what_an_earlier_process_may_have_brought_back_is_ours_to_take_back(
    store: GraphStore,
) -> None:
    estate = Estate({"x": Thing("active", ill=True, sound=False)})
    plan = plan_of(FORCE, CHECK, cause=Fault("x", "hung"))
    estate.kill_at = ("after", "restart")
    night = Night(store, estate)
    night.begin(plan)
    killed(night, plan)
    night.restart()
    assert night.run(plan).state is PlanState.COMPENSATED
    assert estate.log[-1] == "stop x"


@pytest.mark.parametrize("action", sorted(set(ONE) - {"reset"}))
def test_killed_before_the_commit_it_is_committed_from_what_is_seen(
    store: GraphStore, action: str
) -> None:
    estate, plan = story(action)
    night = Night(Dying(store, StepState.DONE), estate)  # type: ignore[arg-type] # delegates all
    night.begin(plan)
    killed(night, plan)
    night.store = store
    night.restart()
    assert night.run(plan).state is PlanState.DONE
    assert "1 done 1" in night.states(plan)


@pytest.mark.parametrize("action", sorted(ONE))
def test_killed_before_the_intent_nothing_was_done_and_it_begins_then(
    store: GraphStore, action: str
) -> None:
    estate, plan = story(action)
    night = Night(Dying(store, StepState.RUNNING), estate)  # type: ignore[arg-type] # delegates all
    night.begin(plan)
    killed(night, plan)
    assert estate.log == []
    night.store = store
    night.restart()
    assert night.run(plan).state is PlanState.DONE


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_while_it_is_taken_back_it_goes_on_taking_back(
    store: GraphStore, moment: str
) -> None:
    estate = Estate({"x": Thing("inactive", sound=False)})
    plan = plan_of(RESTART, CHECK)
    estate.kill_at = (moment, "stop")
    night = Night(store, estate)
    night.begin(plan)
    killed(night, plan)
    night.restart()
    assert night.run(plan).state is PlanState.COMPENSATED
    assert estate.things["x"].state == "inactive"
    assert estate.log.count("stop x") == 1


def test_what_cannot_be_taken_back_is_for_a_person(store: GraphStore) -> None:
    estate = Estate({"x": Thing("inactive", sound=False)})
    step = replace(RESTART, inverse="melt", undo_effect="inactive")
    plan, night = plan_of(step, CHECK), Night(store, estate)
    night.begin(plan)
    record = night.run(plan)
    assert record.state is PlanState.NEEDS_HUMAN
    assert "could not be taken back" in record.because


def test_killed_while_verifying_the_settling_time_begins_anew(store: GraphStore) -> None:
    estate, plan = story("restart")
    night = Night(store, estate)
    night.begin(plan)
    for _ in range(50):
        night.tick()
    night.restart()
    at = night.now
    assert night.run(plan).state is PlanState.DONE
    assert night.now - at >= plan.settle
    assert estate.log == ["restart x"]


def test_what_is_killed_again_and_again_is_given_up(store: GraphStore) -> None:
    estate, plan = story("resume")
    night = Night(store, estate)
    night.begin(plan)
    for _ in range(3):
        estate.kill_at = ("before", "resume")
        killed(night, plan)
        night.restart()
    record = night.run(plan)
    assert record.state is PlanState.NEEDS_HUMAN
    assert "begun 3 times and never finished" in record.because
    assert estate.log == []


def test_a_restart_without_any_connection_waits_then_leaves_it_to_a_person(
    store: GraphStore,
) -> None:
    estate, plan = story("start")
    estate.kill_at = ("after", "start")
    night = Night(store, estate)
    night.begin(plan)
    killed(night, plan)
    estate.blind = True
    night.restart()
    record = night.run(plan)
    assert record.state is PlanState.NEEDS_HUMAN
    assert estate.log == ["start v1"]
    assert "cannot be looked at" in record.because
