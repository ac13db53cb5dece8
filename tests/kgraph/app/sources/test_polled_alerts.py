"""Alerts that are asked for again and again, of an estate that seldom changes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgraph.app.reading.sync import Commitment, Reading, keep, unshown
from kgraph.app.sources import Context, jobs
from kgraph.config import load
from kgraph.schema import Record, Snapshot, Subgraph
from kgraph.store.sqlite import SqliteStore

NOW = datetime(2026, 11, 28, 14, 0, 5, tzinfo=UTC)
FIRES = {
    "status": {"state": "active"},
    "labels": {"alertname": "HostDown", "host": "h1"},
    "startsAt": "2026-11-28T14:00:00Z",
}


def test_the_whole_graph_is_not_read_for_each_poll_and_what_is_new_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of ten thousand entities that took a quarter of a second of each of them."""
    (tmp_path / "alerts.json").write_text(json.dumps([FIRES]))
    (tmp_path / "kgraph.toml").write_text(
        '[[sources]]\ntype = "alertmanager"\npath = "alerts.json"\n'
    )
    (job,) = jobs(Context(load(cwd=tmp_path, environ={})))
    store = SqliteStore.open(tmp_path / "kgraph.db")
    whole, found, read = store.graph, list[int](), list[str]()

    def graph() -> Subgraph:
        read.append("all")
        return whole()

    monkeypatch.setattr(store, "graph", graph)
    for step, hosts in enumerate((["h2"], ["h2"], ["h1", "h2"])):
        reading = Reading(store, NOW + timedelta(seconds=step), Commitment.COMMIT, unshown)
        kept = [Record(name, "Host", name) for name in hosts]
        keep(reading, Snapshot("cmdb", "dc1", complete=True, items=iter(kept)))
        found.append(job.fetch(reading.at)(reading).observed)
    assert (found, len(read)) == ([0, 0, 1], 1)
    store.close()
