"""What the store keeps of rulings, and what is learned of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgraph.app.incidents import hindsights, learning
from kgraph.schema import Document, Drawer, IncidentRecord, IncidentStatus, Ruling
from kgraph.store import GraphStore
from rca.rules.learning import Hindsight, Learned, Suspicion
from tests.stores import new_store

T0 = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
KINDS = {"h1": "Host", "h2": "Host", "v": "VirtualMachine"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    opened = new_store(tmp_path / "kgraph.db")
    yield opened
    opened.close()


def kept(number: int = 0, minute: float = 0, **modes: Mapping[str, float]) -> IncidentRecord:
    """Return an incident that was answered with these chances: entity -> mode -> chance."""
    name = f"INC-{number:04}"
    bundle = {
        "format": "kgraph.incident/v1",
        "id": name,
        "entities": [{"id": uid, "kind": kind} for uid, kind in KINDS.items()],
        "relations": [{"from": "v", "type": "RUNS_ON", "to": "h1"}],
        "observations": [{"entity": "v", "signal": "down", "state": "abnormal"}],
    }
    causes = [
        {
            "entity": uid,
            "kind": KINDS[uid],
            "mode": max(of, key=lambda mode: of[mode]),
            "posterior": sum(of.values()),
            "modes": of,
        }
        for uid, of in modes.items()
    ]
    at = T0 + timedelta(minutes=minute)
    told = "v is down", json.dumps(bundle), json.dumps({"causes": causes})
    return IncidentRecord(name, IncidentStatus.OPEN, at, at, *told)


def said(record: IncidentRecord, cause: str, minute: float, *, right: bool = True) -> Ruling:
    now = T0 + timedelta(minutes=minute)
    return learning.ruling(record, cause, right=right, now=now, by="ada", reason="")


def learnt(store: GraphStore, minute: float) -> Learned:
    found = learning.learned_by(store, T0 + timedelta(minutes=minute))
    assert found is not None
    return found


def hindsight(store: GraphStore, record: IncidentRecord) -> Hindsight:
    (found,) = map(hindsights.read, store.named(Drawer.HINDSIGHT, [record.id]))
    return found


def test_the_oldest_of_thousands_of_incidents_still_shows_who_was_suspected_in_vain(
    store: GraphStore,
) -> None:
    first = kept(0, h1={"down": 0.5}, h2={"down": 0.4})
    learning.say(store, first, said(first, "h1", 1))
    rows = (Suspicion("h2", "Host", "down", 0.4),)
    store.put(
        hindsights.document(Hindsight(f"INC-{n}", T0 + timedelta(hours=n), rows))
        for n in range(1, 2_001)
    )
    count = learnt(store, 9).faults["Host", "down"]
    assert (count.right, count.wrong) == (1, 1)


def test_a_later_word_does_not_hide_what_was_known_at_a_moment(
    store: GraphStore,
) -> None:
    record = kept(0, h1={"down": 0.5}, h2={"down": 0.4})
    learning.say(store, record, said(record, "h1", 1))
    then = learnt(store, 2)
    learning.say(store, record, said(record, "v:hung", 3))
    assert learnt(store, 2) == then
    assert then.faults["Host", "down"].wrong == 1


def test_a_look_reads_nothing_again_while_nobody_says_anything(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    stored = store.named

    def named(drawer: Drawer, ids: Iterable[str]) -> list[Document]:
        read.append(drawer.value)
        return stored(drawer, ids)

    def listed(*_: object, **__: object) -> list[Document]:
        pytest.fail("the whole drawer was read")

    record = kept(0, h1={"down": 0.5}, h2={"down": 0.4})
    learning.say(store, record, said(record, "h1", 1))
    monkeypatch.setattr(store, "named", named)
    monkeypatch.setattr(store, "documents", listed)
    looks = [learning.learned_by(store) for _ in range(3)]
    assert looks[0] == looks[1] == looks[2]
    assert read == ["hindsight"]
    store.rule(said(record, "h1", 2, right=False))  # by another process
    assert learning.learned_by(store) != looks[0]
    learning.forget(store, record.id)
    assert learning.learned_by(store) is None


def test_a_second_word_on_an_incident_leaves_what_its_answer_showed(store: GraphStore) -> None:
    other = kept(1, h2={"down": 0.2})
    record = kept(0, h1={"down": 0.5}, h2={"down": 0.4})
    learning.say(store, record, said(record, "h1", 1))
    first = hindsight(store, record)
    learning.say(store, other, said(other, "h2", 2))
    # Closing it says nothing of when it was answered.
    closed = replace(record, status=IncidentStatus.CLOSED, updated_at=T0 + timedelta(minutes=30))
    learning.say(store, closed, said(closed, "h2", 31, right=False))
    assert hindsight(store, record) == first


def test_what_is_ruled_on_anew_after_another_answer_shows_that_answer(store: GraphStore) -> None:
    record = kept(0, h1={"down": 0.5}, h2={"down": 0.4})
    learning.say(store, record, said(record, "h1", 1))
    first = hindsight(store, record)
    again = kept(0, h1={"down": 0.8}, v={"hung": 0.1})
    learning.say(store, again, said(again, "h1", 9))
    now = hindsight(store, record)
    assert [row.chance for row in now.suspected] == [0.8, 0.1]
    assert now.at == first.at


@pytest.mark.parametrize("right", [True, False])
def test_a_word_without_a_mode_teaches_what_it_would_on_the_likeliest(
    store: GraphStore, *, right: bool
) -> None:
    record = kept(0, h1={"down": 0.5, "hung": 0.3})
    learning.say(store, record, said(record, "h1", 1, right=right))
    without = learnt(store, 9)
    learning.say(store, record, said(record, "h1:down", 2, right=right))
    assert learnt(store, 9) == without
    count = without.faults["Host", "down"]
    assert (count.doubted, count.believed) == ((0.5, 0.0) if right else (0.0, 0.5))
