"""Laws that hold whatever happens, in whatever order: I4, I6 and I7 of the design.

I4: no intent under a stale token, no effect with a stale precondition. I6: every plan ends.
I7: no effect while halted.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kgraph.schema import INTENTS, Halt, PlanRecord, PlanState
from remedies import Look, Task
from remedies.execution import time_for
from remedies.execution.step_moves import FRESH
from remedies.execution.verify import PATIENCE
from tests.remedies.fake_estate import Estate, KilledError, Night, Thing, export_story
from tests.stores import new_store

_ENDS = {PlanState.DONE, PlanState.COMPENSATED, PlanState.NEEDS_HUMAN}


class Witnessed(Estate):
    """An estate that writes down each effect that was not allowed in the moment it happened.

    It does not raise: the executor rightly takes whatever an effect raises for its failure.
    """

    night: Night
    broken: list[str]
    looked: dict[str, datetime]
    touches: list[str]  # step -> the entity that it acts on

    def look(self, task: Task) -> Look:
        self.looked[task.entity] = self.night.now
        return super().look(task)

    def act(self, task: Task) -> str:
        self.broken += self._objections(task)
        return super().act(task)

    def _objections(self, task: Task) -> Iterator[str]:
        night = self.night
        if night.store.halted() is not None:
            yield f"{task.action} while halted"
        held = {lease.name: lease for lease in night.store.leases(now=night.now)}
        intents = [
            entry
            for entry in night.store.journal(task.plan)
            if entry.state in INTENTS and self.touches[entry.step] == task.entity
        ]
        if task.entity not in held or not intents:
            yield f"{task.action} without a lease or an intent"
        elif intents[-1].token != held[task.entity].token:
            yield f"{task.action} under a stale token"
        looked_at = self.looked.get(task.entity)
        # Seen in this tick or, where looks come back late, in the one before.
        if looked_at is None or night.now - looked_at > timedelta(seconds=night.span) + FRESH:
            yield f"{task.action} with a stale precondition"


class Repair(RuleBasedStateMachine):
    """One plan; kills, halts, pauses of the process, failing and hanging effects."""

    @initialize(
        guests=st.integers(1, 3), sound=st.booleans(), fails=st.integers(0, 4), slow=st.booleans()
    )
    def begin(self, guests: int, sound: bool, fails: int, slow: bool) -> None:  # noqa: FBT001 - hypothesis
        self.folder = tempfile.TemporaryDirectory(prefix="laws-")
        store = new_store(Path(self.folder.name) / "laws.db")
        estate, self.plan = export_story(guests, fails)
        estate.things["x"].sound = sound
        witnessed = Witnessed(estate.things)
        witnessed.broken, witnessed.looked = [], {}
        witnessed.touches = [step.entity for step in self.plan.steps]
        self.broken = witnessed.broken
        self.night = Night(store, witnessed, slow=slow)
        witnessed.night = self.night
        self.night.begin(self.plan)
        self.began: datetime = self.night.now

    def _tick(self, seconds: float) -> None:
        try:
            self.night.tick(seconds)
        except KilledError:
            self.night.estate.kill_at = None
            self.night.restart()

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 5.0]))
    def ticks(self, seconds: float) -> None:
        self._tick(seconds)

    @rule()
    def sleeps_past_its_leases(self) -> None:
        self._tick(200)

    @rule(
        moment=st.sampled_from(["before", "after"]),
        action=st.sampled_from(["restart", "resume", "stop"]),
    )
    def is_killed_at_an_effect(self, moment: str, action: str) -> None:
        self.night.estate.kill_at = (moment, action)

    @rule()
    def is_killed_between_ticks(self) -> None:
        self.night.restart()

    @rule()
    def is_halted(self) -> None:
        self.night.store.halt(Halt(self.night.now, "law"))

    @rule()
    def is_lifted(self) -> None:
        self.night.store.lift_halt()

    @rule(state=st.sampled_from(["running", "paused", "off"]))
    def a_guest_changes_by_itself(self, state: str) -> None:
        self.night.estate.things["v1"].state = state

    @rule()
    def an_effect_hangs(self) -> None:
        self.night.estate.things["v1"].hangs = True

    @rule()
    def nobody_can_look(self) -> None:
        self.night.estate.blind = True

    @rule()
    def one_can_look_again(self) -> None:
        self.night.estate.blind = False

    @rule()
    def another_takes_the_guest(self) -> None:
        self.night.store.acquire("v1", "stranger", ttl=timedelta(seconds=30), now=self.night.now)

    @invariant()
    def no_effect_was_out_of_order(self) -> None:
        assert getattr(self, "broken", []) == []

    @invariant()
    def every_intent_has_a_token_that_grows(self) -> None:
        if not hasattr(self, "plan"):
            return
        seen: dict[int, int] = {}
        for entry in self.night.store.journal(self.plan.id):
            if entry.state in INTENTS:
                assert entry.token >= seen.get(entry.step, 1)
                seen[entry.step] = entry.token

    def teardown(self) -> None:
        if not hasattr(self, "plan"):
            return
        try:
            self._ends()
        finally:
            self.night.store.close()
            self.folder.cleanup()

    def _ends(self) -> None:
        """I6: left alone, it ends by its deadline."""
        end = self.night.now + time_for(self.plan) + self.plan.settle * 2 + PATIENCE * 2
        while self.night.now < end:
            record: PlanRecord | None = self.night.store.plan(self.plan.id)
            assert record is not None
            if record.state in _ENDS:
                assert record.because
                assert self.broken == []
                return
            self._tick(5)
        raise AssertionError("\n".join(["it did not end:", *self.night.said[-30:]]))


Repair.TestCase.settings = settings(
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestRepair = Repair.TestCase


def test_the_witness_does_object() -> None:
    # A law that nothing can break is none.
    with tempfile.TemporaryDirectory(prefix="laws-") as folder:
        store = new_store(Path(folder) / "laws.db")
        witnessed = Witnessed({"v1": Thing("running")})
        witnessed.broken, witnessed.looked, witnessed.touches = [], {}, []
        witnessed.night = Night(store, witnessed)
        store.halt(Halt(witnessed.night.now))
        witnessed.act(Task("P-1", "resume", "v1", "web-1"))
        store.close()
    assert [row.partition(" ")[2] for row in witnessed.broken] == [
        "while halted",
        "without a lease or an intent",
        "with a stale precondition",
    ]


def test_another_step_that_lost_its_lease_does_not_stain_this_one() -> None:
    machine = Repair()
    machine.begin(guests=2, sound=True, fails=1, slow=True)
    machine.another_takes_the_guest()
    machine.sleeps_past_its_leases()
    machine.another_takes_the_guest()
    machine.a_guest_changes_by_itself("running")
    machine.ticks(0.1)
    machine.teardown()
    assert machine.broken == []
