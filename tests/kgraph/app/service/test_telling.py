"""Receivers are told what is news to them, once, again after failures, and never in a storm."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kgraph.app.incidents.handled import note
from kgraph.app.service.announce import Announcer
from kgraph.app.service.hands import Hands
from kgraph.app.service.letters import retry
from kgraph.app.service.sending import NotNowError, RefusedError, Sender
from kgraph.app.watch.told import Told, What
from kgraph.config.receivers import CloudEventsReceiver
from kgraph.incidents.handling import GROUPING, Did, Handling
from kgraph.incidents.messages import pagerduty
from kgraph.schema import (
    Document,
    Drawer,
    IncidentRecord,
    IncidentStatus,
    InputError,
    KgraphError,
    PlanRecord,
    PlanState,
    StoreFullError,
)
from kgraph.store import GraphStore
from tests.stores import new_store

T0 = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
EVERYTHING = CloudEventsReceiver(type="cloudevents", name="all", url="http://127.0.0.1/x")
LOUD = EVERYTHING.model_copy(update={"name": "loud", "least": "critical"})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    with closing(new_store(tmp_path / "kgraph.db")) as opened:
        yield opened


def kept(
    store: GraphStore,
    mode: str = "down",
    status: IncidentStatus = IncidentStatus.OPEN,
    incident: str = "INC-1",
    *,
    hit: int = 0,
    chance: float = 0.9,
    services: str = "",
    opened: float = 0,
) -> None:
    fault = {"entity": "x", "mode": mode}
    cause = fault | {"posterior": chance, "explains": 1, "supporting": [], "contradicting": []}
    guests = [f"v{n}" for n in range(hit)]
    answer = {
        "causes": [cause],
        "hypotheses": [{"members": [fault], "posterior": 0.9}],
        "abstained": False,
        "blastRadius": {
            "now": [{"entity": each, "probability": 0.9} for each in (*guests, *services)],
            "next": [],
            "redundancyLost": [],
        },
        "nextChecks": [],
        "entities": [
            {"uid": "x", "kind": "Host", "name": "h1"},
            *({"uid": each, "kind": "Service", "name": each} for each in services),
        ],
    }
    store.save_incident(
        IncidentRecord(
            incident,
            status,
            T0 + timedelta(seconds=opened),
            T0,
            "trouble",
            "{}",
            json.dumps(answer),
        )
    )


@dataclass
class Scene:
    store: GraphStore
    announcer: Announcer

    def happens(self, seconds: float, incident: str = "INC-1") -> list[tuple[str, str]]:
        """Let something happen to an incident; return (receiver, incident) of what is sent."""
        now = T0 + timedelta(seconds=seconds)
        line = f"{incident} cause"
        self.announcer.hear(Told(now, What.EXPLAINED, line, {"incident": incident}))
        return self.settles(seconds)

    def settles(self, seconds: float) -> list[tuple[str, str]]:
        before = {row.id for row in self.store.documents(Drawer.OUTBOX)}
        self.announcer.settle(T0 + timedelta(seconds=seconds))
        rows = [row for row in self.store.documents(Drawer.OUTBOX) if row.id not in before]
        bodies = [json.loads(row.body) for row in rows]
        return sorted((body["receiver"], body["incident"]) for body in bodies)


def scene(store: GraphStore, *receivers: CloudEventsReceiver) -> Scene:
    return Scene(store, Announcer(store, receivers, "", lambda _now: ()))


@pytest.fixture
def one(store: GraphStore) -> Scene:
    return scene(store, EVERYTHING)


def test_an_incident_is_told_once_though_it_is_explained_again_and_again(
    one: Scene, store: GraphStore
) -> None:
    kept(store)
    assert one.happens(0) == [("all", "INC-1")]
    assert [one.happens(n) for n in range(1, 100)] == [[]] * 99


def test_an_incident_is_told_whose_plan_cannot_be_read_any_longer(
    one: Scene, store: GraphStore
) -> None:
    kept(store)
    store.save_plan(PlanRecord("P-1", "INC-1", PlanState.APPROVED, T0, T0, "{}"))
    assert one.happens(0) == [("all", "INC-1")]


def test_another_cause_is_told_but_not_at_once_after_the_first(
    one: Scene, store: GraphStore
) -> None:
    kept(store)
    one.happens(0)
    kept(store, "slow")
    assert one.happens(5) == []
    assert one.settles(59) == []
    assert one.settles(61) == [("all", "INC-1")]


def test_a_cause_that_goes_to_and_fro_is_told_as_it_stands_when_the_time_has_come(
    one: Scene, store: GraphStore
) -> None:
    kept(store)
    one.happens(0)
    for second, mode in enumerate(("slow", "down") * 5, 1):
        kept(store, mode)
        assert one.happens(second) == []
    assert one.settles(70) == []  # it is as it was


def test_a_chance_that_trembles_is_no_news_and_one_that_has_moved_is(store: GraphStore) -> None:
    here = scene(store, replace_every(EVERYTHING, 0))
    kept(store, chance=0.59)
    here.happens(0)
    for second, chance in enumerate((0.61, 0.59, 0.7, 0.5), 1):
        kept(store, chance=chance)
        assert here.happens(second) == []
    kept(store, chance=0.8)
    assert here.happens(10) == [("all", "INC-1")]
    kept(store, chance=0.55)
    assert here.happens(20) == [("all", "INC-1")]


def test_a_service_that_is_hit_again_and_again_is_told_once(store: GraphStore) -> None:
    here = scene(store, replace_every(EVERYTHING, 0))
    kept(store, services="ab")
    here.happens(0)
    for second, services in enumerate(("a", "ab", "b", "", "ab"), 1):
        kept(store, services=services)
        assert here.happens(second) == []
    kept(store, services="abc")
    assert here.happens(10) == [("all", "INC-1")]


def test_the_end_is_told_at_once_and_its_closing_not_again(one: Scene, store: GraphStore) -> None:
    kept(store)
    one.happens(0)
    kept(store, status=IncidentStatus.RESOLVED)
    assert one.happens(1) == [("all", "INC-1")]
    kept(store, status=IncidentStatus.CLOSED)
    assert one.happens(700) == []


def test_what_flaps_is_told_as_back_once_and_over_once_it_has_stayed_away(
    store: GraphStore,
) -> None:
    here = scene(store, EVERYTHING)
    told = []

    def stands(second: float, status: IncidentStatus) -> None:
        kept(store, status=status)
        if here.happens(second):
            told.append((second, newest(store)["news"]))

    stands(0, IncidentStatus.OPEN)
    for minute in range(2, 60, 4):
        stands(minute * 60, IncidentStatus.RESOLVED)
        stands((minute + 2) * 60, IncidentStatus.OPEN)
    stands(3_700, IncidentStatus.RESOLVED)
    stands(4_300, IncidentStatus.CLOSED)
    assert told == [(0, "opened"), (120, "over"), (240, "reopened"), (4_300, "over")]


def test_an_incident_that_was_never_told_does_not_end_either(
    one: Scene, store: GraphStore
) -> None:
    kept(store, status=IncidentStatus.RESOLVED)
    assert one.happens(0) == []


def test_one_who_wants_loud_ones_only_is_not_told_of_others(store: GraphStore) -> None:
    kept(store)
    assert scene(store, EVERYTHING, LOUD).happens(0) == [("all", "INC-1")]


def test_after_a_restart_nobody_is_told_twice_and_nothing_is_forgotten(
    one: Scene, store: GraphStore
) -> None:
    kept(store)
    one.happens(0)
    kept(store, incident="INC-2")  # kept, and then we were killed
    assert scene(store, EVERYTHING).settles(10) == [("all", "INC-2")]


def test_after_a_restart_amid_a_storm_each_incident_is_looked_at(
    store: GraphStore,
) -> None:
    for number in range(250):
        kept(store, incident=f"INC-{number:04}")
    here = scene(store, EVERYTHING)
    known = []
    for second in range(4):
        here.announcer.settle(T0 + timedelta(seconds=second))
        known.append(store.count(Drawer.TOLD))
    assert known == [100, 200, 250, 250]


def test_the_newest_are_told_first(store: GraphStore) -> None:
    for number in range(150):
        kept(store, incident=f"INC-{number:04}", opened=number)
    here = scene(store, EVERYTHING)
    here.announcer.settle(T0 + timedelta(seconds=200))
    first = {row.id for row in store.documents(Drawer.TOLD, limit=1_000)}
    assert first == {f"all INC-{number:04}" for number in range(50, 150)}


def test_events_are_kept_in_their_order_for_those_who_listen(
    one: Scene, store: GraphStore
) -> None:
    for number in range(3):
        one.announcer.hear(Told(T0, What.FINDING, f"line {number}", {}))
    one.settles(0)
    lines = [json.loads(row.body)["line"] for row in store.documents(Drawer.EVENT)]
    assert lines == ["line 0", "line 1", "line 2"]
    one.settles(24 * 3600 + 1)
    assert store.count(Drawer.EVENT) == 0


def test_who_listens_misses_no_event_that_is_of_earlier_than_the_last_one(
    one: Scene, store: GraphStore
) -> None:
    """Of when a source was asked, from before the clock was set back, or of the same moment."""

    def happens(line: str, of: float, at: float) -> None:
        one.announcer.hear(Told(T0 + timedelta(seconds=of), What.FINDING, line, {}))
        one.settles(at)

    heard: list[str] = []
    last = None
    moments = [("a", 5, 5), ("b", 5, 5), ("c", 0, 6), ("d", 99, 99), ("e", 7, 7), ("f", 8, 8)]
    for line, of, at in moments:
        if line == "e":
            one.announcer.begin_anew()
        happens(line, of, at)
        for row in store.documents(Drawer.EVENT, after=last):
            last = row
            heard.append(json.loads(row.body)["line"])
    assert heard == list("abcdef")


@dataclass
class Channel:
    fails: list[Exception] = field(default_factory=list)
    got: list[str] = field(default_factory=list)

    def send(self, document: Mapping[str, Any], message_id: str) -> None:  # noqa: ARG002
        if self.fails:
            raise self.fails.pop(0)
        self.got.append(f"{document['incident']} {document['causes'][0]['mode']}")


def sender(store: GraphStore, channel: Channel, outcomes: list[str], tries: int = 3) -> Sender:
    return Sender(store, "all", channel, tries, lambda: 1.0, outcomes.append)


def test_only_the_newest_of_several_messages_on_one_incident_is_sent(store: GraphStore) -> None:
    here = scene(store, replace_every(EVERYTHING, 0))
    for second, mode in enumerate(("down", "slow", "failing")):
        kept(store, mode)
        here.happens(second)
    channel, outcomes = Channel(), list[str]()
    assert sender(store, channel, outcomes).round(T0 + timedelta(minutes=1))
    assert (channel.got, outcomes) == (["INC-1 failing"], ["sent"])
    assert store.count(Drawer.OUTBOX) == 0


def test_what_waits_for_a_receiver_that_is_away_does_not_grow_with_every_change(
    store: GraphStore,
) -> None:
    """All of it is read whenever it is asked."""
    here = scene(store, replace_every(EVERYTHING, 0))
    works = sender(store, Channel([KgraphError("503")] * 100), [], tries=100)
    for second in range(50):
        kept(store, ("down", "slow")[second % 2])
        here.happens(second)
        works.round(T0 + timedelta(seconds=second))
    works.round(T0 + timedelta(seconds=80))
    assert store.count(Drawer.OUTBOX) == 1
    assert works.channel.got == []


def replace_every(receiver: CloudEventsReceiver, seconds: float) -> CloudEventsReceiver:
    return receiver.model_copy(update={"every": seconds})


def test_one_that_fails_is_tried_again_after_longer_and_longer(
    one: Scene, store: GraphStore
) -> None:
    kept(store)
    one.happens(0)
    channel, outcomes = Channel([KgraphError("503")] * 2), list[str]()
    here = sender(store, channel, outcomes)
    for second in (0, 1.9, 2, 5.9, 6):
        here.round(T0 + timedelta(seconds=second))
    assert (channel.got, outcomes) == (["INC-1 down"], ["failed", "failed", "sent"])


class Away(Channel):
    """Takes nothing before a moment, and never what speaks of one incident."""

    until, never, now, asked = T0 + timedelta(minutes=10), "", T0, 0

    def send(self, document: Mapping[str, Any], message_id: str) -> None:
        self.asked += 1
        if self.now < self.until or document["incident"] == self.never:
            raise KgraphError("no answer within 10 s")
        super().send(document, message_id)


def _rounds(works: Sender, away: Away, seconds: range) -> None:
    for second in seconds:
        away.now = T0 + timedelta(seconds=second)
        works.round(away.now)


def test_a_receiver_that_is_away_is_asked_for_one_message_and_the_rest_waits(
    store: GraphStore,
) -> None:
    here = scene(store, EVERYTHING)
    for number in range(50):
        kept(store, incident=f"INC-{number}")
        here.happens(0, f"INC-{number}")
    away = Away()
    works = sender(store, away, [], tries=17)
    _rounds(works, away, range(600))
    assert (away.asked, away.got) == (23, [])
    _rounds(works, away, range(600, 632))
    assert len(away.got) == 50
    assert (store.count(Drawer.OUTBOX), store.count(Drawer.DEAD)) == (0, 0)


def test_a_message_that_is_never_taken_keeps_the_others_for_half_a_minute_at_most(
    store: GraphStore,
) -> None:
    here = scene(store, EVERYTHING)
    away = Away()
    away.never, away.until = "INC-0", T0
    works = sender(store, away, [], tries=17)
    for number in range(10):
        kept(store, incident=f"INC-{number}")
        here.happens(60 * number, f"INC-{number}")
        _rounds(works, away, range(60 * number, 60 * number + 31))
        assert len(away.got) == number


def test_one_that_is_refused_or_fails_too_often_is_a_dead_letter(
    one: Scene, store: GraphStore
) -> None:
    for fails in ([RefusedError("400")], [KgraphError("503")] * 3):
        kept(store, incident=f"INC-{len(fails)}")
        one.happens(0, f"INC-{len(fails)}")
        here = sender(store, Channel(list(fails)), [])
        for minute in range(5):
            here.round(T0 + timedelta(minutes=minute))
    because = sorted(json.loads(row.body)["because"] for row in store.documents(Drawer.DEAD))
    assert because == ["400", "503"]
    assert store.count(Drawer.OUTBOX) == 0


def test_a_message_that_the_program_stumbles_over_stops_no_other(store: GraphStore) -> None:
    here = scene(store, EVERYTHING)
    for incident in ("INC-1", "INC-2"):
        kept(store, incident=incident)
        here.happens(0, incident)
    channel, outcomes = Channel([ValueError("half a character")]), list[str]()
    works = sender(store, channel, outcomes, tries=1)
    for second in range(3):
        works.round(T0 + timedelta(seconds=second))
    assert (channel.got, outcomes) == (["INC-2 down"], ["failed", "dead", "sent"])
    (dead,) = store.documents(Drawer.DEAD)
    assert "ValueError: half a character" in json.loads(dead.body)["because"]


def test_a_receiver_that_says_how_long_is_left_alone_for_so_long(store: GraphStore) -> None:
    here = scene(store, EVERYTHING)
    for incident in ("INC-1", "INC-2"):
        kept(store, incident=incident)
        here.happens(0, incident)
    channel, outcomes = Channel([NotNowError("429", timedelta(seconds=60))]), list[str]()
    works = sender(store, channel, outcomes)
    for second in (0, 1, 5, 59):
        assert not works.round(T0 + timedelta(seconds=second))
    assert (channel.got, outcomes) == ([], ["failed"])
    works.round(T0 + timedelta(seconds=60))
    assert sorted(channel.got) == ["INC-1 down", "INC-2 down"]


def test_what_waits_by_a_clock_that_was_ahead_is_sent_before_what_came_later(
    store: GraphStore,
) -> None:
    here = scene(store, replace_every(EVERYTHING, 0))
    kept(store)
    day = 24 * 3600
    here.happens(day)
    channel = Channel([NotNowError("429", timedelta(seconds=60))])
    works = sender(store, channel, [])
    works.round(T0 + timedelta(days=1))
    here.announcer.begin_anew()  # the clock is set right
    here.settles(0)
    assert works.round(T0 + timedelta(seconds=1))
    assert channel.got == ["INC-1 down"]
    here.happens(day + 1)
    kept(store, "slow")
    here.happens(day + 2)
    here.announcer.begin_anew()
    kept(store, "failing")
    here.happens(5)
    works.round(T0 + timedelta(seconds=6))
    assert channel.got[1:] == ["INC-1 failing"]  # and not "slow", dated tomorrow


def test_where_the_newest_message_is_dead_no_older_one_is_sent(store: GraphStore) -> None:
    here = scene(store, replace_every(EVERYTHING, 0))
    kept(store)
    here.happens(0)
    works = sender(store, Channel([KgraphError("503")] * 4), [], tries=3)
    works.round(T0)
    kept(store, status=IncidentStatus.RESOLVED)
    here.happens(1)
    for minute in range(1, 9):
        works.round(T0 + timedelta(minutes=minute))
    assert works.channel.got == []  # "down" would page somebody for what is over
    assert (store.count(Drawer.DEAD), store.count(Drawer.OUTBOX)) == (1, 0)


def test_a_dead_letter_is_sent_again_only_as_long_as_it_is_the_last_word(
    store: GraphStore,
) -> None:
    here = scene(store, replace_every(EVERYTHING, 0))
    kept(store)
    here.happens(0)
    works = sender(store, Channel([RefusedError("400")] * 2), [])
    works.round(T0)
    (first,) = store.documents(Drawer.DEAD)
    retry(store, first.id, T0 + timedelta(seconds=1))
    works.round(T0 + timedelta(seconds=1))
    kept(store, status=IncidentStatus.RESOLVED)
    here.happens(2)
    works.round(T0 + timedelta(seconds=3))
    assert len(works.channel.got) == 1  # its end
    with pytest.raises(InputError, match="a newer message on INC-1 to all was made since"):
        retry(store, first.id, T0 + timedelta(seconds=4))


def test_a_dead_letter_that_nobody_has_looked_at_for_a_month_is_forgotten(
    one: Scene, store: GraphStore
) -> None:
    for days in (31, 29):
        at = T0 - timedelta(days=days)
        store.put([Document(Drawer.DEAD, f"outbox {days}", at, "{}")])
    one.settles(0)
    assert [row.id for row in store.documents(Drawer.DEAD)] == ["outbox 29"]


def test_what_is_for_another_receiver_is_left_alone(store: GraphStore) -> None:
    kept(store)
    scene(store, replace_every(EVERYTHING, 0).model_copy(update={"name": "other"})).happens(0)
    channel = Channel()
    assert sender(store, channel, []).round(T0)
    assert (channel.got, store.count(Drawer.OUTBOX)) == ([], 1)


def test_what_is_for_a_receiver_that_is_gone_is_a_dead_letter(
    one: Scene, store: GraphStore
) -> None:
    kept(store)
    one.happens(0)
    scene(store).settles(1)
    (dead,) = store.documents(Drawer.DEAD)
    assert json.loads(dead.body)["because"] == "no receiver is called 'all' any longer"
    assert store.count(Drawer.OUTBOX) == 0


PAGED = EVERYTHING.model_copy(update={"name": "boss", "after": 300})
NAGGED = EVERYTHING.model_copy(update={"name": "nag", "remind": 600})


def taken(store: GraphStore, seconds: float, did: Did = Did.ACKNOWLEDGED) -> None:
    note(store, Handling("INC-1", did, T0 + timedelta(seconds=seconds), "ada", "on it"))


def newest(store: GraphStore) -> dict[str, Any]:
    rows = store.documents(Drawer.OUTBOX, limit=1, newest=True)
    found: dict[str, Any] = json.loads(rows[0].body)["notice"]
    return found


def test_an_acknowledgement_is_told_once_and_what_is_no_worse_is_kept_from_then_on(
    one: Scene, store: GraphStore
) -> None:
    kept(store)
    one.happens(0)
    taken(store, 5)
    assert one.happens(5) == [("all", "INC-1")]
    said = newest(store)
    assert (said["news"], said["acknowledged"]["by"]) == ("acknowledged", "ada")
    assert "acknowledged by ada" in said["text"]["summary"]
    assert pagerduty(said, "key")["event_action"] == "acknowledge"
    kept(store, "slow")  # another cause, no worse
    assert one.happens(100) == []
    kept(store, "slow", hit=3)  # worse
    assert one.happens(200) == [("all", "INC-1")]
    assert (newest(store)["news"], newest(store)["level"]) == ("changed", "error")
    kept(store, status=IncidentStatus.RESOLVED)
    assert one.happens(201) == [("all", "INC-1")]
    assert pagerduty(newest(store), "key")["event_action"] == "resolve"


def test_an_acknowledgement_that_is_taken_back_is_told_too(one: Scene, store: GraphStore) -> None:
    kept(store)
    one.happens(0)
    taken(store, 5)
    one.happens(5)
    taken(store, 9, Did.WITHDRAWN)
    assert one.happens(9) == [("all", "INC-1")]
    assert (newest(store)["news"], newest(store)["acknowledged"]) == ("changed", None)


def test_who_is_escalated_to_hears_of_what_nobody_has_taken_on(store: GraphStore) -> None:
    kept(store)
    both = scene(store, EVERYTHING, PAGED)
    assert both.happens(0) == [("all", "INC-1")]
    assert both.settles(299) == []
    assert both.settles(301) == [("boss", "INC-1")]


def test_an_acknowledgement_in_time_spares_those_who_are_escalated_to(store: GraphStore) -> None:
    kept(store)
    both = scene(store, EVERYTHING, PAGED)
    both.happens(0)
    taken(store, 200)
    both.happens(200)
    assert both.settles(301) == []
    kept(store, status=IncidentStatus.RESOLVED)
    assert both.happens(400) == [("all", "INC-1")]


def test_reminders_come_until_somebody_has_it(store: GraphStore) -> None:
    kept(store)
    nag = scene(store, NAGGED)
    nag.happens(0)
    assert nag.settles(599) == []
    assert nag.settles(601) == [("nag", "INC-1")]
    assert newest(store)["news"] == "reminder"
    assert nag.settles(900) == []
    taken(store, 1000)
    nag.happens(1000)
    assert nag.settles(9000) == []


def test_what_was_told_by_a_clock_that_was_ahead_holds_back_nothing(store: GraphStore) -> None:
    kept(store)
    nag = scene(store, NAGGED)
    nag.happens(24 * 3600)
    nag.announcer.begin_anew()
    assert nag.settles(0) == [("nag", "INC-1")]
    assert nag.settles(599) == []
    assert nag.settles(601) == [("nag", "INC-1")]


def test_who_has_not_heard_of_an_incident_is_not_asked_to_acknowledge_it(
    one: Scene, store: GraphStore
) -> None:
    kept(store)
    one.happens(0)  # not sent: the receiver is away
    taken(store, 5)
    one.happens(5)
    got: list[Mapping[str, Any]] = []

    @dataclass
    class Way:
        def send(self, document: Mapping[str, Any], _message_id: str) -> None:
            got.append(document)

    Sender(store, "all", Way(), 3, lambda: 1.0, lambda _outcome: None).round(
        T0 + timedelta(seconds=6)
    )
    assert [(row["news"], row["acknowledged"]["by"]) for row in got] == [("opened", "ada")]


def test_what_people_do_by_another_process_is_an_event_here(store: GraphStore) -> None:
    hands = Hands(store)
    taken(store, 1)
    assert hands.news(T0) == []  # it was there before us
    taken(store, 2, Did.WITHDRAWN)
    note(store, Handling("INC-1", Did.MERGED, T0, GROUPING, other="INC-2"))
    (told,) = hands.news(T0)
    assert (told.what, told.facts["did"], told.facts["by"]) == (What.HANDLED, "withdrawn", "ada")
    assert hands.news(T0) == []


def test_what_a_person_does_in_a_storm_is_not_lost_among_what_the_grouping_does(
    store: GraphStore,
) -> None:
    hands = Hands(store)
    for number in range(30):
        note(store, Handling(f"INC-{number}", Did.MERGED, T0, GROUPING, other="INC-99"))
    hands.news(T0)
    taken(store, 1)
    for number in range(30, 90):
        at = T0 + timedelta(seconds=2)
        note(store, Handling(f"INC-{number}", Did.MERGED, at, GROUPING, other="INC-99"))
    (told,) = hands.news(T0)
    assert told.facts["did"] == "acknowledged"
    assert hands.news(T0) == []


def test_what_was_sent_is_not_sent_again_while_the_store_cannot_let_go_of_it(
    one: Scene, store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk, or while another writes: it would be sent every second."""
    kept(store)
    one.happens(0)
    channel, gone = Channel(), set[str]()

    def full(*_: object) -> None:
        raise StoreFullError("the store cannot grow")

    with monkeypatch.context() as patch:
        patch.setattr(store, "drop", full)
        for second in range(3):  # each with the store opened anew
            again = replace(sender(store, channel, []), gone=gone)
            with pytest.raises(StoreFullError):
                again.round(T0 + timedelta(seconds=second))
    assert replace(sender(store, channel, []), gone=gone).round(T0 + timedelta(seconds=9))
    assert (channel.got, store.count(Drawer.OUTBOX), gone) == (["INC-1 down"], 0, set())
