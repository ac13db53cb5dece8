"""What is foreseen carries its date: through answer, plan, report, message and the kept plan."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgraph.app.incidents.plans import document_of, propose
from kgraph.incidents import Case, Detail, Label, build
from kgraph.incidents.messages import email, pagerduty
from kgraph.incidents.notice import Notice, notice
from kgraph.schema import (
    Answer,
    Direction,
    Entity,
    Incident,
    IncidentRecord,
    IncidentStatus,
    Observation,
    Plan,
    PlanDocument,
    PlanState,
    Relation,
    State,
)
from kgraph.schema.answers import answer_document
from kgraph.schema.plan_documents import parse_plan, plan_text
from kgraph.store.sqlite import SqliteStore
from rca import investigate, load_model
from remedies import load_catalogue, plan_for

NOW = datetime(2026, 11, 28, 14, 42, 24, tzinfo=UTC)
DUE = NOW + timedelta(minutes=9.6)
ENTITIES = (Entity("p", "StoragePool", "small"), Entity("v", "VirtualMachine", "web-1"))
FULL_AT = "full at 14:52Z, in 9.6 min"


def _incident(due: datetime = DUE) -> Incident:
    seen = Observation(
        "p", "filling", State.ABNORMAL, 12.0, Direction.UP, NOW - timedelta(minutes=3),
        "detect/pool.trend", detail="0.83 and will be 1 in 9.6 min", due_at=due,
    )  # fmt: skip
    return Incident("INC-1", ENTITIES, (Relation("v", "STORED_ON", "p"),), (seen,))


@pytest.fixture(scope="module")
def answer() -> Answer:
    return investigate(_incident(), load_model())


@pytest.fixture(scope="module")
def plan(answer: Answer) -> Plan:
    found = plan_for(answer, _incident(), load_catalogue())
    assert found is not None
    return found


def _lines(case: Case, label: Label, detail: Detail = Detail.BRIEF) -> str:
    section = build(case, detail).section(label)
    return " ".join(section.lines).replace("\N{NO-BREAK SPACE}", " ") if section else ""


def test_the_cause_knows_when_it_comes_to_pass(answer: Answer) -> None:
    cause = answer.causes[0]
    assert (cause.entity, cause.mode, cause.due_at) == ("p", "filling", DUE)
    told = answer_document(answer, elapsed_seconds=0)["causes"][0]
    assert told["dueAt"] == told["supporting"][0]["dueAt"] == "2026-11-28T14:52:00Z"


def test_the_report_says_it_with_the_cause_its_evidence_and_its_plan(
    answer: Answer, plan: Plan
) -> None:
    case = Case("INC-1", _incident(), answer, NOW, plan)
    cause = _lines(case, Label.CAUSE)
    assert "StoragePool small FILLING UP" in cause
    assert FULL_AT in cause
    assert FULL_AT in _lines(case, Label.FOR)
    assert "preventive: 9.6 min left" in _lines(case, Label.PLAN)
    assert "make room" in _lines(case, Label.PLAN)


def test_once_the_date_has_passed_nothing_is_in_the_future(answer: Answer, plan: Plan) -> None:
    case = Case("INC-1", _incident(), answer, DUE + timedelta(minutes=1), plan)
    assert "full at any moment: expected at 14:52Z" in _lines(case, Label.CAUSE)
    assert "preventive, and due now" in _lines(case, Label.PLAN)


def _told(answer: Answer, plan: Plan) -> Notice:
    body = answer_document(answer, elapsed_seconds=0)
    body["entities"] = [{"uid": e.uid, "kind": e.kind, "name": e.name} for e in ENTITIES]
    record = IncidentRecord(
        "INC-1", IncidentStatus.OPEN, NOW, NOW, "1 storage pool filling up", "{}",
        json.dumps(body),
    )  # fmt: skip
    return notice(record, plan, "")


def test_who_is_paged_reads_when_it_will_be_full(answer: Answer, plan: Plan) -> None:
    document = _told(answer, plan).document
    assert document["causes"][0]["dueAt"] == "2026-11-28T14:52:00Z"
    assert FULL_AT in pagerduty(document, "key")["payload"]["summary"]
    assert FULL_AT in email(document)[1]
    assert "before 2026-11-28 14:52Z" in document["text"]["plan"]


def test_a_plan_keeps_its_id_while_the_forecast_moves(plan: Plan) -> None:
    later = DUE + timedelta(minutes=2)
    moved = plan_for(
        investigate(_incident(later), load_model()), _incident(later), load_catalogue()
    )
    assert moved is not None
    assert (moved.id, moved.due_at) == (plan.id, later)
    assert parse_plan(plan_text(PlanDocument(plan)), where="it").plan == plan


def test_a_proposed_plan_follows_the_forecast_and_an_unchanged_one_is_not_written_anew(
    plan: Plan, tmp_path: Path
) -> None:
    with closing(SqliteStore.open(tmp_path / "kgraph.db")) as store:
        first = propose(store, "INC-1", plan, NOW)
        hardly = replace(plan, due_at=DUE + timedelta(seconds=5))
        same = propose(store, "INC-1", hardly, NOW + timedelta(seconds=10))
        assert same == first
        sooner = replace(plan, due_at=DUE - timedelta(minutes=4))
        moved = propose(store, "INC-1", sooner, NOW + timedelta(seconds=20))
        assert moved is not None
        assert document_of(moved).plan.due_at == DUE - timedelta(minutes=4)
        approved = replace(moved, state=PlanState.APPROVED, because="approved by anna")
        store.save_plan(approved, was=moved)
        assert propose(store, "INC-1", plan, NOW + timedelta(minutes=5)) == approved
        assert store.plan(plan.id) == approved  # what was approved, and when, stays as it was
