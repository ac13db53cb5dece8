"""An index that follows the graph finds what one that is made anew would find."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kgraph.app.reading.alerts import Directory
from kgraph.schema import Entity, Key, Record, Relation, RelationRecord, Subgraph
from kgraph.signals import EstateIndex
from tests.kgraph.topology.estates import change
from tests.stores import new_store

T0 = datetime(2026, 11, 28, tzinfo=UTC)
UIDS = tuple("abcdefg")
KINDS = dict(
    zip(UIDS, ("Host", "Host", "Host", "VirtualMachine", "Disk", "Disk", "Disk"), strict=True)
)
NAMES = ("n1", "n1.dc1", "n2.dc1", "N2", "10.0.0.1")


HOSTNAMES = st.lists(st.builds(Key, st.just("hostname"), st.sampled_from(NAMES)), max_size=1)


@st.composite
def graphs(draw: st.DrawFn) -> Subgraph:
    there = draw(st.lists(st.sampled_from(UIDS), unique=True))
    entities = tuple(
        Entity(uid, KINDS[uid], draw(st.sampled_from(NAMES)), tuple(draw(HOSTNAMES)))
        for uid in there
    )
    pairs: list[tuple[str, str]] = [(a, b) for a in there for b in there if a != b]
    ties = draw(st.lists(st.tuples(st.sampled_from(pairs), st.booleans()))) if pairs else []
    relations = {
        Relation(a, "RUNS_ON" if runs else "CONNECTED_TO", b, None, None): None
        for (a, b), runs in ties
    }
    return Subgraph(entities, tuple(relations))


def _told(index: EstateIndex) -> dict[str, Any]:
    """Return what an index knows, without the order in which it came to know it."""

    def table(rows: Mapping[Any, tuple[Any, ...]]) -> dict[Any, frozenset[Any]]:
        return {key: frozenset(row) for key, row in rows.items() if row}

    tables = {name: table(getattr(index, name)) for name in ("names", "keys", "runs_on", "beside")}
    return tables | {"entities": dict(index.entities), "qualified": index.qualified}


@given(st.lists(graphs(), min_size=2, max_size=4))
def test_a_patched_index_is_as_one_made_anew(steps: list[Subgraph]) -> None:
    before, index = steps[0], EstateIndex.of(steps[0])
    for graph in steps[1:]:
        gone, entities, relations = change(
            (before.entities, before.relations), (graph.entities, graph.relations)
        )
        index = index.patched(gone, Subgraph(tuple(entities), tuple(relations)))
        assert _told(index) == _told(EstateIndex.of(graph))
        before = graph


def test_the_directory_of_a_store_follows_renames_moves_and_losses(tmp_path: Path) -> None:
    directory = Directory()
    steps = [
        [
            Record("h1", "Host", "h1.dc1"),
            Record("h2", "Host", "h2"),
            Record("v", "VirtualMachine", "web"),
            RelationRecord("v", "RUNS_ON", "h1"),
        ],
        [
            Record("h1", "Host", "h1.dc1"),
            Record("h2", "Host", "h2"),
            Record("v", "VirtualMachine", "shop", keys=(Key("vmUuid", "4c4c4544-0042-3510"),)),
            RelationRecord("v", "RUNS_ON", "h2"),
        ],
        [
            Record("h2", "Host", "h2b"),
            Record("d", "Disk", "sda"),
            RelationRecord("d", "ATTACHED_TO", "h2"),
        ],
    ]
    with closing(new_store(tmp_path / "kgraph.db")) as store:
        made = 0
        for number, records in enumerate(steps):
            at = T0 + timedelta(minutes=number)
            with store.sync("cmdb", "", complete=True, at=at) as run:
                run.stage(records)
                run.commit()
            index, _ = directory.of(store, at)
            assert _told(index) == _told(EstateIndex.of(store.graph()))
            made += len(index.entities)
            assert directory.stale(store) is False
        assert made == 3 + 3 + 2
