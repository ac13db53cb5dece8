"""Counts by day: each thing once, across restarts, within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgraph.app.service.tally import Group, Tally, counted
from kgraph.store import GraphStore
from tests.stores import new_store

T0 = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    with closing(new_store(tmp_path / "kgraph.db")) as opened:
        yield opened


def test_a_thing_counts_once_also_after_a_restart(store: GraphStore) -> None:
    for _ in range(2):
        tally = Tally(store)
        for fingerprint in ("a", "b", "a"):
            tally.add(T0, Group.UNMAPPED, "DiskFull", fingerprint)
        tally.flush(T0)
    assert counted(store, Group.UNMAPPED, T0, T0) == {"DiskFull": 2}
    assert counted(store, Group.REFUSED, T0, T0) == {}


def test_only_the_days_of_the_span_count_and_the_most_comes_first(store: GraphStore) -> None:
    tally = Tally(store)
    for days, name, mark in ((0, "old", "1"), (1, "one", "1"), (2, "two", "1"), (2, "two", "2")):
        tally.add(T0 + days * DAY, Group.REFUSED, name, mark)
    tally.flush(T0 + 3 * DAY)
    found = counted(store, Group.REFUSED, T0 + DAY, T0 + 2 * DAY)
    assert list(found.items()) == [("two", 2), ("one", 1)]


def test_it_is_written_now_and_then_and_when_the_day_ends(store: GraphStore) -> None:
    tally = Tally(store)
    tally.add(T0, Group.UNMAPPED, "A", "1")
    tally.flush(T0)
    tally.add(T0, Group.UNMAPPED, "A", "2")
    tally.flush(T0 + timedelta(seconds=5))
    assert counted(store, Group.UNMAPPED, T0, T0) == {"A": 1}
    tally.add(T0 + DAY, Group.UNMAPPED, "B", "1")
    assert counted(store, Group.UNMAPPED, T0, T0) == {"A": 2}


def test_it_is_written_though_it_was_so_by_a_clock_that_was_ahead(store: GraphStore) -> None:
    tally = Tally(store)
    tally.add(T0, Group.UNMAPPED, "A", "1")
    tally.flush(T0 + DAY)
    tally.add(T0, Group.UNMAPPED, "A", "2")
    tally.flush(T0)
    assert counted(store, Group.UNMAPPED, T0, T0) == {"A": 2}


def test_a_name_and_a_group_hold_no_more_than_they_may(store: GraphStore) -> None:
    tally = Tally(store)
    for number in range(1_500):
        tally.add(T0, Group.UNMAPPED, "same", str(number))
        tally.add(T0, Group.REFUSED, str(number), "1")
    tally.flush(T0)
    assert counted(store, Group.UNMAPPED, T0, T0) == {"same": 1_000}
    assert len(counted(store, Group.REFUSED, T0, T0)) == 500
