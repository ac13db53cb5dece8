"""A clock that was ahead and is right again: nothing is refused, kept or hidden till then."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from kgraph.schema import (
    Coverage,
    Item,
    Observation,
    Record,
    RelationRecord,
    StaleReadingError,
    State,
)
from kgraph.store import GraphStore
from tests.conformance.conftest import T0

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
AHEAD = T0 + DAY
H1, H2, V1 = Record("h1", "Host"), Record("h2", "Host"), Record("v1", "VirtualMachine")
ON_H1, ON_H2 = RelationRecord("v1", "RUNS_ON", "h1"), RelationRecord("v1", "RUNS_ON", "h2")


def read(store: GraphStore, at: datetime, *items: Item) -> None:
    with store.sync("doc", "", complete=True, at=at) as run:
        run.stage(items)
        run.commit()


def down(state: State, at: datetime) -> Observation:
    return Observation("h1", "down", state, at=at, detector="probe", expires_at=at + 5 * MINUTE)


def needs(store: GraphStore, moment: datetime) -> set[tuple[str, str]]:
    then = store.at(moment)
    called = {entity.uid: entity.name for entity in then.find()}
    return {(called[r.dependent], called[r.dependency]) for r in then.graph().relations}


def test_a_reading_is_no_longer_stale_because_of_a_clock_that_was_ahead(store: GraphStore) -> None:
    read(store, AHEAD, H1)
    with pytest.raises(StaleReadingError):
        read(store, T0, H1, H2)
    assert store.redate(T0)
    read(store, T0, H1, H2)
    assert {entity.name for entity in store.find()} == {"h1", "h2"}


def test_what_was_dated_ahead_was_there_from_now_on(store: GraphStore) -> None:
    read(store, T0 - DAY, H1, V1, ON_H1)
    read(store, AHEAD, H1, H2, V1, ON_H2)
    assert needs(store, T0) == {("v1", "h1")}
    store.redate(T0)
    assert needs(store, T0) == {("v1", "h2")}
    assert needs(store, T0 - MINUTE) == {("v1", "h1")}
    assert max(change.at for change in store.changes(T0 - 2 * DAY)) == T0


def test_what_closed_ahead_has_closed_by_now(store: GraphStore) -> None:
    read(store, T0 - DAY, H1, H2, V1, ON_H1)
    read(store, AHEAD, H1)
    store.redate(T0)
    assert [entity.name for entity in store.at(T0).find()] == ["h1"]
    assert len(store.at(T0 - MINUTE).find()) == 3
    assert not store.check()


def test_a_later_state_takes_the_place_of_one_from_ahead(store: GraphStore) -> None:
    read(store, AHEAD, H1, down(State.ABNORMAL, AHEAD))
    store.redate(T0)
    read(store, T0 + MINUTE, H1, down(State.HEALTHY, T0 + MINUTE))
    (seen,) = store.evidence(now=T0 + MINUTE).observations
    assert seen.state is State.HEALTHY


def test_a_state_from_ahead_that_nobody_tells_again_expires_as_soon_as_ever(
    store: GraphStore,
) -> None:
    read(store, AHEAD, H1, down(State.ABNORMAL, AHEAD))
    store.redate(T0)
    assert len(store.symptoms(now=T0 + 4 * MINUTE)) == 1
    assert not store.symptoms(now=T0 + 6 * MINUTE)


def test_where_a_detector_looked_ahead_vouches_no_longer_than_it_would(store: GraphStore) -> None:
    read(store, AHEAD, H1, Coverage("h1", "down", "probe", AHEAD, 5 * MINUTE))
    store.redate(T0)
    (looked,) = store.evidence(now=T0 + MINUTE).coverage
    assert looked.last_evaluated_at == T0


def test_clocks_that_differ_by_seconds_change_nothing(store: GraphStore) -> None:
    read(store, T0 + MINUTE / 2, H1, down(State.ABNORMAL, T0 + MINUTE / 2))
    assert not store.redate(T0)
    assert store.scopes()[0].completed_at == T0 + MINUTE / 2
