"""What was tried in vain is tried again once what was in its way has changed, and not before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kgraph.schema import Drawer, Fault, Outcome, PlanState
from kgraph.store import GraphStore
from remedies import Approver, Facts, Refusal
from remedies.execution.ledger import Ledger, tried_in_vain
from remedies.guards import judge
from remedies.guards.attempts import in_vain
from remedies.lifting import WELL, Doubt, lifting
from remedies.world import Past
from tests.remedies.fake_estate import RESUME, T0, Estate, Night, Thing, plan_of
from tests.remedies.test_guards import PLAN, past
from tests.remedies.test_guards import WELL as ALL_WELL

SECOND = timedelta(seconds=1)
ON_H1 = Doubt(T0, frozenset({"h1"}))
HOST_WELL = frozenset({("h1", "down")})
GUEST_WELL = frozenset({("v1", "down")})


def seen(seconds: float, well: frozenset[tuple[str, str]], **wrong: str) -> Facts:
    return Facts(T0 + timedelta(seconds=seconds), frozenset(wrong.items()), well)


def test_what_a_guest_stands_on_is_seen_well_again() -> None:
    assert (
        lifting(ON_H1, seen(5, HOST_WELL), "v1")[1] == "h1, which it stands on, is seen well now"
    )


@pytest.mark.parametrize(
    "facts",
    [
        seen(5, frozenset()),  # nobody sees it: silence is no proof
        seen(5, HOST_WELL, h1="isolated"),  # well for one, ill for another
        seen(0, HOST_WELL),  # read before the try was over
        seen(5, frozenset({("h2", "down")})),  # something else
    ],
)
def test_it_is_not_repeated_on_silence_or_on_an_old_reading(facts: Facts) -> None:
    assert lifting(ON_H1, facts, "v1")[1] == ""


def test_elapsed_time_alone_lifts_nothing() -> None:
    assert lifting(ON_H1, seen(86_000, frozenset()), "v1")[1] == ""


def test_a_guest_that_was_well_for_a_while_has_another_fault_next() -> None:
    doubt, why = lifting(ON_H1, seen(5, GUEST_WELL), "v1")
    assert (doubt.well_since, why) == (T0 + 5 * SECOND, "")
    assert lifting(doubt, seen(5, GUEST_WELL), "v1")[1] == ""  # no newer reading, no later
    later = 5 + WELL.total_seconds()
    assert lifting(doubt, seen(later - 1, GUEST_WELL), "v1") == (doubt, "")
    assert "well for 120 s" in lifting(doubt, seen(later, GUEST_WELL), "v1")[1]


def test_a_guest_that_is_well_only_now_and_then_stays_refused() -> None:
    doubt, _ = lifting(ON_H1, seen(5, GUEST_WELL), "v1")
    doubt, _ = lifting(doubt, seen(60, frozenset(), v1="paused"), "v1")
    assert doubt.well_since is None
    assert lifting(doubt, seen(130, GUEST_WELL), "v1")[1] == ""


def test_a_blind_moment_stops_the_clock_of_being_well() -> None:
    doubt, _ = lifting(ON_H1, seen(5, GUEST_WELL), "v1")
    doubt, _ = lifting(doubt, seen(60, frozenset()), "v1", blind=True)
    doubt, why = lifting(doubt, seen(85, GUEST_WELL), "v1")
    assert (doubt.well_since, why) == (T0 + 30 * SECOND, "")  # 25 s of it nobody saw
    assert lifting(doubt, seen(149, GUEST_WELL), "v1")[1] == ""
    assert lifting(doubt, seen(150, GUEST_WELL), "v1")[1] != ""
    # Where others are heard and it is not, or where it is seen to be ill, it begins anew.
    for unwell in (
        lifting(doubt, seen(90, frozenset()), "v1"),
        lifting(doubt, seen(90, frozenset(), v1="paused"), "v1", blind=True),
    ):
        assert unwell[0].well_since is None


def rows(*outcomes: Outcome) -> list[Past]:
    """Tries of the last minutes, the newest last."""
    count = len(outcomes)
    return [past(count - n, outcome, f"P-{n}") for n, outcome in enumerate(outcomes)]


VAIN, HELPED, WORSE = Outcome.NO_EFFECT, Outcome.HELPED, Outcome.MADE_WORSE


@pytest.mark.parametrize(
    ("tries", "refused"),
    [
        ((VAIN,), False),
        ((VAIN, VAIN), False),
        ((VAIN, VAIN, VAIN), True),  # whatever has changed: three are enough
        ((VAIN, VAIN, HELPED, VAIN), False),  # success ends the row
        ((WORSE,), True),  # what made it worse is never repeated
        ((WORSE, VAIN), True),
        ((WORSE, HELPED, VAIN), False),
    ],
)
def test_once_it_is_lifted_it_may_be_tried_but_not_without_end(
    tries: tuple[Outcome, ...], *, refused: bool
) -> None:
    assert (in_vain(rows(*tries), T0, T0) is not None) is refused


def test_the_guard_knows_what_was_lifted_and_since_when() -> None:
    world = replace(ALL_WELL, past=(past(5, VAIN),))
    assert judge(PLAN, RESUME, world)[0].guard == "attempts"
    assert judge(PLAN, RESUME, replace(world, lifted={"v1": T0})) == ()
    before = {"v1": T0 - timedelta(minutes=6)}  # it was lifted for an earlier try
    assert judge(PLAN, RESUME, replace(world, lifted=before))[0].guard == "attempts"
    assert judge(PLAN, RESUME, replace(world, lifted={"v2": T0}))[0].guard == "attempts"


class Cut(Night):
    """A guest pauses because its host is cut off from storage: resuming it does not help."""

    cable = False

    def facts(self) -> Facts:
        found = super().facts()
        return replace(found, healthy=found.healthy | HOST_WELL) if self.cable else found

    def fails(self) -> None:
        thing = self.estate.things["v1"]
        thing.fails = 0 if self.cable else 99

    def tick(self, seconds: float = 0.5) -> None:
        self.fails()
        super().tick(seconds)


def cut(store: GraphStore) -> Cut:
    return Cut(store, Estate({"v1": Thing("paused", fails=99)}))


GUEST = replace(
    plan_of(RESUME, cause=Fault("v1", "paused_io_error")), stands_on={"v1": ("h1", "x")}
)


def test_a_person_mends_the_cable_and_the_guest_is_resumed_once_more(store: GraphStore) -> None:
    night = cut(store)
    night.begin(GUEST, Approver.POLICY)
    assert night.run(GUEST).state is PlanState.NEEDS_HUMAN
    said = night.executor.foresee(GUEST, night.now, night.facts())
    assert said is not None
    assert said.guard == "attempts"
    assert ("v1", "resume") in tried_in_vain(store, night.now)
    night.cable = True
    night.tick(1)
    assert tried_in_vain(store, night.now) == frozenset()
    night.begin(GUEST, Approver.POLICY)
    assert night.run(GUEST).state is PlanState.DONE


def test_a_new_process_knows_what_was_lifted(store: GraphStore) -> None:
    night = cut(store)
    night.begin(GUEST, Approver.POLICY)
    night.run(GUEST)
    night.cable = True
    night.tick(1)
    night.restart()
    assert night.executor.foresee(GUEST, night.now, night.facts()) is None
    assert [each.id for each in store.documents(Drawer.LIFTED)] == ["v1"]


def test_a_host_that_comes_and_goes_is_not_answered_without_end(store: GraphStore) -> None:
    night = cut(store)
    for _ in range(10):
        said = night.executor.foresee(GUEST, night.now, night.facts())
        if said is None:
            night.begin(GUEST, Approver.POLICY)
            night.run(GUEST)
        # The host is seen well for a moment, and the guest cannot be resumed all the same.
        night.cable = True
        night.executor.tick(night.now + SECOND, night.facts())
        night.cable = False
        night.now += timedelta(minutes=30)
    assert night.estate.log.count("resume v1") == 3 * RESUME.terms.attempts


def test_what_does_not_stand_on_the_mended_host_stays_refused(store: GraphStore) -> None:
    night = cut(store)
    elsewhere = replace(GUEST, stands_on={"v1": ("h2",)})
    night.begin(elsewhere, Approver.POLICY)
    night.run(elsewhere)
    night.cable = True
    night.tick(1)
    assert isinstance(night.executor.foresee(elsewhere, night.now, night.facts()), Refusal)


def test_the_ledger_reads_what_another_process_has_written_since(store: GraphStore) -> None:
    night = cut(store)
    ledger = Ledger(store)
    ledger.follow(night.now)
    assert ledger.past(["v1"]) == ()
    night.begin(GUEST, Approver.POLICY)
    night.run(GUEST)
    ledger.follow(night.now)
    assert [(row.action, row.outcome) for row in ledger.past(["v1"])] == [("resume", VAIN)]
    assert ledger.past(["v1"])[0].blocked == {"h1", "x"}
    ledger.follow(night.now + timedelta(days=2))  # and forgets what is older than a day
    assert ledger.past(["v1"]) == ()
