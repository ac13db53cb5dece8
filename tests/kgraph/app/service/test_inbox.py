"""From deliveries to evidence: folded, once, in order; what is broken stops no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kgraph.app.doctor import Health
from kgraph.app.doctor.alerts import examine_alerts
from kgraph.app.service import inbox as module
from kgraph.app.service.hooks import Posted, accept
from kgraph.app.service.inbox import Inbox
from kgraph.app.service.tally import Tally
from kgraph.config import load
from kgraph.config.hooks import AlertmanagerHook, CloudEventsHook
from kgraph.schema import Document, Drawer, Record, StoreBusyError
from kgraph.signals import load_packs
from kgraph.store import GraphStore
from tests.stores import new_store

T0 = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
HOOKS = {
    "am": AlertmanagerHook(type="alertmanager", name="am"),
    "ce": CloudEventsHook(type="cloudevents", name="ce"),
    "ce2": CloudEventsHook(type="cloudevents", name="ce2"),
}
Post = Callable[..., None]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    with closing(new_store(tmp_path / "kgraph.db")) as opened:
        with opened.sync("cmdb", "", complete=True, at=T0) as run:
            run.stage([Record("h1", "Host", "h1"), Record("h2", "Host", "h2")])
            run.commit()
        yield opened


@pytest.fixture
def inbox(store: GraphStore) -> Inbox:
    return Inbox(store, HOOKS.values(), load_packs([]), Tally(store))


@pytest.fixture
def post(store: GraphStore) -> Post:
    def posted(
        *alerts: Mapping[str, Any], seconds: float = 0, group: str = "g", truncated: int = 0
    ) -> None:
        payload = {
            "version": "4",
            "groupKey": group,
            "truncatedAlerts": truncated,
            "alerts": list(alerts),
        }
        at = T0 + timedelta(seconds=seconds)
        content = json.dumps(payload).encode()
        store.put(accept(HOOKS["am"], Posted({}, content), at).documents)

    return posted


def down(host: str, **changes: object) -> dict[str, object]:
    return {
        "status": "firing",
        "labels": {"alertname": "HostDown", "instance": host},
        "startsAt": "2026-11-23T03:59:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": f"fp-{host}",
        **changes,
    }


def over(host: str) -> dict[str, object]:
    return down(host, status="resolved", endsAt="2026-11-23T04:00:01Z")


def hurt(store: GraphStore, seconds: float = 10) -> set[str]:
    now = T0 + timedelta(seconds=seconds)
    uids = {row.entity for row in store.evidence(now=now).observations if row.abnormal}
    return {entity.name for entity in store.get(uids)}


def test_without_a_delivery_there_is_nothing(inbox: Inbox) -> None:
    assert inbox.keep(T0) is None


def test_a_delivery_becomes_evidence_and_is_gone(
    inbox: Inbox, store: GraphStore, post: Post
) -> None:
    post(down("h1"), down("h2"))
    assert inbox.keep(T0) == []
    assert hurt(store) == {"h1", "h2"}
    assert store.count(Drawer.INBOX) == 0


def appears(store: GraphStore, *names: str, seconds: float) -> None:
    at = T0 + timedelta(seconds=seconds)
    with store.sync("cmdb", "", complete=True, at=at) as run:
        run.stage([Record(name, "Host", name) for name in ("h1", "h2", *names)])
        run.commit()


def test_who_begins_anew_goes_by_what_others_have_kept_meanwhile(
    inbox: Inbox, store: GraphStore, post: Post
) -> None:
    post(down("h8"), down("h9"))
    inbox.keep(T0)
    other = Inbox(store, HOOKS.values(), load_packs([]), Tally(store))
    post(over("h8"), down("h7"), seconds=1)
    other.keep(T0 + timedelta(seconds=1))
    appears(store, "h7", "h8", seconds=10)
    inbox.begin_anew()
    assert inbox.keep(T0 + timedelta(seconds=11)) == []
    assert hurt(store, 12) == {"h7"}


def test_what_fires_before_the_estate_has_it_is_evidence_once_it_has(
    inbox: Inbox, store: GraphStore, post: Post
) -> None:
    post(down("h8"), down("h9"))
    inbox.keep(T0)
    assert inbox.keep(T0 + timedelta(seconds=6)) is None
    appears(store, "h8", seconds=10)
    assert inbox.keep(T0 + timedelta(seconds=11)) == []
    assert hurt(store, 12) == {"h8"}
    post(over("h9"), seconds=20)  # what is over by then does not come back
    inbox.keep(T0 + timedelta(seconds=21))
    appears(store, "h8", "h9", seconds=30)
    assert inbox.keep(T0 + timedelta(seconds=31)) is None
    assert hurt(store, 32) == {"h8"}


def test_what_waits_for_its_entity_outlives_the_process(
    inbox: Inbox, store: GraphStore, post: Post
) -> None:
    post(down("h8"), down("h9"))
    inbox.keep(T0)
    post(over("h8"), seconds=2)
    inbox.keep(T0 + timedelta(seconds=2))
    appears(store, "h8", "h9", seconds=10)

    anew = Inbox(store, HOOKS.values(), load_packs([]), Tally(store))
    assert anew.keep(T0 + timedelta(seconds=11)) == []
    assert hurt(store, seconds=12) == {"h9"}
    assert store.count(Drawer.UNPLACED) == 0


def test_what_waits_is_forgotten_once_it_no_longer_counts(
    inbox: Inbox, store: GraphStore, post: Post
) -> None:
    post(down("h9"))
    inbox.keep(T0)
    assert store.count(Drawer.UNPLACED) == 1
    inbox.keep(T0 + timedelta(hours=6))
    assert store.count(Drawer.UNPLACED) == 0


def test_what_waits_in_a_form_of_another_version_is_dropped(
    inbox: Inbox, store: GraphStore
) -> None:
    store.put([Document(Drawer.UNPLACED, "x", T0, "{}")])
    assert inbox.keep(T0) is None
    assert store.count(Drawer.UNPLACED) == 0


def test_of_several_words_on_one_alert_the_newest_counts_though_it_came_first(
    inbox: Inbox, store: GraphStore, post: Post
) -> None:
    post(over("h1"))
    post(down("h1"), seconds=1)  # a sender that tried again
    post(down("h2"), seconds=2)
    post(over("h2"), seconds=3)
    inbox.keep(T0 + timedelta(seconds=5))
    assert hurt(store) == set()


def test_a_delivery_that_cannot_be_read_is_a_dead_letter_and_stops_no_other(
    inbox: Inbox, store: GraphStore, post: Post
) -> None:
    for number, hook in enumerate(("am", "gone")):
        body = {"hook": hook, "receivedAt": "2026-11-23T04:00:00Z", "content": "{"}
        store.put([Document(Drawer.INBOX, f"0{number}", T0, json.dumps(body))])
    post(down("h1"))
    inbox.keep(T0)
    assert hurt(store) == {"h1"}
    because = [json.loads(row.body)["because"] for row in store.documents(Drawer.DEAD)]
    assert "not JSON" in because[0]
    assert because[1] == "no hook is called 'gone' any longer"


def test_a_cloudevent_counts_once_however_often_it_comes(inbox: Inbox, store: GraphStore) -> None:
    event = {"specversion": "1.0", "id": "7", "source": "/m", "type": "HostDown", "subject": "h1"}
    headers = {"content-type": "application/cloudevents+json"}

    def sent(data: dict[str, str], seconds: int) -> None:
        content = json.dumps(event | {"data": data}).encode()
        at = T0 + timedelta(seconds=seconds)
        store.put(accept(HOOKS["ce"], Posted(headers, content), at).documents)
        inbox.keep(at)

    sent({"status": "firing"}, 0)
    assert hurt(store) == {"h1"}
    sent({"status": "resolved"}, 1)  # the same id: it cannot say anything new
    assert hurt(store) == {"h1"}


def test_what_a_sender_left_out_is_told_until_it_tells_the_whole_group(
    inbox: Inbox, post: Post
) -> None:
    post(down("h1"), group="a", truncated=7)
    post(down("h2"), group="b", truncated=2)
    told = inbox.keep(T0)
    assert told is not None
    assert any("left out 9 alerts: evidence is incomplete" in row.line for row in told)
    post(down("h1"), group="a")
    inbox.keep(T0)
    assert inbox.warnings(T0) == ("hook am: the sender left out 2 alerts: evidence is incomplete",)
    assert inbox.warnings(T0 + timedelta(hours=6)) == ()


def test_who_posts_to_another_hook_has_no_event_left_out(inbox: Inbox, store: GraphStore) -> None:
    for hook, host in (("ce2", "h1"), ("ce", "h2")):
        event = {"specversion": "1.0", "id": "7", "source": "/m", "type": "HostDown"}
        event |= {"subject": host}
        headers = {"content-type": "application/cloudevents+json"}
        store.put(accept(HOOKS[hook], Posted(headers, json.dumps(event).encode()), T0).documents)
        inbox.keep(T0)
    assert hurt(store) == {"h1", "h2"}


def test_alerts_that_find_no_entity_are_told_once(inbox: Inbox, post: Post) -> None:
    post(down("nobody"))
    first = inbox.keep(T0)
    post(down("nobody"), seconds=1)
    assert first is not None
    assert ["1 alert (100%) found no entity: HostDown: see" in row.line for row in first] == [True]
    assert inbox.keep(T0) == []


def test_doctor_lists_alerts_of_the_last_week_that_found_no_entity(
    store: GraphStore, post: Post, tmp_path: Path
) -> None:
    post(down("nobody"), down("somebody"))
    tally = Tally(store)
    Inbox(store, HOOKS.values(), load_packs([]), tally).keep(T0)
    tally.flush(T0)
    configuration = load(cwd=tmp_path, environ={"KGRAPH_STORE__URL": str(tmp_path / "kgraph.db")})
    found = list(examine_alerts(configuration, T0 + timedelta(days=6)))
    (row,) = [each for each in found if each.what == "hooks"]
    assert (row.health, row.told) == (
        Health.WARN,
        "HostDown: 2 alerts of the last week found no entity",
    )
    later = list(examine_alerts(configuration, T0 + timedelta(days=9)))
    assert [each for each in later if each.what == "hooks"] == []


def test_a_busy_store_loses_nothing(
    inbox: Inbox, store: GraphStore, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(down("h1"))

    def busy(*_: object) -> None:
        raise StoreBusyError("another process is writing")

    with monkeypatch.context() as patched:
        patched.setattr(store, "observe", busy)
        inbox.keep(T0)
    assert store.count(Drawer.INBOX) == 1
    inbox.keep(T0)
    assert hurt(store) == {"h1"}


def test_an_alert_on_what_was_just_discovered_is_found_in_a_large_estate_too(
    inbox: Inbox, store: GraphStore, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kgraph.app.reading.alerts.WHOLE_UP_TO", 1)
    made: list[int] = []
    real = store.graph
    monkeypatch.setattr(store, "graph", lambda: (made.append(1), real())[1])
    inbox.keep(T0)
    with store.sync("cmdb", "b", complete=True, at=T0) as run:
        run.stage([Record("h3", "Host", "h3")])
        run.commit()
    post(down("h1"))
    inbox.keep(T0 + timedelta(seconds=1))
    assert (hurt(store), len(made)) == ({"h1"}, 1)  # a little old, and good enough
    post(down("h3"), seconds=2)
    inbox.keep(T0 + timedelta(seconds=3))
    assert (hurt(store), len(made)) == ({"h1", "h3"}, 1)  # patched, not read again


def test_what_the_program_stumbles_over_is_a_dead_letter_and_stops_no_other(
    inbox: Inbox, store: GraphStore, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = module.translate_reports

    def stumbles(reports: list[Any], *rest: Any, **named: Any) -> Any:
        if any(report.fingerprint == "fp-odd" for report in reports):
            raise KeyError("odd")
        return right(reports, *rest, **named)

    monkeypatch.setattr(module, "translate_reports", stumbles)
    for host in ("h1", "odd", "h2"):
        post(down(host))
    inbox.keep(T0)
    assert hurt(store) == {"h1", "h2"}
    (dead,) = store.documents(Drawer.DEAD)
    assert "KeyError: 'odd'" in json.loads(dead.body)["because"]
    assert store.count(Drawer.INBOX) == 0


def test_a_delivery_that_the_program_stumbles_over_while_reading_tells_the_type_of_its_fault(
    inbox: Inbox, store: GraphStore, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumbles(*_given: Any) -> Any:
        raise KeyError("odd")

    monkeypatch.setattr(module, "read", stumbles)
    post(down("h1"))
    inbox.keep(T0)
    (dead,) = store.documents(Drawer.DEAD)
    assert "KeyError: 'odd'" in json.loads(dead.body)["because"]


def test_what_was_seen_is_forgotten_as_fast_as_it_comes(inbox: Inbox, store: GraphStore) -> None:
    store.put(Document(Drawer.SEEN, f"s {n}", T0, "{}") for n in range(2_500))
    for second in range(3):
        inbox.keep(T0 + timedelta(days=1, seconds=second + 1))
    assert store.count(Drawer.SEEN) == 0


def test_a_round_ends_though_more_is_posted_than_it_can_read(
    inbox: Inbox, store: GraphStore, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kgraph.app.service.inbox._MOST_READ", 8)
    for second in range(20):
        post(down("h1"), seconds=second)
    left = []
    for _ in range(3):
        inbox.keep(T0)
        left.append(store.count(Drawer.INBOX))
    assert left == [12, 4, 0]
