"""What was, asked on the real server."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kgraph.schema import Record
from kgraph.store import GraphStore
from tests.cypher.conftest import LATER, T0, Ask, estate

pytestmark = pytest.mark.neo4j
SOON = LATER + timedelta(minutes=1)


def again(store: GraphStore, host: str, minutes: int) -> None:
    with store.sync("cmdb", "", complete=True, at=LATER + timedelta(minutes=minutes)) as run:
        run.stage(estate(host))
        run.commit()


def test_history_tells_what_was_opened_and_closed_in_a_span_of_time(ask: Ask) -> None:
    rows = ask("history/relation_changes", since=LATER, until=SOON)
    told = {(r["change"], r["dependent"], r["type"], r["dependency"]) for r in rows}
    assert told == {("opened", "web-2", "RUNS_ON", "h2"), ("closed", "web-2", "RUNS_ON", "h1")}
    assert {row["at"] for row in rows} == {LATER}
    assert {row["uid"] for row in rows} == {"web-2"}
    first = ask("history/relation_changes", since=T0, until=LATER)
    assert [row["change"] for row in first] == ["opened"] * 13


def test_a_guest_that_moved_is_told_with_where_from_and_where_to(
    ask: Ask, store: GraphStore
) -> None:
    again(store, "h1", minutes=20)
    rows = ask("history/migrations", since=T0, until=LATER + timedelta(hours=1))
    assert [(row["at"], row["guest"], row["source"], row["target"]) for row in rows] == [
        (LATER, "web-2", "h1", "h2"),
        (LATER + timedelta(minutes=20), "web-2", "h2", "h1"),
    ]
    assert ask("history/migrations", since=T0, until=LATER) == []


def test_what_came_and_went_in_a_span_of_time(ask: Ask, store: GraphStore) -> None:
    later = LATER + timedelta(minutes=30)
    with store.sync("cmdb", "", complete=True, at=later) as run:
        run.stage([item for item in estate("h2") if getattr(item, "key", "") != "stray"])
        run.stage([Record("new", "Disk")])
        run.commit()
    rows = ask("history/came_and_went", since=later, until=later + timedelta(minutes=1))
    assert [(row["change"], row["kind"], row["name"]) for row in rows] == [
        ("came", "Disk", "new"),
        ("went", "VirtualMachine", "stray"),
    ]


def test_all_that_an_entity_ever_depended_on(ask: Ask, uid: dict[str, str]) -> None:
    rows = ask("history/relations_of", uid=uid["web-2"])
    assert [(r["type"], r["dependency"], r["validFrom"], r["validTo"]) for r in rows] == [
        ("RUNS_ON", "h1", T0, LATER),
        ("STORED_ON", "pool", T0, None),
        ("RUNS_ON", "h2", LATER, None),
    ]


def test_what_closes_again_and_again_flaps(ask: Ask, store: GraphStore) -> None:
    for n in range(1, 5):
        again(store, "h1" if n % 2 else "h2", minutes=n)
    until = LATER + timedelta(hours=1)
    rows = ask("history/flapping", since=T0, until=until, times=2)
    assert [(r["dependent"], r["type"], r["dependency"], r["closed"]) for r in rows] == [
        ("web-2", "RUNS_ON", "h1", 3),
        ("web-2", "RUNS_ON", "h2", 2),
    ]
    assert len(ask("history/flapping", since=T0, until=until, times=3)) == 1
