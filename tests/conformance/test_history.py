"""Earlier moments: what is asked of the past is answered as it was answered then."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kgraph.schema import (
    Change,
    Coverage,
    Document,
    Drawer,
    IncidentRecord,
    IncidentStatus,
    Item,
    Key,
    Observation,
    Record,
    RelationRecord,
    Ruling,
    State,
)
from kgraph.store import Estate, GraphStore, Pruned, Toward, _limits
from tests.conformance.conftest import T0, Sync

MINUTE = timedelta(minutes=1)
UUID = Key("smbiosUuid", "5f3c6d1e-0000-4000-8000-000000000001")
H1 = Record("h1", "Host", keys=(UUID,), props={"vcpus": 4})
H2 = Record("h2", "Host")
V1 = Record("v1", "VirtualMachine")
ON_H1, ON_H2 = RelationRecord("v1", "RUNS_ON", "h1"), RelationRecord("v1", "RUNS_ON", "h2")


def told(estate: Estate) -> tuple[object, ...]:
    """Return all that an estate says of its graph, in an order that does not matter."""
    whole = estate.graph()
    entities = [
        (e.uid, e.kind, e.name, e.keys, dict(e.labels), dict(e.props)) for e in whole.entities
    ]
    return entities, set(whole.relations)


def names(estate: Estate) -> list[str]:
    return [entity.name for entity in estate.find()]


def needs(estate: Estate) -> set[tuple[str, str, str]]:
    called = {entity.uid: entity.name for entity in estate.find()}
    return {(called[r.dependent], r.type, called[r.dependency]) for r in estate.graph().relations}


def test_a_past_moment_shows_what_was_there_then(store: GraphStore, sync: Sync) -> None:
    sync(H1, V1, ON_H1)
    sync(H1, H2, V1, ON_H2)
    sync(H2, V1, ON_H2)
    assert names(store.at(T0 - MINUTE)) == []
    assert needs(store.at(T0)) == {("v1", "RUNS_ON", "h1")}
    assert names(store.at(T0 + 1.5 * MINUTE)) == ["h1", "h2", "v1"]
    assert needs(store.at(T0 + 1 * MINUTE)) == {("v1", "RUNS_ON", "h2")}
    assert names(store.at(T0 + 2 * MINUTE)) == ["h2", "v1"]
    assert told(store.at(T0 + 9 * MINUTE)) == told(store)


def test_names_and_properties_are_those_of_then(store: GraphStore, sync: Sync) -> None:
    sync(Record("h1", "Host", "old", (UUID,), props={"vcpus": 4}))
    sync(Record("h1", "Host", "new", (UUID,), {"owner": "ops"}, {"vcpus": 8}))
    then, now = store.at(T0).find()[0], store.at(T0 + MINUTE).find()[0]
    assert (then.name, then.props, dict(then.labels)) == ("old", {"vcpus": 4}, {})
    assert (now.name, now.props, dict(now.labels)) == ("new", {"vcpus": 8}, {"owner": "ops"})
    assert then.uid == now.uid


def test_what_closed_and_came_back_was_away_in_between(store: GraphStore, sync: Sync) -> None:
    sync(H1, H2)
    sync(H2)
    sync(H1, H2)
    seen = [names(store.at(T0 + n * MINUTE)) for n in range(3)]
    assert seen == [["h1", "h2"], ["h2"], ["h1", "h2"]]


def test_what_was_two_and_is_one_now_is_shown_as_one(store: GraphStore, sync: Sync) -> None:
    sync(H2, V1, ON_H2, source="a")
    sync(H1, source="b")
    sync(Record("h2", "Host", keys=(UUID,)), V1, ON_H2, source="a")
    (host,) = (entity for entity in store.at(T0 + MINUTE).find(kind="Host"))
    assert store.get([host.uid]) == store.find(kind="Host")
    assert {r.dependency for r in store.at(T0 + MINUTE).graph().relations} == {host.uid}


def test_a_view_answers_every_question_as_the_store_does(store: GraphStore, sync: Sync) -> None:
    sync(H1, H2, V1, ON_H1, RelationRecord("h1", "USES", "h2", "paths", 1))
    sync(H1, source="other")
    view = store.at(T0 + 9 * MINUTE)
    host, _, guest = (entity.uid for entity in store.find())
    assert view.find() == store.find()
    for text in ("H1", "h", host, UUID.value.upper(), "nothing"):
        assert view.find(text=text) == store.find(text=text)
    assert view.find(kind="Host", limit=1) == store.find(kind="Host", limit=1)
    assert view.get([guest, "x", host]) == store.get([guest, "x", host])
    for namespace, value in (("smbiosUuid", UUID.value), ("name", "v1"), ("hostname", "h1")):
        assert view.resolve(namespace, value) == store.resolve(namespace, value) is not None
    assert view.locate("doc", "h2") == store.locate("doc", "h2") is not None
    assert view.spelling("doc") == store.spelling("doc")
    for toward in Toward:
        mine = view.neighbourhood([guest], toward, depth=1)
        theirs = store.neighbourhood([guest], toward, depth=1)
        assert mine.entities == theirs.entities
        assert set(mine.relations) == set(theirs.relations)
    assert view.paths(guest, host) == store.paths(guest, host)
    assert view.part([guest], [host]) == store.part([guest], [host])
    assert set(view.delta().relations) == set(store.delta().relations)
    assert view.scopes() == store.scopes()
    assert view.changes(T0) == store.changes(T0)


def observed(signal: str, state: State, minute: int, **more: object) -> Observation:
    return Observation("", signal, state, at=T0 + minute * MINUTE, detector="d", **more)  # type: ignore[arg-type]


def states(store: GraphStore, moment: datetime) -> list[tuple[str, str]]:
    return [(o.signal, o.state.value) for o in store.at(moment).evidence(now=moment).observations]


def test_what_was_seen_then_is_seen_again(store: GraphStore, sync: Sync) -> None:
    sync(H1)
    uid = store.find()[0].uid
    for row in (
        observed("down", State.ABNORMAL, 2),
        observed("down", State.ABNORMAL, 3),  # told again: nothing new
        observed("down", State.HEALTHY, 5),
        observed("down", State.ABNORMAL, 8, expires_at=T0 + 9 * MINUTE),
        observed("down", State.ABNORMAL, 12),
    ):
        store.observe([Observation(uid, *[getattr(row, f) for f in row.__slots__[1:]])])
    assert states(store, T0 + 1 * MINUTE) == []
    assert states(store, T0 + 2 * MINUTE) == [("down", "abnormal")]
    assert states(store, T0 + 4 * MINUTE) == [("down", "abnormal")]
    assert states(store, T0 + 6 * MINUTE) == [("down", "healthy")]
    assert states(store, T0 + 8 * MINUTE) == [("down", "abnormal")]
    assert states(store, T0 + 10 * MINUTE) == []  # it had expired, and was not told anew yet
    assert states(store, T0 + 13 * MINUTE) == [("down", "abnormal")]
    spans = [(s.observation.state, s.span.since, s.span.until) for s in store.history(uid).seen]  # type: ignore[union-attr]
    assert spans == [
        (State.ABNORMAL, T0 + 2 * MINUTE, T0 + 5 * MINUTE),
        (State.HEALTHY, T0 + 5 * MINUTE, T0 + 8 * MINUTE),
        (State.ABNORMAL, T0 + 8 * MINUTE, T0 + 9 * MINUTE),
        (State.ABNORMAL, T0 + 12 * MINUTE, None),
    ]


def test_what_was_foreseen_then_is_told_with_the_date_that_it_had(
    store: GraphStore, sync: Sync
) -> None:
    sync(H1)
    uid = store.find()[0].uid
    foreseen = observed("filling", State.ABNORMAL, 2, due_at=T0 + 30 * MINUTE)
    over = observed("filling", State.HEALTHY, 5)
    store.observe([replace(foreseen, entity=uid)])
    store.observe([replace(over, entity=uid)])
    (then,) = store.at(T0 + 3 * MINUTE).evidence(now=T0 + 3 * MINUTE).observations
    assert then.due_at == T0 + 30 * MINUTE
    seen = [row.observation.due_at for row in store.history(uid).seen]  # type: ignore[union-attr]
    assert seen == [T0 + 30 * MINUTE, None]


def test_where_a_detector_looked_without_a_gap_was_healthy(store: GraphStore, sync: Sync) -> None:
    sync(H1)
    uid = store.find()[0].uid
    for minute in (10, 11, 12, 30):
        at = T0 + minute * MINUTE
        store.observe([], [Coverage(uid, "down", "d", at, 2 * MINUTE)])
        if minute == 12:
            assert states(store, T0 + 9 * MINUTE) == []
            assert states(store, T0 + 11.5 * MINUTE) == [("down", "healthy")]
    assert states(store, T0 + 31 * MINUTE) == [("down", "healthy")]
    assert states(store, T0 + 20 * MINUTE) == []  # of earlier stretches nothing is known


def test_the_history_of_an_entity_is_told_even_when_it_is_gone(
    store: GraphStore, sync: Sync
) -> None:
    sync(H1, H2, V1, ON_H1)
    sync(H1, H2, V1, ON_H2)
    sync(H1, H2)
    guest = store.at(T0).find(kind="VirtualMachine")[0].uid
    store.observe([], changes=[Change(guest, "deploy", T0 + MINUTE, "v2")])
    story = store.history(guest)
    assert story is not None
    assert (story.kind, story.name) == ("VirtualMachine", "v1")
    assert [(s.since, s.until) for s in story.existed] == [(T0, T0 + 2 * MINUTE)]
    assert [(t.dependent, t.dependency, t.span.since, t.span.until) for t in story.ties] == [
        ("VirtualMachine v1", "Host h1", T0, T0 + MINUTE),
        ("VirtualMachine v1", "Host h2", T0 + MINUTE, T0 + 2 * MINUTE),
    ]
    assert [change.type for change in story.changes] == [
        "discovered",
        "relation_closed",
        "relation_opened",
        "deploy",
        "closed",
    ]
    assert store.history("nobody") is None


def everything(store: GraphStore, before: datetime, limit: int = 5_000) -> Pruned:
    total, removed = Pruned(), store.prune(before, limit=limit)
    while removed.total:
        total += removed
        removed = store.prune(before, limit=limit)
    return total


def test_pruning_forgets_what_had_ended_and_nothing_else(store: GraphStore, sync: Sync) -> None:
    sync(H1, H2, V1, ON_H1)
    sync(H1, H2, V1, ON_H2)
    sync(H1, H2)
    sync(H1)
    now, middle = told(store), told(store.at(T0 + 2 * MINUTE))
    before = store.delta()
    assert everything(store, T0 + 2.5 * MINUTE, limit=2).relations == 2
    assert told(store) == now
    assert told(store.at(T0 + 2 * MINUTE)) == middle
    assert names(store.at(T0)) == ["h1", "h2"]  # the guest is forgotten
    assert store.check() == []
    assert store.delta(before.version).whole  # who kept the topology has to begin anew
    assert everything(store, T0 + 2.5 * MINUTE) == Pruned()
    everything(store, T0 + 9 * MINUTE)
    assert told(store) == now
    assert store.check() == []
    sync(H1, H2, V1, ON_H2)
    assert names(store) == ["h1", "h2", "v1"]
    assert store.check() == []


def test_a_name_that_was_forgotten_and_means_something_else_now_is_another_entity(
    store: GraphStore, sync: Sync
) -> None:
    """The first has its uid by that name, and lives on by what another source says."""
    first, keeps = Record("17", "Host", "h1", (Key("hostname", "h1"),)), Record("keeps", "Host")
    (uid, _) = sync(first, keeps, source="a").created
    sync(first._replace(key="x"), source="b")
    sync(keeps, source="a")
    everything(store, T0 + 9 * MINUTE)
    second = Record("17", "Host", "h2", (Key("hostname", "h2"),))
    assert len(sync(second, keeps, source="a").created) == 1
    assert names(store) == ["h1", "h2", "keeps"]
    assert store.resolve("hostname", "h1") == uid
    assert store.check() == []


def test_incidents_are_forgotten_when_they_were_closed_long_ago_but_what_people_ruled_on(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_limits, "NEWEST", 1)
    answer = '{"causes": [], "hypotheses": []}'
    closed, opened = IncidentStatus.CLOSED, IncidentStatus.OPEN
    for number, status in enumerate((closed, opened, closed, closed, closed, closed)):
        began, ended = T0 + number * MINUTE, T0 + 10 * MINUTE
        if number == 3:
            ended += 10 * MINUTE
        name = f"INC-{number}"
        store.save_incident(IncidentRecord(name, status, began, ended, "t", "{}", answer))
        store.put([Document(Drawer.HANDLING, f"{name} 0000", began, "{}")])
    store.put([Document(Drawer.HANDLING, "INC-01 0000", T0, "{}")])
    at = T0 + 10 * MINUTE
    word = Ruling("INC-2", "u", "Host", "down", right=True, posterior=0.5, change="", at=at)
    store.rule(word)
    assert everything(store, T0 + 10 * MINUTE) == Pruned()
    assert everything(store, T0 + 15 * MINUTE, limit=1) == Pruned(incidents=2)
    # Open, ruled on, closed later, and the newest: by that the next id is found.
    left = ["INC-5", "INC-3", "INC-2", "INC-1"]
    assert [row.id for row in store.incidents()] == left
    traces = {row.id for row in store.documents(Drawer.HANDLING)}
    assert traces == {"INC-01 0000", *(f"{name} 0000" for name in left)}
    assert store.incident("INC-0") is None
    assert store.check() == []


KEYS = {"h1": "Host", "h2": "Host", "v1": "VirtualMachine", "v2": "VirtualMachine"}


@st.composite
def readings(draw: st.DrawFn) -> list[tuple[str, list[Item]]]:
    found = []
    for _ in range(draw(st.integers(1, 5))):
        here = draw(st.lists(st.sampled_from(sorted(KEYS)), unique=True, min_size=1))
        items: list[Item] = []
        for name in here:
            strong = draw(st.booleans()) and KEYS[name] == "Host"
            keys = (Key("smbiosUuid", f"5f3c6d1e-0000-4000-8000-00000000000{name[1]}"),)
            props = {"vcpus": draw(st.integers(1, 2))}
            items.append(Record(name, KEYS[name], keys=keys if strong else (), props=props))
        ends = draw(st.lists(st.tuples(st.sampled_from(here), st.sampled_from(here)), max_size=3))
        items += [RelationRecord(a, "USES", b) for a, b in dict.fromkeys(ends) if a != b]
        found.append((draw(st.sampled_from("ab")), items))
    return found


@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # on a server, shrinking would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_the_past_is_what_was_read_then_until_entities_become_one(
    store: GraphStore, data: st.DataObject
) -> None:
    minutes = 1 + max(
        (int((s.completed_at - T0) / MINUTE) for s in store.scopes()), default=0
    )  # a new example goes on in the same store: on a server, clearing takes longer
    kept = []
    for n, (source, items) in enumerate(data.draw(readings())):
        moment = T0 + (minutes + n) * MINUTE
        with store.sync(source, "", complete=True, at=moment) as run:
            run.stage(items)
            run.commit()
        kept.append((moment, told(store), {e.uid for e in store.find()}))
    alive = {e.uid for e in store.at(kept[-1][0]).find()} | {
        uid for _, _, uids in kept for uid in uids if _own(store, uid)
    }
    for moment, then, uids in kept:
        if uids <= alive:  # nothing of that moment was merged since
            assert told(store.at(moment)) == then


def _own(store: GraphStore, uid: str) -> bool:
    story = store.history(uid)
    return story is not None and story.uid == uid


def test_what_stood_between_two_moments_is_told_with_its_end(
    store: GraphStore, sync: Sync
) -> None:
    sync(H1, V1, ON_H1)
    uids = {entity.name: entity.uid for entity in store.find()}

    def seen(name: str, signal: str, minutes: float, state: State, lasts: float = 600) -> None:
        at = T0 + minutes * MINUTE
        end = at + lasts * MINUTE
        store.observe(
            [Observation(uids[name], signal, state, at=at, detector="p/A", expires_at=end)]
        )

    seen("v1", "down", 10, State.ABNORMAL)
    seen("v1", "down", 20, State.HEALTHY)
    seen("v1", "down", 30, State.ABNORMAL)
    seen("h1", "hung", 15, State.ABNORMAL, lasts=5)  # and nobody says more
    seen("h1", "down", 16, State.HEALTHY)

    def stood(since: float, until: float, limit: int = 9) -> list[tuple[str, float, float | None]]:
        names = {uid: name for name, uid in uids.items()}
        rows = store.alarms(T0 + since * MINUTE, T0 + until * MINUTE, limit=limit)
        return [
            (
                f"{names[row.observation.entity]} {row.observation.signal}",
                (row.span.since - T0) / MINUTE,
                None if row.span.until is None else (row.span.until - T0) / MINUTE,
            )
            for row in rows
        ]

    assert stood(0, 12) == [("v1 down", 10, None)]
    assert stood(0, 40) == [("v1 down", 10, 20), ("h1 hung", 15, 20), ("v1 down", 30, None)]
    assert stood(21, 29) == []
    assert stood(18, 25) == [("v1 down", 10, 20), ("h1 hung", 15, 20)]
    assert stood(0, 40, limit=1) == [("v1 down", 10, 20)]
