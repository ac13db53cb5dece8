"""Two sources never take each other's place in the graph, whatever their things are called."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest

from ingest import catalogue
from kgraph.app.reading.sync import Commitment, Reading, unshown
from kgraph.app.sources import declared
from kgraph.app.sources.context import Context
from kgraph.config import Configuration, Settings
from kgraph.schema import Record, SourceError
from kgraph.sourcekit import Found, Here, Source, SourceEntry
from kgraph.store import GraphStore
from tests.ingest.readings import NOW
from tests.stores import new_store


class Entry(SourceEntry):
    type: Literal["cluster"] = "cluster"
    nodes: tuple[str, ...]

    @property
    def subject(self) -> str:
        return self.nodes[0]


def read(entry: Entry, _here: Here) -> Found:
    """Read a cluster that is called as its maker calls all of them."""
    return Found("hacluster", [Record(f"node:{name}", "Host", name) for name in entry.nodes])


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    opened = new_store(tmp_path_factory.mktemp("scopes") / "kgraph.db")
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "declared", lambda _type: Source("cluster", Entry, read))


def hosts(store: GraphStore) -> list[str]:
    return sorted(entity.name for entity in store.graph().entities)


def synced(store: GraphStore, context: Context, *entries: Entry) -> list[str]:
    """Read each of them twice, in turn; return the hosts that there are."""
    jobs = [declared.job(entry, context) for entry in entries]
    for job in (*jobs, *jobs):
        job.fetch(NOW)(Reading(store, NOW, Commitment.COMMIT, unshown))
    return hosts(store)


def test_two_clusters_of_one_name_do_not_close_each_others_nodes(store: GraphStore) -> None:
    one, other = Entry(nodes=("h1", "h2")), Entry(nodes=("h3", "h4"))
    with pytest.raises(
        SourceError, match=r"cluster h1 tells of other things under the name.*or else a `site`"
    ):
        synced(store, Context(Configuration(Settings())), one, other)
    assert hosts(store) == ["h1", "h2"]


def test_one_cluster_may_be_asked_by_two_of_its_nodes(store: GraphStore) -> None:
    one, other = Entry(nodes=("h1", "h2")), Entry(nodes=("h2", "h1"))
    assert synced(store, Context(Configuration(Settings())), one, other) == ["h1", "h2"]


def test_sources_of_two_sites_may_call_their_things_alike(store: GraphStore) -> None:
    one, other = Entry(nodes=("h1", "h2")), Entry(nodes=("h1", "h9"), site="dc2")
    found = synced(store, Context(Configuration(Settings())), one, other)
    assert found == ["h1", "h1", "h2", "h9"]


class Named(Entry):
    """One that is called in its entry as its maker calls all of them."""

    @property
    def subject(self) -> str:
        return "hacluster"


def test_two_entries_of_one_name_are_two_sources(store: GraphStore) -> None:
    one, other = Named(nodes=("h1", "h2")), Named(nodes=("h3", "h4"))
    with pytest.raises(SourceError, match="tells of other things under the name 'hacluster'"):
        synced(store, Context(Configuration(Settings())), one, other)
    assert hosts(store) == ["h1", "h2"]
