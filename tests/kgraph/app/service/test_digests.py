"""Five hundred incidents of one night are few messages, and none that is worse is held back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest.posted import Act, PagerEvent
from kgraph.app.incidents.handled import acknowledgements, note
from kgraph.app.service.announce import Announcer
from kgraph.app.service.elsewhere import carry_out
from kgraph.config.receivers import (
    CloudEventsReceiver,
    EmailReceiver,
    PagerDutyReceiver,
    ReceiverConfig,
    WebhookReceiver,
)
from kgraph.incidents import messages, template
from kgraph.incidents.handling import Did, Handling
from kgraph.schema import Document, Drawer, IncidentStatus
from kgraph.store import GraphStore
from tests.kgraph.app.service.test_telling import T0, kept
from tests.stores import new_store

PAGER = PagerDutyReceiver(type="pagerduty", name="pager", token_env="KEY", most=3)
BUS = CloudEventsReceiver(type="cloudevents", name="bus", url="http://127.0.0.1/x")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    with closing(new_store(tmp_path / "kgraph.db")) as opened:
        yield opened


class Night:
    """A night's incidents, and what is sent of them."""

    def __init__(self, store: GraphStore, *receivers: ReceiverConfig) -> None:
        self.store, self.receivers, self.seen = store, receivers, set[str]()
        self.start()

    def start(self) -> None:
        self.announcer = Announcer(self.store, self.receivers, "", lambda _now: ())

    def sent(self, seconds: float, *incidents: str) -> list[dict[str, Any]]:
        """Let something be explained of these; return the notices that are sent then."""
        self.announcer.look_at(incidents)
        self.announcer.settle(T0 + timedelta(seconds=seconds))
        rows = [row for row in self.store.documents(Drawer.OUTBOX) if row.id not in self.seen]
        self.seen |= {row.id for row in rows}
        return [json.loads(row.body)["notice"] for row in rows]


def opened(store: GraphStore, numbers: Iterable[int], *, hit: int = 0) -> list[str]:
    names = [f"INC-{n:04d}" for n in numbers]
    for name in names:
        kept(store, incident=name, hit=hit)
    return names


def closed(store: GraphStore, *names: str) -> None:
    for name in names:
        kept(store, incident=name, status=IncidentStatus.CLOSED)


def test_five_hundred_at_once_are_a_few_and_one_digest(store: GraphStore) -> None:
    night = Night(store, PAGER)
    names = opened(store, range(500))
    first = night.sent(0, *names)
    assert [row["incident"] for row in first] == names[:3]
    assert night.sent(29) == []
    (found,) = night.sent(31)
    assert sorted(found["incidents"]) == names[3:]
    assert (found["news"], found["level"]) == ("opened", "warning")
    assert found["title"] == "497 incidents at once: 497 warning"
    assert len(found["evidence"]) == 21
    assert found["evidence"][-1] == "and 477 more"
    assert [night.sent(n, *names) for n in (40, 1200, 4000)] == [[]] * 3


def test_a_program_gets_each_by_itself(store: GraphStore) -> None:
    assert len(Night(store, BUS).sent(0, *opened(store, range(50)))) == 50


def test_for_people_five_an_hour_are_the_default_and_for_programs_there_is_no_end() -> None:
    web = {"type": "webhook", "name": "w", "url": "http://127.0.0.1/x"}
    assert PagerDutyReceiver(type="pagerduty", name="p").most == 5
    assert EmailReceiver(type="email", name="m", sender="a@b", to=("c@d",)).most == 5
    assert WebhookReceiver.model_validate(web | {"template": "slack"}).most == 5
    assert WebhookReceiver.model_validate(web | {"template": "slack", "most": 0}).most == 0
    assert WebhookReceiver.model_validate(web | {"template": "servicenow"}).most == 0
    assert BUS.most == 0


def test_what_is_worse_is_told_at_once_amid_a_storm_of_lesser_ones(store: GraphStore) -> None:
    night = Night(store, PAGER)
    night.sent(0, *opened(store, range(100)))
    (error,) = opened(store, [100], hit=1)
    assert [row["incident"] for row in night.sent(5, error)] == [error]


def test_what_is_less_bad_is_gathered_at_once_after_enough_that_was_worse(
    store: GraphStore,
) -> None:
    night = Night(store, PAGER)
    assert len(night.sent(0, *opened(store, range(3), hit=1))) == 3
    assert night.sent(5, *opened(store, range(3, 6))) == []
    assert [len(row["incidents"]) for row in night.sent(36)] == [3]


def test_one_that_becomes_worse_than_its_digest_said_is_told_by_itself(store: GraphStore) -> None:
    night = Night(store, PAGER)
    names = opened(store, range(20))
    night.sent(0, *names)
    night.sent(31)
    opened(store, [15], hit=2)
    (found,) = night.sent(50, names[15])
    assert (found["incident"], found["news"], found["level"]) == (names[15], "opened", "error")


def test_what_is_worse_than_the_last_digest_does_not_wait_for_the_next_one(
    store: GraphStore,
) -> None:
    night = Night(store, PAGER)
    night.sent(0, *opened(store, range(100)))
    assert len(night.sent(31)) == 1
    night.sent(40, *opened(store, range(100, 110)))
    assert night.sent(100) == []  # warnings as before: within five minutes
    errors = opened(store, range(110, 120), hit=1)
    assert len(night.sent(101, *errors)) == 3
    (found,) = night.sent(132)
    assert found["level"] == "error"
    assert len(found["incidents"]) == 17  # the warnings that waited, too


def test_a_single_one_too_many_is_told_as_ever_and_a_little_later(store: GraphStore) -> None:
    night = Night(store, PAGER)
    names = opened(store, range(4))
    night.sent(0, *names)
    (found,) = night.sent(31)
    assert (found["incident"], found["news"]) == (names[3], "opened")


def test_what_is_over_before_the_digest_is_not_in_it(store: GraphStore) -> None:
    night = Night(store, PAGER)
    names = opened(store, range(6))
    night.sent(0, *names)
    kept(store, incident=names[5], status=IncidentStatus.RESOLVED)
    night.sent(10, names[5])
    (found,) = night.sent(31)
    assert found["incidents"] == names[3:5]


def test_a_digest_is_over_once_when_all_of_it_is_closed_however_it_flapped(
    store: GraphStore,
) -> None:
    night = Night(store, PAGER)
    names = opened(store, range(10))
    night.sent(0, *names)
    (digest,) = night.sent(31)
    mine = names[3:]
    for second in range(60, 3600, 60):  # an hour to and fro
        status = IncidentStatus.RESOLVED if second % 120 else IncidentStatus.OPEN
        for name in mine:
            kept(store, incident=name, status=status)
        assert night.sent(second, *mine) == []
    closed(store, *mine[1:])
    assert night.sent(4300, *mine[1:]) == []
    closed(store, mine[0])
    (over,) = night.sent(4400, mine[0])
    assert (over["incident"], over["news"], over["level"]) == (digest["incident"], "over", "clear")
    assert messages.pagerduty(over, "k")["event_action"] == "resolve"
    assert night.sent(5000, *names) == []


def test_a_restart_in_the_middle_tells_nobody_again_and_forgets_no_end(store: GraphStore) -> None:
    night = Night(store, PAGER)
    names = opened(store, range(10))
    night.sent(0, *names)
    (digest,) = night.sent(31)
    night.start()
    assert night.sent(40, *names) == []
    assert night.sent(80) == []
    closed(store, *names[3:])
    night.start()
    assert [row["incident"] for row in night.sent(700)] == [digest["incident"]]


@pytest.mark.parametrize("left", [0, 2])
def test_the_end_is_told_of_a_digest_of_which_much_is_past_retention(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    night = Night(store, PAGER)
    names = opened(store, range(10))
    night.sent(0, *names)
    (digest,) = night.sent(31)
    closed(store, *names)
    monkeypatch.setattr("kgraph.store._limits.NEWEST", left)
    store.prune(T0 + timedelta(days=400), limit=1000)
    assert len(store.heads()) == left
    night.start()
    (over,) = (row for row in night.sent(1e6) if row["incident"] == digest["incident"])
    assert (over["news"], over["status"], over["incidents"]) == ("over", "closed", names[3:])
    assert over["title"] == "7 incidents, told together, are over"
    assert messages.pagerduty(over, "k")["event_action"] == "resolve"
    for name in template.SHIPPED:
        said = json.dumps(template.render(template.shipped(name), over))
        assert "7 incidents, told together, are over" in said
    night.start()
    assert night.sent(2e6) == []  # and not again


@pytest.mark.parametrize("others", [0, 150])  # that go on, and are looked at before it
def test_the_end_is_told_of_one_that_is_past_retention(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch, others: int
) -> None:
    night, months = Night(store, PAGER), 100 * 86_400
    (name,) = opened(store, range(1))
    assert [row["incident"] for row in night.sent(0, name)] == [name]
    closed(store, name)
    monkeypatch.setattr("kgraph.store._limits.NEWEST", 0)
    store.prune(T0 + timedelta(days=400), limit=1000)
    opened(store, range(1, 1 + others))
    night.start()
    sent = [*night.sent(months), *night.sent(months + 1)]
    (over,) = (row for row in sent if row["incident"] == name)
    assert (over["news"], over["status"]) == ("over", "closed")
    assert over["text"]["summary"] == f"{name} over: nothing is kept of it any longer"
    assert messages.pagerduty(over, "k")["event_action"] == "resolve"
    for shipped in template.SHIPPED:
        said = json.dumps(template.render(template.shipped(shipped), over))
        assert "nothing is kept of it any longer" in said
    night.start()
    assert not [row for row in night.sent(months + 2) if row["incident"] == name]  # not again


def test_what_a_receiver_knows_that_is_no_longer_configured_is_forgotten(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    night = Night(store, PAGER)
    (name,) = opened(store, range(1))
    night.sent(0, name)
    closed(store, name)
    monkeypatch.setattr("kgraph.store._limits.NEWEST", 0)
    store.prune(T0 + timedelta(days=400), limit=1000)
    Night(store).sent(100 * 86_400)
    assert store.count(Drawer.TOLD) == 0


def test_what_waits_for_a_digest_is_not_lost_by_a_restart(store: GraphStore) -> None:
    night = Night(store, PAGER)
    names = opened(store, range(10))
    night.sent(0, *names)
    night.start()
    assert night.sent(10) == []
    (found,) = night.sent(41)
    assert sorted(found["incidents"]) == names[3:]


def test_reminders_are_of_the_digest_until_somebody_has_all_of_it(store: GraphStore) -> None:
    night = Night(store, PAGER.model_copy(update={"remind": 600}))
    names = opened(store, range(8))
    night.sent(0, *names)
    (digest,) = night.sent(31)
    for name in names[:4]:
        note(store, Handling(name, Did.ACKNOWLEDGED, T0 + timedelta(seconds=60), "ada"))
    night.sent(61, *names[:4])
    (found,) = night.sent(700)
    assert (found["news"], found["incident"]) == ("reminder", digest["incident"])
    assert found["incidents"] == names[4:]
    for name in names[4:]:
        note(store, Handling(name, Did.ACKNOWLEDGED, T0 + timedelta(seconds=800), "ada"))
    assert night.sent(1400) == []


def test_who_takes_a_digest_on_in_pagerduty_has_all_of_it(store: GraphStore) -> None:
    night = Night(store, PAGER)
    names = opened(store, range(6))
    night.sent(0, *names)
    (digest,) = night.sent(31)
    key = messages.pagerduty(digest, "k")["dedup_key"]

    def happens(act: Act, seconds: float) -> set[str]:
        at = T0 + timedelta(seconds=seconds)
        event = PagerEvent(f"e{seconds}", at, act, "PD1", key, "Ada", "")
        carry_out(store, "pager", event, at)
        return set(acknowledgements(store, names))

    assert happens(Act.TAKEN, 60) == set(names[3:])
    assert happens(Act.GIVEN_BACK, 90) == set()
    happens(Act.ENDED, 120)  # each is closed by itself
    assert {head.id for head in store.heads(IncidentStatus.OPEN, limit=100)} == set(names)


@pytest.mark.parametrize("name", template.SHIPPED)
def test_every_shipped_template_can_say_a_digest(store: GraphStore, name: str) -> None:
    night = Night(store, PAGER)
    night.sent(0, *opened(store, range(6)))
    (digest,) = night.sent(31)
    assert "3 incidents at once" in json.dumps(template.render(template.shipped(name), digest))
    assert "3 incidents at once" in messages.email(digest)[0]


def test_a_restart_forgets_no_end_where_one_was_told_by_itself_meanwhile(
    store: GraphStore,
) -> None:
    night = Night(store, PAGER)
    names = opened(store, range(6))
    night.sent(0, *names)
    (digest,) = night.sent(31)
    opened(store, [5], hit=1)
    assert len(night.sent(50, names[5])) == 1
    closed(store, names[5])
    assert [row["incident"] for row in night.sent(60, names[5])] == [names[5]]
    night.start()
    night.sent(70)
    closed(store, *names[3:5])
    assert [row["incident"] for row in night.sent(700, *names[3:5])] == [digest["incident"]]


def test_a_single_one_too_many_is_reminded_of_as_ever(store: GraphStore) -> None:
    night = Night(store, PAGER.model_copy(update={"remind": 600}))
    names = opened(store, range(4))
    night.sent(0, *names)
    assert len(night.sent(31)) == 1
    assert [row["news"] for row in night.sent(640)] == ["reminder"] * 4


def test_single_ones_too_many_come_no_faster_than_digests(store: GraphStore) -> None:
    night = Night(store, PAGER)
    night.sent(0, *opened(store, range(3)))
    pages = []
    for number in range(3, 23):  # one every forty seconds
        pages += night.sent(number * 40, *opened(store, [number]))
        pages += night.sent(number * 40 + 31)
    assert len(pages) == 3  # in 13 minutes


def test_who_takes_a_digest_on_has_what_that_receiver_was_told(store: GraphStore) -> None:
    night = Night(store, PAGER, PAGER.model_copy(update={"name": "other", "least": "error"}))
    names = [*opened(store, range(6)), *opened(store, range(6, 12), hit=1)]
    night.sent(0, *names)
    mine, theirs = sorted(night.sent(31), key=lambda row: -len(row["incidents"]))
    assert len(theirs["incidents"]) < len(mine["incidents"])
    at = T0 + timedelta(seconds=60)
    for notice in (theirs, mine):
        key = messages.pagerduty(notice, "k")["dedup_key"]
        carry_out(store, "p", PagerEvent("e", at, Act.TAKEN, key, key, "Ada", ""), at)
        assert set(acknowledgements(store, names)) == set(notice["incidents"])


def test_a_clock_that_was_ahead_holds_back_no_reminder_and_counts_for_nothing(
    store: GraphStore,
) -> None:
    night = Night(store, PAGER.model_copy(update={"remind": 600}))
    day = 86_400
    night.sent(day, *opened(store, range(3)))
    night.sent(day + 31, *opened(store, range(3, 6)))
    night.sent(day + 90)
    night.announcer.begin_anew()  # it is set back
    again = night.sent(100)
    assert "reminder" in {row["news"] for row in again if row["incidents"]}
    fresh = opened(store, [7])
    assert [row["incident"] for row in night.sent(110, *fresh)] == fresh


def test_a_digest_of_which_nothing_is_left_to_remind_of_is_not_read_each_round(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    night = Night(store, PAGER.model_copy(update={"remind": 600}))
    names = opened(store, range(8))
    night.sent(0, *names)
    night.sent(31)
    for name in names:
        note(store, Handling(name, Did.ACKNOWLEDGED, T0 + timedelta(seconds=60), "ada"))
    night.sent(61, *names)
    night.sent(700)
    read = []
    monkeypatch.setattr(store, "incident", read.append)
    night.sent(701)
    assert read == []


def test_what_an_earlier_version_has_told_ends_no_watch(store: GraphStore) -> None:
    first, second = opened(store, range(2))
    body = json.dumps({"meaning": "m", "at": T0.isoformat()})
    store.put([Document(Drawer.TOLD, f"pager {first}", T0, body)])
    assert second in {row["incident"] for row in Night(store, PAGER).sent(5, second)}
