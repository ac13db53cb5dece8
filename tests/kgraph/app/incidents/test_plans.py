"""What a person said no to is not proposed again, whatever else changes about its incident."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kgraph.app.incidents.handled import note
from kgraph.app.incidents.plans import cancel, propose, reject
from kgraph.incidents.handling import Did, Handling
from kgraph.schema import (
    Actor,
    Document,
    Drawer,
    Fault,
    IncidentRecord,
    IncidentStatus,
    Plan,
    PlanMovedError,
    PlanRecord,
    PlanState,
    Risk,
    Role,
)
from kgraph.schema.plan_documents import identified
from kgraph.store import GraphStore
from kgraph.store.sqlite import SqliteStore
from remedies.restoring import DRIFTED
from tests.remedies.fake_estate import CHECK, RESTART, RESUME, T0, plan_of

INCIDENT = "INC-0001"
ASK = replace(RESTART, action="ask", risk=Risk.NONE, actor=Actor.PERSON, undo_if=())
FIRST = plan_of(RESTART, CHECK, RESUME)
SOON = T0 + timedelta(minutes=1)


def worse(plan: Plan) -> Plan:
    """Return the same repair once another symptom has come up."""
    return identified(replace(plan, symptoms=(*plan.symptoms, ("s1", "errors"))))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    with closing(SqliteStore.open(tmp_path / "kgraph.db")) as opened:
        yield opened


def proposed(store: GraphStore, plan: Plan) -> PlanRecord:
    record = propose(store, INCIDENT, plan, T0)
    assert record is not None
    return record


@pytest.mark.parametrize(
    "again",
    [
        worse(FIRST),
        plan_of(RESTART, CHECK, RESUME, replace(RESUME, entity="v2")),
        plan_of(replace(RESUME, role=Role.CAUSE)),
    ],
    ids=["one symptom more", "one guest more", "what is left of it"],
)
def test_what_was_rejected_does_not_come_back_as_another_plan(
    store: GraphStore, again: Plan
) -> None:
    reject(store, proposed(store, FIRST), "anna", "the disk is to be replaced", T0)
    assert propose(store, INCIDENT, again, SOON) is None
    assert store.plan(again.id) is None


def test_what_takes_nobody_s_place_is_not_said_to(store: GraphStore) -> None:
    reject(store, proposed(store, FIRST), "anna", "", T0)
    other = proposed(store, plan_of(replace(RESUME, entity="v9")))
    again = worse(FIRST)
    assert propose(store, INCIDENT, again, SOON) is None
    gone = store.plan(other.id)
    assert gone is not None
    assert (gone.state, gone.because) == (
        PlanState.SUPERSEDED,
        f"a person has said no to {again.id}",
    )


def test_a_plan_that_was_cancelled_does_not_begin_again_as_another_one(store: GraphStore) -> None:
    running = replace(proposed(store, FIRST), state=PlanState.RUNNING)
    store.save_plan(running)
    cancel(store, running, "anna", "a technician is at it", T0)
    store.save_plan(replace(running, state=PlanState.NEEDS_HUMAN))
    assert propose(store, INCIDENT, worse(FIRST), SOON) is None


def test_something_else_or_for_another_incident_is_proposed_as_before(store: GraphStore) -> None:
    reject(store, proposed(store, FIRST), "anna", "", T0)
    other = plan_of(replace(RESUME, entity="v9"))
    elsewhere = identified(replace(FIRST, incident="INC-0002"))
    for incident, plan in ((INCIDENT, other), ("INC-0002", elsewhere)):
        found = propose(store, incident, plan, SOON)
        assert found is not None
        assert found.state is PlanState.PROPOSED


def test_a_no_holds_for_what_is_split_off_while_its_incident_is_open(store: GraphStore) -> None:
    opened = IncidentRecord(INCIDENT, IncidentStatus.OPEN, T0, T0, "x down", "{}", "{}")
    store.save_incident(opened)
    reject(store, proposed(store, FIRST), "anna", "a technician is at it", T0)
    split = identified(replace(plan_of(RESUME), incident="INC-0002"))
    assert propose(store, "INC-0002", split, SOON) is None
    store.save_incident(replace(opened, status=IncidentStatus.RESOLVED))
    assert propose(store, "INC-0002", split, SOON) is not None


def test_a_no_holds_for_what_its_incident_is_merged_into(store: GraphStore) -> None:
    reject(store, proposed(store, FIRST), "anna", "a technician is at it", T0)
    for part, whole in ((INCIDENT, "INC-0002"), ("INC-0002", "INC-0003")):
        note(store, Handling(whole, Did.TOOK_IN, T0, "", other=part))
    whole = identified(replace(FIRST, incident="INC-0003"))
    assert propose(store, "INC-0003", whole, SOON) is None


def test_a_no_that_an_earlier_version_has_written_holds(store: GraphStore) -> None:
    superseded = replace(proposed(store, FIRST), state=PlanState.SUPERSEDED)
    store.save_plan(superseded)
    store.put([Document(Drawer.REJECTED, FIRST.id, T0, '{"by": "anna", "why": ""}')])
    assert propose(store, INCIDENT, worse(FIRST), SOON) is None
    elsewhere = identified(replace(FIRST, incident="INC-0002"))
    assert propose(store, "INC-0002", elsewhere, SOON) is not None


def test_of_all_that_was_ever_rejected_only_what_may_hold_is_read(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        old = identified(replace(FIRST, incident=f"INC-1{number:03d}"))
        record = propose(store, old.incident, old, T0)
        assert record is not None
        reject(store, record, "anna", "", T0)
    read: list[str] = []
    plan_of_store = store.plan

    def plan(plan_id: str) -> PlanRecord | None:
        read.append(plan_id)
        return plan_of_store(plan_id)

    monkeypatch.setattr(store, "plan", plan)
    assert propose(store, INCIDENT, FIRST, SOON) is not None
    assert set(read) == {FIRST.id}


def test_a_declaration_may_ask_again_for_what_was_rejected_with_something_else(
    store: GraphStore,
) -> None:
    drifted = Fault("v1", DRIFTED)
    first = plan_of(RESUME, cause=drifted)
    reject(store, proposed(store, first), "anna", "not today", T0)
    assert propose(store, INCIDENT, first, SOON) == store.plan(first.id)
    more = plan_of(RESUME, replace(RESUME, entity="v2"), cause=drifted)
    assert propose(store, INCIDENT, more, SOON) is not None


def test_of_what_only_asks_the_same_question_is_not_asked_again(store: GraphStore) -> None:
    reject(store, proposed(store, plan_of(ASK)), "anna", "", T0)
    assert propose(store, INCIDENT, worse(plan_of(ASK)), SOON) is None
    assert propose(store, INCIDENT, plan_of(ASK, RESUME), SOON) is not None


@pytest.mark.parametrize("write", ["put", "save_plan"])
def test_what_the_watch_proposes_in_the_middle_of_a_no_is_not_on_the_table_behind_it(
    store: GraphStore, write: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, writes = proposed(store, FIRST), getattr(store, write)

    def looked(*args: object, **named: object) -> None:
        monkeypatch.undo()
        propose(store, INCIDENT, FIRST, SOON)  # before it is written, and at once behind it
        writes(*args, **named)
        propose(store, INCIDENT, FIRST, SOON)

    monkeypatch.setattr(store, write, looked)
    reject(store, record, "anna", "the disk is to be replaced", SOON)
    assert store.plans(states={PlanState.PROPOSED}) == []
    assert propose(store, INCIDENT, FIRST, SOON) == store.plan(FIRST.id)


def test_a_no_that_comes_too_late_is_none(store: GraphStore) -> None:
    record = proposed(store, FIRST)
    store.save_plan(replace(record, state=PlanState.RUNNING))
    with pytest.raises(PlanMovedError, match="is running by now"):
        reject(store, record, "anna", "", SOON)
    assert store.count(Drawer.REJECTED) == 0
    store.save_plan(replace(record, state=PlanState.DONE))
    again = propose(store, INCIDENT, FIRST, SOON)
    assert again is not None
    assert again.state is PlanState.PROPOSED


@pytest.mark.parametrize("state", [PlanState.APPROVED, PlanState.RUNNING])
def test_nothing_is_proposed_beside_what_a_person_has_said_yes_to(
    store: GraphStore, state: PlanState
) -> None:
    wanted = replace(proposed(store, FIRST), state=state, because="approved by ada")
    store.save_plan(wanted)
    assert propose(store, INCIDENT, worse(FIRST), SOON) == wanted
    assert store.plans() == [wanted]


def test_why_an_approval_was_void_is_still_read_once_another_plan_has_taken_its_place(
    store: GraphStore,
) -> None:
    store.save_plan(replace(proposed(store, FIRST), because="approve it anew"))
    other = propose(store, INCIDENT, worse(FIRST), SOON)
    assert other is not None
    kept = store.plan(FIRST.id)
    assert kept is not None
    assert kept.because == f"{other.id} took its place; before that: approve it anew"
