"""What a step could hurt: who is put down to it, who is not, and what that leaves to be tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from kgraph.schema import (
    UNOBSERVED,
    Entity,
    Fault,
    Incident,
    Lease,
    Observation,
    Outcome,
    PlanState,
    Relation,
    Run,
    Sign,
    State,
)
from kgraph.store import GraphStore
from remedies.execution.ledger import Ledger
from remedies.execution.moves import Finish, Watch, Watched
from remedies.execution.readback import readable
from remedies.execution.verify import verify
from remedies.guards.attributed import attributed
from remedies.guards.locked import locked
from remedies.guards.shared_cause import shared_cause
from remedies.surroundings import Surroundings
from remedies.world import Facts, Vantage
from tests.remedies.fake_estate import (
    CHECK,
    RESTART,
    RESUME,
    T0,
    Estate,
    Night,
    Thing,
    export_story,
    plan_of,
)
from tests.remedies.test_guards import PLAN, REFUSED, RESTARTING, WELL


def surroundings(*seen: str) -> Surroundings:
    """A host that needs one of two exports, a guest whose disk is in the first, a shop on it."""
    entities = [Entity(uid, "Thing", uid) for uid in ("x1", "x2", "h", "v", "s")]
    relations = [
        Relation("h", "USES", "x1", "storage", 1),
        Relation("h", "USES", "x2", "storage", 1),
        Relation("v", "STORED_ON", "x1"),
        Relation("s", "RUNS_ON", "v"),
    ]
    rows = tuple(Observation(uid, "down", State.HEALTHY) for uid in seen)
    return Surroundings.of(Incident("i", tuple(entities), tuple(relations), rows))


def test_who_needs_one_of_several_is_hurt_only_where_no_other_is_seen_well() -> None:
    assert surroundings("x2").hurt_by("x1") == ["x1", "v", "s"]
    # Nobody who looked at the other is no proof that it would do.
    assert surroundings().hurt_by("x1") == ["x1", "h", "v", "s"]


def facts(at: int, bad: Sequence[Sign] = (), dark: Sequence[str] = ()) -> Facts:
    watched = frozenset({"x", "v1", "v2", "v3", "a", "b", "c"})
    rows = (Vantage("libvirt", watched, frozenset(dark)),)
    well = frozenset({("x", "down")})
    return Facts(T0 + timedelta(seconds=at), frozenset(bad), well, vantages=rows)


RUN = replace(export_story(1)[1], symptoms=(("x", "down"),))


@pytest.mark.parametrize(
    ("before", "touched", "outcome"),
    [
        ((), {"v1"}, Outcome.MADE_WORSE),
        ((), {"v2"}, Outcome.HELPED),  # out of the reach of what was done
        ((("v1", UNOBSERVED.name),), {"v1"}, Outcome.HELPED),  # nobody saw how it was before
    ],
)
def test_what_speaks_against_a_repair_is_new_in_its_reach_and_was_seen_before(
    before: tuple[Sign, ...], touched: set[str], outcome: Outcome
) -> None:
    plan = replace(RUN, steps=RUN.steps[:2])
    late = 31 + max(step.duration.total_seconds() for step in plan.steps)
    watch = Watch(T0)
    first = verify(plan, Run(T0, before=before), watch, facts(1, [("v1", "down")]), T0, touched)
    assert isinstance(first, Watched)
    then = T0 + timedelta(seconds=late)
    seen = facts(int(late), [("v1", "down")])
    move = verify(plan, Run(T0, before=before), first.watch, seen, then, touched)
    assert isinstance(move, Finish)
    assert move.outcome is outcome
    assert move.against == (("v1",) if outcome is Outcome.MADE_WORSE else ())


def test_what_is_dark_when_a_repair_begins_counts_as_not_seen() -> None:
    dark = facts(0, [("v1", "down")], dark=["v1", "v2"])
    assert dark.before({"v1", "v2", "x"}) == {("v1", "down"), ("v2", UNOBSERVED.name)}


def test_what_breaks_before_a_step_has_begun_is_none_of_its_doing(store: GraphStore) -> None:
    estate, plan = export_story(1)
    resume = replace(plan.steps[2], reach=("v1", "s"))
    restart = replace(plan.steps[0], reach=("x", "v1"))
    plan = replace(plan, steps=(restart, plan.steps[1], resume), reach=("x", "v1", "s"))
    estate.things["s"] = Thing("active")
    night = Night(store, estate, slow=True)
    night.begin(plan)
    night.tick()
    estate.things["s"].state = "failing"  # the restart does not reach it, and the resume waits
    document = readable(night.run(plan))
    assert document is not None
    assert document.run is not None
    assert ("s", "errors") in document.run.before
    assert document.run.outcome is Outcome.HELPED


def test_of_many_only_those_are_spoken_against_that_could_have_done_it(store: GraphStore) -> None:
    estate, plan = export_story(3, fails=0)
    more = {"v2": ("s",)}
    steps = (replace(s, reach=(s.entity, *more.get(s.entity, ()))) for s in plan.steps)
    plan = replace(plan, steps=tuple(steps))
    estate.things["s"] = Thing("active")
    night = Night(store, estate)
    night.begin(plan)
    night.tick()
    night.tick()
    estate.things["s"].state = "failing"
    assert night.run(plan).because == "since then errors on s"
    ledger = Ledger(store)
    ledger.follow(night.now)
    came = {(row.action, row.entity): row.outcome for row in ledger.past(["x", "v1", "v2", "v3"])}
    assert came == {
        ("restart", "x"): Outcome.HELPED,
        ("resume", "v1"): Outcome.HELPED,
        ("resume", "v2"): Outcome.MADE_WORSE,
        ("resume", "v3"): Outcome.HELPED,
    }


def test_what_another_plan_has_not_touched_yet_is_not_put_down_to_it() -> None:
    world = REFUSED["attributed"]
    assert attributed(PLAN, RESUME, world) is not None
    untouched = replace(world, touched={"P-other": frozenset({"s9"})})
    assert attributed(PLAN, RESUME, untouched) is None
    assert RESTARTING.cause.entity == "s9"


def test_who_only_looks_waits_for_nobody_who_has_done_all_that_it_was_to_do() -> None:
    other = replace(plan_of(RESTART), id="P-other")
    busy = replace(WELL, under_way=(other,))
    assert shared_cause(PLAN, CHECK, busy) is not None
    settling = replace(busy, settling=frozenset({"P-other"}))
    assert shared_cause(PLAN, CHECK, settling) is None
    assert shared_cause(PLAN, RESTART, settling) is not None
    held = replace(WELL, leases=(Lease("x", "stranger", 1, T0),))
    assert locked(PLAN, CHECK, held) is None
    assert locked(PLAN, RESTART, held) is not None


def test_a_look_at_what_another_plan_holds_is_taken_under_ones_own_lease(
    store: GraphStore,
) -> None:
    estate = Estate({"x": Thing("active"), "v1": Thing("paused")})
    plan = plan_of(CHECK, RESUME, cause=Fault("v1", "paused_io_error"))
    night = Night(store, estate)
    assert store.acquire("x", "watch/P-other", ttl=timedelta(hours=1), now=night.now) is not None
    night.begin(plan)
    assert night.run(plan).state is PlanState.DONE
