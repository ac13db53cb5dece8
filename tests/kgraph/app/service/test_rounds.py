"""From what is posted to what receivers are told, round by round, with a clock turned by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kgraph.app.incidents import by_hand
from kgraph.app.reading.alerts import packs_of
from kgraph.app.service.announce import Announcer
from kgraph.app.service.beside import ServiceBeside
from kgraph.app.service.hands import Hands
from kgraph.app.service.hooks import Posted, accept
from kgraph.app.service.inbox import Inbox
from kgraph.app.service.tally import Tally
from kgraph.app.watch import build
from kgraph.app.watch.loop import Watch
from kgraph.config import Configuration, Settings
from kgraph.config.hooks import AlertmanagerHook
from kgraph.config.receivers import CloudEventsReceiver
from kgraph.schema import Drawer, Record, RelationRecord
from kgraph.store import GraphStore
from tests.stores import new_store

T0 = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
HOOK = AlertmanagerHook(type="alertmanager", name="am")
PAGER = CloudEventsReceiver(
    type="cloudevents", name="pager", url="http://127.0.0.1/x", least="error", every=0
)
ESTATE = [
    Record("h1", "Host", "h1"),
    Record("db", "Service", "core-db"),
    *(Record(f"v{n}", "VirtualMachine", f"web-{n}") for n in range(4)),
    *(Record(f"s{n}", "Service", f"shop-{n}") for n in range(4)),
    *(RelationRecord(f"v{n}", "RUNS_ON", "h1") for n in range(4)),
    *(RelationRecord(f"s{n}", "RUNS_ON", f"v{n}") for n in range(4)),
    *(RelationRecord(f"s{n}", "DEPENDS_ON", "db") for n in range(4)),
]


@dataclass
class Night:
    """One process after the other that watches one store."""

    store: GraphStore
    receiver: CloudEventsReceiver = PAGER
    now: datetime = T0
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        self.starts()

    def starts(self) -> None:
        configuration, store = Configuration(Settings()), self.store
        tally = Tally(store)
        inbox = Inbox(store, (HOOK,), packs_of(configuration), tally)
        announcer = Announcer(store, (self.receiver,), "", inbox.warnings)
        beside = ServiceBeside(
            inbox, Hands(store), announcer, tally, lambda _at, _took: None, lambda: None
        )
        self.watch = build(configuration, store, announcer.hear, beside)
        self.watch.holder = "this test"  # the lease of the one before is ours at once
        self.watch.clock = lambda: self.now

    def posts(self, name: str, *hosts: str, over: bool = False) -> None:
        at = self.now.isoformat()
        alerts = [
            {
                "status": "resolved" if over else "firing",
                "labels": {"alertname": name, "instance": host},
                "startsAt": at,
                "endsAt": at if over else "0001-01-01T00:00:00Z",
                "fingerprint": f"{name} {host}",
            }
            for host in hosts
        ]
        content = json.dumps({"version": "4", "groupKey": "{}", "alerts": alerts}).encode()
        self.store.put(accept(HOOK, Posted({}, content), self.now).documents)

    def told(self, seconds: float = 1) -> list[dict[str, Any]]:
        """Let rounds pass; return the notices that are to be sent, and take them as sent."""
        for _ in range(2):
            self.now += timedelta(seconds=seconds / 2)
            self.watch.round()
        rows = self.store.documents(Drawer.OUTBOX)
        self.store.drop(Drawer.OUTBOX, [row.id for row in rows])
        return [json.loads(row.body)["notice"] for row in rows]


def said(notices: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(row["news"], row["level"], row["text"]["hit"]) for row in notices]


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    with closing(new_store(tmp_path / "kgraph.db")) as store:
        with store.sync("cmdb", "", complete=True, at=T0) as run:
            run.stage(ESTATE)
            run.commit()
        yield Night(store)


def test_who_is_paged_hears_of_each_service_that_is_hit_though_the_cause_is_the_same(
    night: Night,
) -> None:
    night.posts("HighErrorRate", "core-db")
    assert said(night.told()) == [("opened", "critical", "1 service hit: Service core-db")]
    night.posts("HighErrorRate", "shop-0")
    assert said(night.told()) == [
        ("changed", "critical", "2 services hit: Service core-db, Service shop-0")
    ]
    night.posts("HighErrorRate", "core-db", "shop-0")
    assert night.told() == []


def test_what_grows_loud_enough_only_later_is_told_then(night: Night) -> None:
    night.posts("HostHighCpuLoad", "h1")
    assert night.told() == []  # a warning
    night.posts("HighLatency", "shop-0", "shop-1")
    assert [row[:2] for row in said(night.told())] == [("opened", "critical")]


def test_what_a_person_closes_while_nobody_watches_is_over_for_receivers_too(
    night: Night,
) -> None:
    night.posts("HighErrorRate", "core-db")
    night.told()
    (record,) = night.store.incidents()
    by_hand.close(night.store, record, "ada", "a planned move", night.now)
    night.starts()
    assert [row["news"] for row in night.told()] == ["over"]
    assert night.told() == []


def test_an_incident_that_lasts_for_months_still_ends(night: Night) -> None:
    night.posts("HighErrorRate", "core-db")
    night.told()
    for _ in range(40):
        night.now += timedelta(days=1)
        night.posts("HighErrorRate", "core-db")
        assert night.told() == []
    night.posts("HighErrorRate", "core-db", over=True)
    assert [row["news"] for row in night.told()] == ["over"]
    night.now += timedelta(days=31)
    night.told()
    assert night.store.count(Drawer.TOLD) == 0
