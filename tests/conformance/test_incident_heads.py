"""Lists of incidents: without their documents, page by page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kgraph.schema import IncidentHead, IncidentRecord, IncidentStatus
from kgraph.store import GraphStore

T0 = datetime(2026, 1, 1, tzinfo=UTC)
ANSWER = '{"causes": [], "hypotheses": []}'


def saved(store: GraphStore, number: int, status: IncidentStatus, minutes: int) -> IncidentHead:
    at = T0 + timedelta(minutes=minutes)
    record = IncidentRecord(f"INC-{number}", status, at, at, f"title {number}", "{}", ANSWER)
    store.save_incident(record)
    return IncidentHead(record.id, status, at, at, record.title)


def test_pages_meet_every_incident_once_newest_first(store: GraphStore) -> None:
    # Two were opened at the same moment: the id decides.
    rows = [
        saved(store, n, IncidentStatus.OPEN, minutes) for n, minutes in enumerate((0, 1, 1, 2))
    ]
    met: list[IncidentHead] = []
    last = None
    while page := store.heads(limit=2, after=last):
        met += page
        last = page[-1]
    assert met == rows[::-1]


def test_only_those_of_a_status_are_listed_and_counted(store: GraphStore) -> None:
    saved(store, 1, IncidentStatus.OPEN, 0)
    closed = saved(store, 2, IncidentStatus.CLOSED, 1)
    assert store.heads(IncidentStatus.CLOSED) == [closed]
    assert store.count_incidents(IncidentStatus.OPEN) == 1
    assert store.count_incidents(IncidentStatus.RESOLVED) == 0
