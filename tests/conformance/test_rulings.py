"""What people said of causes, as every store keeps it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from kgraph.schema import Ruling
from kgraph.store import GraphStore

NOW = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
ONE = Ruling(
    incident="INC-1",
    entity="u-1",
    kind="Host",
    mode="down",
    right=True,
    posterior=0.75,
    change="deploy",
    at=NOW,
    by="ada",
    reason="saw it",
)


def test_a_ruling_comes_back_as_it_was_given(store: GraphStore) -> None:
    store.rule(ONE)
    assert store.rulings() == [ONE]


def test_a_later_word_on_the_same_cause_takes_the_place_of_the_earlier(store: GraphStore) -> None:
    store.rule(ONE)
    second = replace(ONE, right=False, at=NOW + timedelta(hours=1), by="", reason="")
    store.rule(second)
    assert store.rulings() == [second]


def test_rulings_come_oldest_first(store: GraphStore) -> None:
    later = replace(ONE, incident="INC-0", at=NOW + timedelta(seconds=1))
    other = replace(ONE, entity="u-2")
    for each in (later, other, ONE):
        store.rule(each)
    assert store.rulings() == [ONE, other, later]


def test_those_of_one_incident_are_forgotten_alone_or_all_at_once(store: GraphStore) -> None:
    for each in (ONE, replace(ONE, entity="u-2"), replace(ONE, incident="INC-2")):
        store.rule(each)
    assert store.forget_rulings("INC-1") == 2
    assert [ruling.incident for ruling in store.rulings()] == ["INC-2"]
    assert store.forget_rulings() == 1
    assert store.rulings() == []
    assert store.forget_rulings() == 0
