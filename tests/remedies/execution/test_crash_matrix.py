"""The crash matrix, for every action that is declared: killed at each point, then started again.

Each action is taken from the catalogue with its own terms, and done to a thing of which only three
facts matter: whether the effect is there, whether that can be seen, and how often it happened.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from kgraph.schema import (
    Actor,
    Fault,
    JournalEntry,
    Lease,
    Plan,
    PlanDocument,
    PlanRecord,
    PlanState,
    PlanStep,
    Risk,
    Role,
    StepState,
)
from kgraph.schema.plan_documents import identified, plan_text
from kgraph.store import GraphStore
from remedies import Approver, Executor, Facts, Look, Standing, Task, Vantage, load_catalogue
from remedies.actions import PERSON, Action
from tests.remedies.fake_estate import T0, Inline, KilledError

CATALOGUE = load_catalogue()
# A person is asked by a message; that is the crash matrix of `notify`.
ACTIONS = sorted(name for name, action in CATALOGUE.actions.items() if not action.each)
# It looks the same before and after.
UNSEEN = frozenset({"rebooted", "restarted", "reloaded", "told"})
MOMENTS = ("before the intent", "before the effect", "after the effect", "before the commit")


@dataclass
class Switch:
    """One thing that an action is done to."""

    seen: bool
    done: bool = False
    effects: list[str] = field(default_factory=list)
    kill_at: tuple[str, str] | None = None

    def look(self, task: Task) -> Look:
        del task
        if not self.seen:
            return Look(Standing.EITHER, "it looks the same")
        return Look(Standing.DONE if self.done else Standing.READY, f"done: {self.done}")

    def act(self, task: Task) -> str:
        self.die("before the effect", task.action)
        self.effects.append(task.action)
        self.done = True
        self.die("after the effect", task.action)
        return "accepted"

    def die(self, moment: str, action: str) -> None:
        if self.kill_at == (moment, action):
            self.kill_at = None
            raise KilledError


class Dying:
    """A store under which the process dies right before one journal entry is written."""

    def __init__(self, store: GraphStore, states: frozenset[StepState]) -> None:
        self._store, self._states = store, states

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def write_journal(self, entry: JournalEntry, lease: Lease | None = None) -> None:
        if entry.state in self._states:
            raise KilledError
        self._store.write_journal(entry, lease)


def step_of(action: Action) -> PlanStep:
    """The action as one step that an endpoint of a site does."""
    person = action.by == PERSON
    return PlanStep(
        action.name,
        "e1",
        {"uuid": "u1"},
        # What has no risk is only looked at or told; as a lone step it makes no plan.
        risk=action.risk if action.risk is not Risk.NONE else Risk.LOW,
        inverse=action.inverse,
        kind="Thing",
        role=Role.CAUSE,
        actor=Actor.KGRAPH,
        actuator="hook" if person else action.by,
        endpoint="switch",
        effect="applied" if person else action.effect,
        terms=replace(action.terms, attempts=1),
    )


def plan_of(*steps: PlanStep) -> Plan:
    return identified(
        Plan("", "INC-1", Fault("e1", "down"), steps, title="e1 down", settle=timedelta(0))
    )


def facts(now: datetime) -> Facts:
    dead = frozenset({"e1"})
    every = frozenset({"e1", "e2", "e3"})
    looking = tuple(Vantage(name, every, dead) for name in ("libvirt", "ping"))
    site = frozenset({"s"})
    return Facts(now, configured=site, complete=site, vantages=looking)


class Process:
    """An executor that can be killed, and a clock."""

    def __init__(self, store: GraphStore, switch: Switch) -> None:
        self.store, self.switch, self.now = store, switch, T0
        self.made = {"switch": switch, "other": Refusing()}
        self.start(store)

    def start(self, store: GraphStore) -> None:
        self.executor = Executor(store, self.made, "watch", lambda _name, call: _inline(call))

    def begin(self, plan: Plan) -> None:
        text = plan_text(PlanDocument(plan))
        record = PlanRecord(plan.id, plan.incident, PlanState.PROPOSED, self.now, self.now, text)
        self.store.save_plan(record)
        begun = self.executor.begin(record, self.now, facts(self.now), Approver.PERSON, "ada")
        assert isinstance(begun, PlanRecord), begun

    def run(self, plan: Plan) -> PlanRecord:
        for _ in range(4000):
            self.now += timedelta(seconds=1)
            self.executor.tick(self.now, facts(self.now))
            record = self.store.plan(plan.id)
            assert record is not None
            if not record.state.under_way:
                return record
        raise AssertionError("it did not end")


class Refusing:
    """Refuses, so that what was done before is taken back."""

    def look(self, task: Task) -> Look:
        return Look(Standing.UNFIT, f"no {task.action}")

    def act(self, task: Task) -> str:
        raise AssertionError(task)


def _inline(call: Any) -> Inline:
    call()
    return Inline()


def killed_once(process: Process, plan: Plan, store: GraphStore) -> PlanRecord:
    """Run until the process dies; then another one takes up what it left."""
    with pytest.raises(KilledError):
        process.run(plan)
    process.switch.kill_at = None
    process.start(store)
    process.executor.resume_all(process.now)
    return process.run(plan)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", ACTIONS)
def test_killed_at_any_point_of_any_action_it_ends_well_and_is_never_done_twice_in_harm(
    store: GraphStore, name: str, moment: str
) -> None:
    step = step_of(CATALOGUE.actions[name])
    switch, plan = Switch(step.effect not in UNSEEN), plan_of(step)
    kills = {"before the intent": StepState.RUNNING, "before the commit": StepState.DONE}
    dying = Dying(store, frozenset({kills[moment]})) if moment in kills else store
    process = Process(dying, switch)  # type: ignore[arg-type] # delegates all
    process.store = store
    switch.kill_at = (moment, name)
    process.begin(plan)
    record = killed_once(process, plan, store)
    unsure = not switch.seen and not step.terms.repeatable and moment != "before the intent"
    if unsure:
        assert record.state is PlanState.NEEDS_HUMAN
        assert "nothing shows whether it had happened" in record.because
        assert len(switch.effects) <= 1
        return
    assert record.state is PlanState.DONE, record.because
    assert switch.done
    twice = not switch.seen and step.terms.repeatable
    assert 1 <= len(switch.effects) <= (2 if twice else 1)


@pytest.mark.parametrize("moment", ["before the effect", "after the effect"])
@pytest.mark.parametrize("name", [n for n in ACTIONS if CATALOGUE.actions[n].inverse])
def test_killed_while_any_action_is_taken_back_it_goes_on_taking_back(
    store: GraphStore, name: str, moment: str
) -> None:
    step = replace(step_of(CATALOGUE.actions[name]), undo_if=("check",), undo_effect="undone")
    check = replace(step, action="check", endpoint="other", inverse="", undo_if=(), effect="x")
    switch, plan = Undoable(step.effect not in UNSEEN), plan_of(step, check)
    process = Process(store, switch)
    process.begin(plan)
    switch.kill_at = (moment, step.inverse)
    record = killed_once(process, plan, store)
    assert record.state is PlanState.COMPENSATED, record.because
    assert not switch.done
    assert switch.undone == 1


@dataclass
class Undoable(Switch):
    """The same, told apart by the effect that is asked for: an action may be its own inverse."""

    undone: int = 0

    def look(self, task: Task) -> Look:
        if task.effect == "undone":
            return Look(Standing.READY if self.done else Standing.DONE, "undo")
        if not self.seen:
            return Look(Standing.EITHER, "it looks the same")
        return Look(Standing.DONE if self.done else Standing.READY, "do")

    def act(self, task: Task) -> str:
        undo = task.effect == "undone"
        if undo:
            self.die("before the effect", task.action)
        self.done = not undo
        self.undone += undo
        if undo:
            self.die("after the effect", task.action)
        return "accepted"
