"""What people did to incidents in PagerDuty is done here, too, once, and in their name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kgraph.app.asking.investigation import of_store
from kgraph.app.configured.toolkit import toolkit
from kgraph.app.incidents import by_hand, handled
from kgraph.app.incidents.keeping import save, sort
from kgraph.app.service import audit
from kgraph.app.service.hooks import Posted, accept
from kgraph.app.service.inbox import Inbox
from kgraph.app.service.tally import Tally
from kgraph.config import load
from kgraph.config.hooks import PagerDutyHook
from kgraph.incidents.messages import pagerduty
from kgraph.incidents.notice import notice
from kgraph.schema import (
    Drawer,
    IncidentStatus,
    InputError,
    Observation,
    Record,
    State,
)
from kgraph.signals import load_packs
from kgraph.store import GraphStore
from tests.stores import new_store

T0 = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
HOOK = PagerDutyHook.model_validate({"type": "pagerduty", "name": "pager", "hmac_env": "KEY"})


@dataclass
class Pager:
    """PagerDuty as far as its webhooks go: it knows one incident, which it opened by our key."""

    store: GraphStore
    key: str
    minute: int = 0
    events: int = 0
    inbox: Inbox = field(init=False)

    def __post_init__(self) -> None:
        self.inbox = Inbox(self.store, [HOOK], load_packs([]), Tally(self.store))

    def says(self, kind: str, by: str = "Ada", minutes_ago: int = 0, **data: Any) -> None:
        """Post an event, and let it be worked off."""
        self.minute += 1
        self.events += 1
        now = T0 + timedelta(minutes=self.minute)
        incident = data or {"id": "PT4", "incident_key": self.key}
        event = {
            "id": f"E{self.events}",
            "event_type": f"incident.{kind}",
            "occurred_at": (now - timedelta(minutes=minutes_ago)).isoformat(),
            "agent": {"type": "user_reference", "summary": by} if by else None,
            "data": incident,
        }
        found = accept(HOOK, Posted({}, json.dumps({"event": event}).encode()), now)
        self.store.put(found.documents)
        self.inbox.keep(now)
        assert self.store.count(Drawer.INBOX) == self.store.count(Drawer.DEAD) == 0

    @property
    def trace(self) -> list[str]:
        return [row.line for row in handled.trace(self.store, "INC-0001")]

    @property
    def status(self) -> IncidentStatus:
        return by_hand.find(self.store, "INC-0001").status

    @property
    def audited(self) -> list[tuple[str, str, str]]:
        return [(row.who, row.what, row.outcome) for row in audit.listed(self.store, 10)][::-1]


@pytest.fixture
def pager(tmp_path: Path) -> Iterator[Pager]:
    """A host is down, which PagerDuty was told of."""
    with closing(new_store(tmp_path / "kgraph.db")) as store:
        with store.sync("cmdb", "", complete=True, at=T0) as run:
            run.stage([Record("h", "Host", "h1")])
            run.commit()
        uid = str(store.locate("cmdb", "h"))
        store.observe([Observation(uid, "down", State.ABNORMAL, at=T0, detector="icmp")])
        tools = toolkit(load(cwd=tmp_path, environ={}), T0)
        save(store, sort(store, of_store(store, tools)))
        told = notice(by_hand.find(store, "INC-0001"), None, "", ())
        yield Pager(store, pagerduty(told.document, "routing-key")["dedup_key"])


def test_who_acknowledges_there_has_it_here_and_may_give_it_back(pager: Pager) -> None:
    pager.says("triggered", by="")
    pager.says("acknowledged")
    taken = handled.acknowledgements(pager.store, ["INC-0001"])["INC-0001"]
    assert taken.by == "Ada (PagerDuty)"
    pager.says("acknowledged", by="Eve")
    pager.says("unacknowledged", by="")  # it ran out
    assert pager.trace == [
        "Ada (PagerDuty) acknowledges it",
        "Eve (PagerDuty) acknowledges it",
        "PagerDuty takes the acknowledgement back",
    ]
    assert pager.audited == [
        ("Ada (PagerDuty)", "incident.acknowledge", "done"),
        ("Eve (PagerDuty)", "incident.acknowledge", "done"),
        ("PagerDuty", "incident.withdraw", "done"),
    ]


def test_what_is_so_already_is_not_done_again(pager: Pager) -> None:
    pager.says("unacknowledged")
    pager.says("acknowledged")
    pager.says("acknowledged")
    assert pager.trace == ["Ada (PagerDuty) acknowledges it"]


def test_who_resolves_it_there_closes_it_here(pager: Pager) -> None:
    pager.says("resolved")
    pager.says("resolved")
    assert pager.status is IncidentStatus.CLOSED
    assert pager.trace == ["Ada (PagerDuty) closes it: resolved in PagerDuty"]
    pager.says("acknowledged")
    assert len(pager.trace) == 1


def test_what_we_have_resolved_there_does_not_come_back_as_somebody_s_word(pager: Pager) -> None:
    pager.says("resolved", by="")
    assert pager.status is IncidentStatus.OPEN
    assert pager.trace == []


def test_in_the_middle_of_a_repair_it_stays_open_and_says_so(
    pager: Pager, monkeypatch: pytest.MonkeyPatch
) -> None:
    def repairing(*_: object) -> None:
        raise InputError("INC-0001 is being repaired by P-1", mend="wait for its end")

    monkeypatch.setattr(by_hand, "_not_in_repair", repairing)
    pager.says("resolved")
    assert pager.status is IncidentStatus.OPEN
    why = "INC-0001 is being repaired by P-1"
    told = f"Ada (PagerDuty) notes: resolved in PagerDuty; here it goes on: {why}"
    assert pager.trace == [told]
    assert pager.audited == [("Ada (PagerDuty)", "incident.close", f"refused: {why}")]


def test_a_note_finds_its_incident_by_what_was_said_of_it_before(pager: Pager) -> None:
    note = {"id": "N", "content": "the fan is loud", "incident": {"id": "PT4"}}
    pager.says("annotated", **note)
    assert pager.trace == []
    pager.says("triggered", by="")
    pager.says("annotated", **note)
    assert pager.trace == ["Ada (PagerDuty) notes: the fan is loud"]


def test_events_that_overtake_each_other_do_not_undo_the_newer_word(pager: Pager) -> None:
    pager.says("acknowledged")
    pager.says("unacknowledged", minutes_ago=5)
    assert pager.trace == ["Ada (PagerDuty) acknowledges it"]


def test_incidents_that_we_have_not_opened_are_left_alone(pager: Pager) -> None:
    strange: tuple[Mapping[str, str], ...] = (
        {"id": "PX", "incident_key": "somebody-else"},
        {"id": "PX", "incident_key": "INC-0001"},
        {"id": "PX", "incident_key": "kgraph-INC-9999"},
        {"id": "PX"},
    )
    for data in strange:
        pager.says("resolved", **data)
    assert pager.status is IncidentStatus.OPEN
    assert (pager.audited, pager.store.count(Drawer.PAIRED)) == ([], 0)
