"""Which events of PagerDuty say something of an incident, and what."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ingest.posted import Act, PagerEvent, parse_pagerduty
from kgraph.schema import InputError

ADA = {"type": "user_reference", "id": "PADA", "summary": "Ada"}


def event(kind: str, data: object | None = None, **more: object) -> bytes:
    incident = {"id": "PT4", "type": "incident", "incident_key": "kgraph-INC-0007"}
    told = {
        "id": "01E",
        "event_type": kind,
        "occurred_at": "2026-11-28T03:05:00.250Z",
        "agent": ADA,
        "data": incident if data is None else data,
    }
    return json.dumps({"event": told | more}).encode()


def read(content: bytes) -> PagerEvent:
    found = parse_pagerduty(content, "hook pager")
    assert found is not None
    return found


def test_an_acknowledgement_names_who_when_and_the_key_that_opened_the_incident() -> None:
    assert read(event("incident.acknowledged")) == PagerEvent(
        id="01E",
        at=datetime(2026, 11, 28, 3, 5, 0, 250_000, UTC),
        act=Act.TAKEN,
        incident="PT4",
        key="kgraph-INC-0007",
        by="Ada",
        text="",
    )


@pytest.mark.parametrize(
    ("kind", "more", "act", "text"),
    [
        ("incident.unacknowledged", {}, Act.GIVEN_BACK, ""),
        ("incident.resolved", {}, Act.ENDED, "resolved in PagerDuty"),
        ("incident.reopened", {}, Act.NOTED, "reopened in PagerDuty"),
        (
            "incident.reassigned",
            {"assignees": [{"summary": "Eve"}]},
            Act.NOTED,
            "reassigned to Eve",
        ),
        ("incident.priority_updated", {"priority": {"summary": "P1"}}, Act.NOTED, "priority P1"),
        ("incident.priority_updated", {"priority": None}, Act.NOTED, ""),
    ],
)
def test_what_an_event_means(kind: str, more: dict[str, Any], act: Act, text: str) -> None:
    found = read(event(kind, {"id": "PT4", **more}))
    assert (found.act, found.text) == (act, text)


def test_a_note_names_its_incident_by_pagerduty_s_id_alone() -> None:
    data = {"type": "incident_note", "content": "two\nlines", "incident": {"id": "PT4"}}
    found = read(event("incident.annotated", {"id": "PNOTE", **data}))
    assert (found.act, found.incident, found.key, found.text) == (
        Act.NOTED,
        "PT4",
        "",
        "two lines",
    )


@pytest.mark.parametrize("agent", [None, {"type": "service_reference", "summary": "kgraph"}])
def test_what_no_person_did_counts_only_where_it_takes_something_back(agent: object) -> None:
    for kind in ("incident.acknowledged", "incident.resolved"):
        assert parse_pagerduty(event(kind, agent=agent), "hook pager") is None
    assert read(event("incident.unacknowledged", agent=agent)).by == ""


def test_what_is_of_no_concern_is_passed_over() -> None:
    for kind in ("pagey.ping", "service.updated", "incident.workflow.started", "to.come"):
        assert parse_pagerduty(event(kind, {"message": "Hello"}), "hook pager") is None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{", "not JSON"),
        (b'{"messages": []}', "no event in it"),
        (event("incident.resolved", id=None), "an event without id"),
        (event("incident.resolved", occurred_at=None), "an event without id"),
        (event("incident.resolved", occurred_at="soon"), "soon"),
        (event("incident.resolved", {}), "an event without id"),
    ],
)
def test_what_is_no_webhook_of_version_3_is_refused(content: bytes, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_pagerduty(content, "hook pager")
