"""What was learned survives a restart, is written seldom, and is never read in another form."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgraph.app.reading.remembering import Notebook, remember, remembered
from kgraph.app.reading.sync import Commitment, Reading, unshown
from kgraph.schema import Document, Drawer
from kgraph.store import GraphStore
from tests.stores import new_store

T0 = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    with closing(new_store(tmp_path / "kgraph.db")) as opened:
        yield opened


def _reading(
    store: GraphStore, seconds: float = 0, commitment: Commitment = Commitment.COMMIT
) -> Reading:
    return Reading(store, T0 + timedelta(seconds=seconds), commitment, unshown)


def test_what_was_remembered_is_there_for_the_next_process(store: GraphStore) -> None:
    remember(_reading(store), "logs a", T0, {"lines": 7})
    assert remembered(store, "logs a", lambda kept: kept["lines"]) == 7
    assert remembered(store, "logs b", lambda kept: kept["lines"]) is None


def test_a_dry_run_remembers_nothing(store: GraphStore) -> None:
    remember(_reading(store, commitment=Commitment.PREVIEW), "logs a", T0, {"lines": 7})
    assert remembered(store, "logs a", dict) is None


@pytest.mark.parametrize("body", ['{"format": 99, "lines": 7}', '{"format": 1}', "[]"])
def test_what_has_another_form_is_forgotten_and_stops_nobody(store: GraphStore, body: str) -> None:
    store.put([Document(Drawer.DETECTOR, "logs a", T0, body)])
    assert remembered(store, "logs a", lambda kept: kept["lines"]) is None


def test_it_is_written_at_once_and_then_once_a_minute(store: GraphStore) -> None:
    notebook = Notebook("logs a")
    seen = []
    for seconds in (0, 15, 59, 60, 61, 30):  # the clock may be set back
        notebook.keep(_reading(store, seconds), lambda at=seconds: {"at": at})  # type: ignore[misc]
        seen.append(remembered(store, "logs a", lambda kept: kept["at"]))
    assert seen == [0, 0, 0, 60, 60, 30]
