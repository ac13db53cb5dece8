"""Which switch it is that forwards nothing, found in a real store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest.libvirt.unanswered import Plug
from kgraph.app.reading.cut_off import CutOff
from kgraph.schema import Item, Key, Observation, Record, RelationRecord
from kgraph.store import GraphStore
from tests.stores import new_store

NOW = datetime(2026, 11, 28, 7, tzinfo=UTC)
LASTS = timedelta(seconds=10)
GUESTS = {name: f"5f2c3ad2-7e0d-4f44-9d3c-00000000000{n}" for n, name in enumerate("abc")}


def _estate(local: str) -> Iterator[Item]:
    """Three guests on a bridge of their host, which is part of a network beyond it."""
    yield Record("br", "Network", "br0", (Key(*local.split("=")),))
    yield Record("wide", "Network", "overlay", (Key("networkUuid", "w"),))
    for name, uuid in GUESTS.items():
        yield Record(name, "VirtualMachine", name, (Key("vmUuid", uuid),))
        yield Record(f"nic-{name}", "VirtualNic", name, (Key("ownerInterface", f"{uuid}/{name}"),))
        yield RelationRecord(name, "USES", f"nic-{name}")
        for network in ("br", "wide"):
            yield RelationRecord(f"nic-{name}", "ATTACHED_TO", network)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    with closing(new_store(tmp_path / "estate.db")) as opened:
        yield opened


def _sync(store: GraphStore, local: str = "hostBridge=h1/br0") -> None:
    with store.sync("x", "", complete=True, at=NOW) as run:
        run.stage(_estate(local))
        run.commit()


def _plug(name: str, stillness: float = 12.0, received: int = 12) -> Plug:
    at = NOW - timedelta(seconds=received)
    return Plug(GUESTS[name], name, f"tap-{name}", at, at + timedelta(seconds=3), stillness)


ALL = [_plug(name) for name in GUESTS]


def _named(store: GraphStore, rows: Sequence[Observation]) -> dict[str, Observation]:
    return {store.get([row.entity])[0].name: row for row in rows}


def _told(store: GraphStore, those: Sequence[Plug]) -> dict[str, Observation]:
    return _named(store, CutOff("libvirt-stats/x", LASTS).told(store, those, NOW))


def test_the_bridge_of_the_host_and_the_guests_that_it_cuts_off_are_unreachable(
    store: GraphStore,
) -> None:
    _sync(store)
    rows = _told(store, ALL)
    assert rows.keys() == {"br0", "a", "b", "c"}
    assert all(row.abnormal and row.signal == "unreachable" for row in rows.values())
    assert (rows["br0"].score, rows["a"].score) == (36, 12)
    assert rows["br0"].detail == (
        "nothing was received on tap-a, tap-b, tap-c for 12 s, though the guests still send"
    )
    assert rows["a"].expires_at == NOW + LASTS


def test_without_a_bridge_of_a_host_every_network_that_they_share_is_told(
    store: GraphStore,
) -> None:
    _sync(store, "networkUuid=n")
    assert _told(store, ALL).keys() == {"br0", "overlay", "a", "b", "c"}


@pytest.mark.parametrize(
    "those",
    [
        [_plug("a")],
        [_plug("a"), _plug("b"), _plug("c", 0, 1)],  # who receives
        [_plug(name, 0) for name in GUESTS],
    ],
)
def test_nothing_is_said_where_the_switch_is_not_to_blame(
    store: GraphStore, those: Sequence[Plug]
) -> None:
    _sync(store)
    assert _told(store, those) == {}


def test_interfaces_that_the_graph_does_not_know_accuse_nobody(store: GraphStore) -> None:
    assert _told(store, ALL) == {}


def test_what_was_said_is_withdrawn_once_it_is_over(store: GraphStore) -> None:
    _sync(store)
    says = CutOff("libvirt-stats/x", LASTS)
    assert len(says.told(store, ALL, NOW)) == 4
    over = _named(store, says.told(store, [_plug("a", 0, 0)], NOW))
    assert over.keys() == {"br0", "a", "b", "c"}
    assert all(row.expires_at == row.at and not row.abnormal for row in over.values())
    assert says.told(store, [], NOW) == []
