"""Which incident an investigation belongs to, and when one is over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain, count
from pathlib import Path

import pytest

from kgraph.app.asking.investigation import Investigation
from kgraph.app.incidents import by_hand as hands
from kgraph.app.incidents import handled, keeping, placing, plans
from kgraph.incidents import Case, build
from kgraph.incidents.handling import GROUPING, Did
from kgraph.incidents.report import Label
from kgraph.schema import (
    Actor,
    Answer,
    BlastRadius,
    Entity,
    Fault,
    Hypothesis,
    Incident,
    IncidentStatus,
    Observation,
    Plan,
    PlanState,
    PlanStep,
    State,
)
from kgraph.store import GraphStore
from remedies.planning import identified
from tests.stores import new_store

from .killing import killed_before

NOW = datetime(2026, 11, 23, 3, 8, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    opened = new_store(tmp_path / "kgraph.db")
    yield opened
    opened.close()


def found(hurt: str, cause: str = "", minute: float = 0) -> Investigation:
    """Return an investigation in which these entities are down, for this cause."""
    entities = tuple(Entity(uid, "VirtualMachine", uid) for uid in (*hurt.split(), cause) if uid)
    rows = tuple(Observation(uid, "down", State.ABNORMAL) for uid in hurt.split())
    sets = (Hypothesis((Fault(cause, "down"),), 0.9),) if cause else ()
    because = "" if cause else "nobody knows"
    answer = Answer("", (), sets, (), BlastRadius(), (), 0.0, 0.0, "test", because)
    case = Case("", Incident("", entities, (), rows), answer, NOW + timedelta(minutes=minute))
    return Investigation(case, 0.0)


@dataclass(frozen=True)
class Kept:
    store: GraphStore

    def __call__(self, *rows: Investigation, frozen: Sequence[str] = ()) -> placing.Sorted:
        done = keeping.sort(self.store, rows)
        keeping.save(self.store, done, frozen)
        return done

    def status(self, incident: str) -> IncidentStatus:
        record = self.store.incident(incident)
        assert record is not None
        return record.status


@pytest.fixture
def keep(store: GraphStore) -> Kept:
    return Kept(store)


def ids(done: placing.Sorted) -> list[str]:
    return [each.investigation.case.id for each in done.kept]


def test_two_incidents_of_one_moment_get_two_ids_and_keep_them(keep: Kept) -> None:
    assert ids(keep(found("a b", "a"), found("c", "c"))) == ["INC-0001", "INC-0002"]
    assert ids(keep(found("c", "c"), found("a b", "a"))) == ["INC-0002", "INC-0001"]


def test_a_plan_of_an_incident_that_is_explained_otherwise_is_not_said_to_be_of_one_that_is_over(
    keep: Kept, store: GraphStore
) -> None:
    first = found("a b", "a")
    plan = Plan("P-1", "INC-0001", Fault("a", "down"), ())
    keep(replace(first, case=replace(first.case, plan=plan)))
    keep(found("a b", "b", 1))
    (kept,) = store.plans()
    assert kept.state is PlanState.SUPERSEDED
    assert kept.because.startswith("the incident is explained in another way now")


def planned(hurt: str, cause: str, minute: float, incident: str = "INC-0001") -> Investigation:
    """Return an investigation whose plan is to start its cause."""
    plain = found(hurt, cause, minute)
    step = PlanStep("start", cause, actor=Actor.KGRAPH, actuator="libvirt")
    plan = identified(Plan("", incident, Fault(cause, "down"), (step,)))
    return replace(plain, case=replace(plain.case, plan=plan))


def shown(done: placing.Sorted, store: GraphStore) -> list[str]:
    """Return what `kgraph investigate` says of each incident."""
    standing = [plans.standing(each.investigation, store) for each in done.kept]
    cases = [keeping.as_stored(each, store).case for each in standing]
    lines = ("\n".join(chain(*(s.lines for s in build(case).sections))) for case in cases)
    return [text.replace("\N{NO-BREAK SPACE}", " ") for text in lines]


def test_who_asks_while_another_plan_repairs_the_incident_reads_of_that_one(
    keep: Kept, store: GraphStore
) -> None:
    keep(planned("a b", "a", 0))
    (repair,) = store.plans()
    store.save_plan(replace(repair, state=PlanState.APPROVED), was=repair)
    done = keep(planned("a b", "b", 1), frozen=["INC-0001"])
    (said,) = shown(done, store)
    assert f"kgraph plan {repair.id}: approved, and not begun" in said
    assert "not saved" not in said
    assert "keeps the plan" not in said  # asked again, it would not be kept either


def test_a_plan_that_a_person_has_refused_goes_by_the_name_that_it_has_in_the_store(
    keep: Kept, store: GraphStore
) -> None:
    before = planned("a b", "a", 0)
    keep(before)
    (refused,) = store.plans()
    plans.reject(store, refused, "ada", "", NOW)
    done = keeping.sort(store, [before, planned("c d", "a", 1, incident="")])
    for said in shown(done, store):  # of both, and the second is in no store itself
        assert f"kgraph plan {refused.id}: no longer proposed" in said
        assert f"{refused.id}  risk LOW  no longer proposed: rejected by ada" in said


def test_of_an_incident_that_is_over_nothing_comes_next(keep: Kept, store: GraphStore) -> None:
    """Its plan is no longer proposed, and no look tells what was wrong then."""
    case = planned("a b", "a", 0).case
    keep(planned("a b", "a", 0), found("c", "c"))

    def comes_next() -> list[str]:
        report = build(plans.as_kept(replace(case, id="INC-0001"), store))
        return [line for row in report.sections if row.label is Label.NEXT for line in row.lines]

    assert len(comes_next()) == 1
    assert keep(found("c", "c", 1)).resolved == ("INC-0001",)
    assert comes_next() == []


def test_an_incident_of_which_nothing_is_left_is_resolved(keep: Kept) -> None:
    keep(found("a b", "a"), found("c", "c"))
    done = keep(found("a b", "a", 1))
    assert done.resolved == ("INC-0002",)
    assert keep.status("INC-0002") is IncidentStatus.RESOLVED
    assert keep.status("INC-0001") is IncidentStatus.OPEN


def test_symptoms_that_soon_come_back_reopen_their_incident(keep: Kept) -> None:
    keep(found("a", "a"))
    keep(found("", "", 1))
    assert keep.status("INC-0001") is IncidentStatus.RESOLVED
    assert ids(keep(found("a", "a", 5))) == ["INC-0001"]
    assert keep.status("INC-0001") is IncidentStatus.OPEN


def test_symptoms_that_come_back_much_later_are_a_new_incident(keep: Kept) -> None:
    keep(found("a", "a"))
    keep(found("", "", 1))
    assert ids(keep(found("a", "a", 20))) == ["INC-0002"]


def test_what_stayed_quiet_is_closed_once(keep: Kept, store: GraphStore) -> None:
    keep(found("a", "a"))
    keep(found("", "", 1))
    assert keeping.close_quiet(store, NOW + timedelta(minutes=5)) == []
    assert keeping.close_quiet(store, NOW + timedelta(minutes=20)) == ["INC-0001"]
    assert keep.status("INC-0001") is IncidentStatus.CLOSED
    assert keeping.close_quiet(store, NOW + timedelta(minutes=40)) == []


def test_a_backlog_is_closed_at_once_the_oldest_first_and_for_some_seconds_only(
    keep: Kept, store: GraphStore
) -> None:
    keep(found("a", "a"))
    keep(found("", "", 1))
    record = store.incident("INC-0001")
    assert record is not None
    for number in range(2, 252):
        at = record.updated_at + timedelta(seconds=number)
        store.save_incident(replace(record, id=f"INC-{number:04}", updated_at=at))
    later, ticks = NOW + timedelta(hours=1), count()
    some = keeping.close_quiet(store, later, lambda: float(next(ticks)))
    assert some == ["INC-0001", "INC-0002"]
    assert len(keeping.close_quiet(store, later, lambda: 0.0)) == 249
    assert not store.heads(IncidentStatus.RESOLVED)


@pytest.mark.parametrize("by_hand", [False, True])
def test_what_is_closed_long_after_it_was_over_was_over_when_it_was(
    keep: Kept, store: GraphStore, *, by_hand: bool
) -> None:
    keep(found("a", "a"))
    keep(found("", "", 1))
    later = NOW + timedelta(hours=3)
    if by_hand:
        record = store.incident("INC-0001")
        assert record is not None
        hands.close(store, record, "ada", "known", later)
    else:
        keeping.close_quiet(store, later)
    record = store.incident("INC-0001")
    assert record is not None
    assert record.status is IncidentStatus.CLOSED
    assert record.updated_at == NOW + timedelta(minutes=1)


def test_what_was_resolved_by_a_clock_that_was_ahead_is_closed_once_quiet(
    keep: Kept, store: GraphStore
) -> None:
    keep(found("a", "a"))
    keep(found("", "", 24 * 60))
    assert keeping.close_quiet(store, NOW + timedelta(minutes=5)) == []
    assert keeping.close_quiet(store, NOW + timedelta(minutes=20)) == ["INC-0001"]


def test_an_incident_that_turns_out_to_be_part_of_another_says_so(
    keep: Kept, store: GraphStore
) -> None:
    keep(found("a b c", "a"), found("d", "d"))
    done = keep(found("a b c d", "a", 1))
    assert (ids(done), done.merged) == (["INC-0001"], (("INC-0002", "INC-0001"),))
    record = store.incident("INC-0002")
    assert record is not None
    assert record.status is IncidentStatus.CLOSED
    assert record.title.startswith("merged into INC-0001: ")
    said = handled.traces(store, ["INC-0001", "INC-0002"])
    assert [(row.did, row.by, row.other) for row in said["INC-0002"]] == [
        (Did.MERGED, GROUPING, "INC-0001")
    ]
    assert [row.line for row in said["INC-0001"]] == ["kgraph merges INC-0002 into it"]


@pytest.mark.parametrize("write", range(4))
def test_a_no_outlives_a_process_that_is_killed_while_it_merges(
    keep: Kept, store: GraphStore, write: int
) -> None:
    keep(found("a b c", "a"), planned("d", "d", 0, "INC-0002"))
    (refused,) = store.plans()
    plans.reject(store, refused, "ada", "a technician is at it", NOW)
    with killed_before(write, store):
        keep(found("a b c d", "a", 1))
    keep(found("a b c d", "a", 2))  # the next process explains it anew
    keep(planned("a b c d", "d", 3))
    assert keep.status("INC-0002") is IncidentStatus.CLOSED
    assert store.plans(states={PlanState.PROPOSED}) == []
    lines = [row.line for row in handled.trace(store, "INC-0001")]
    assert lines == ["kgraph merges INC-0002 into it"]


def test_while_it_is_repaired_an_incident_keeps_its_explanation(
    keep: Kept, store: GraphStore
) -> None:
    keep(found("a b", "a"))
    before = store.incident("INC-0001")
    keep(found("b", "b", 1), frozen=["INC-0001"])
    after = store.incident("INC-0001")
    assert before is not None
    assert after is not None
    assert (after.answer, after.bundle) == (before.answer, before.bundle)
    assert after.updated_at == NOW + timedelta(minutes=1)
    keep(found("b", "b", 2))
    assert store.incident("INC-0001") != after


def test_an_estate_in_which_nothing_is_wrong_leaves_no_incident(
    keep: Kept, store: GraphStore
) -> None:
    keep(found(""))
    assert store.incidents() == []


def test_what_has_another_cause_by_now_says_what_it_was_a_part_of(keep: Kept) -> None:
    assert keep(found("a b c d", "a"), found("z", "z")).split == ()
    done = keep(found("a b", "a"), found("c d", "c"), found("z", "z"))
    assert ids(done) == ["INC-0001", "INC-0003", "INC-0002"]
    assert done.split == (("INC-0003", "INC-0001"),)
    assert keep(found("a b", "a"), found("c d", "c"), found("z", "z")).split == ()
