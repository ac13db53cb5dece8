"""A real ovsdb-server tells of a port at once, through the watch's own collector; no root."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgraph.app.reading.sync import Commitment, Reading, unshown
from kgraph.app.sources import Context, job
from kgraph.app.watch.collect import Collector
from kgraph.config import Configuration, Settings, source_entry
from kgraph.store import GraphStore, open_store
from tests.ingest.ovs.servers import ovsdb, vsctl
from tests.real import until

pytestmark = pytest.mark.sources

_VM, _MAC = "5f2c3ad2-7e0d-4f44-9d3c-0a1b2c3d4e5f", "52:54:00:00:00:01"
_LONG = 3600  # so that nothing is read because its time has come


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    opened = open_store(tmp_path / "kgraph.db")
    yield opened
    opened.close()


def test_a_port_that_is_plugged_in_is_in_the_graph_before_its_turn_comes(
    tmp_path: Path, store: GraphStore
) -> None:
    with ovsdb(tmp_path) as db:
        vsctl(db, "init", "--", "set", "open", ".", "external_ids:hostname=h7")
        vsctl(db, "add-br", "br0")
        entry = source_entry({"type": "ovs", "db": db, "every": _LONG})
        context = Context(Configuration(Settings(sources=(entry,))))
        collector = Collector(
            [job(entry, context)], lambda: datetime.now(UTC), random.Random(7).random
        )

        def names() -> set[str]:
            for heard in collector.heard():
                assert heard.error is None, heard.error
                assert heard.keep is not None
                heard.keep(Reading(store, heard.at, Commitment.COMMIT, unshown))
            collector.wait(timedelta(seconds=0.1))
            return {entity.name for entity in store.graph().entities}

        collector.start()
        try:
            until("the first reading", lambda: "br0" in names())
            # Listening has begun before it, and is there within a moment.
            told = [f"external_ids:vm-id={_VM}", f'external_ids:attached-mac="{_MAC}"']
            vsctl(db, "add-port", "br0", "vnet0", "--", "set", "interface", "vnet0", *told)
            until("the port", lambda: _MAC in names())
        finally:
            collector.stop()
