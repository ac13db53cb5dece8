"""A server that is killed, comes back, and comes back read-only: nothing is lost, ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes

import pytest

from kgraph.app.service import tokens
from kgraph.app.service.tokens import Role
from kgraph.schema import Item, Record, RelationRecord, StoreError, Subgraph
from kgraph.store import GraphStore, open_store
from tests.kgraph.server.conftest import alert, webhook
from tests.kgraph.server.serving import running, waited
from tests.neo4j.served import Served, lacking
from tools.neo4j.server import Server

pytestmark = pytest.mark.neo4j
T0 = datetime(2026, 1, 1, tzinfo=UTC)
GUESTS = 2000


@pytest.fixture(scope="module")
def served(neo4j_server: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of its own, without passwords, with an estate in it."""
    assert neo4j_server.server.url
    assert lacking() == []
    server = Server(tmp_path_factory.mktemp("fragile")).start(auth=False)
    try:
        with closing(open_store(Served(server).target)) as store:
            sync(store, 1)
        yield Served(server)
    finally:
        server.kill()


def estate(generation: int) -> list[Item]:
    items: list[Item] = [Record("h1", "Host", f"g{generation}")]
    for n in range(GUESTS):
        items.append(Record(f"v{n}", "VirtualMachine", props={"generation": generation}))
        items.append(RelationRecord(f"v{n}", "RUNS_ON", "h1"))
    return items


def sync(store: GraphStore, generation: int) -> None:
    with store.sync("a", "", complete=True, at=T0 + timedelta(generation)) as run:
        run.stage(estate(generation))
        run.commit()


def generations(graph: Subgraph) -> set[object]:
    assert (len(graph.entities), len(graph.relations)) == (GUESTS + 1, GUESTS)
    return {e.props["generation"] for e in graph.entities if e.kind == "VirtualMachine"}


def test_a_server_that_goes_away_before_the_commit_is_told_and_the_run_can_go_on(
    served: Served,
) -> None:
    with closing(open_store(served.target)) as store:
        before = store.graph()
        with store.sync("a", "", complete=True, at=T0 + timedelta(2)) as run:
            run.stage(estate(2))
            served.server.kill()
            with pytest.raises(StoreError, match=r"cannot be reached.*nothing was changed"):
                run.commit()
            with pytest.raises(StoreError, match="cannot be reached"):
                store.find()
            served.server.start(auth=False)
            assert store.graph() == before  # everything is still there
            run.commit()
        assert generations(store.graph()) == {2}


def test_a_server_that_is_killed_in_the_middle_of_a_commit_has_the_old_state_or_the_new(
    served: Served,
) -> None:
    with closing(open_store(served.target)) as store:
        (was,) = generations(store.graph())
        # Far enough in that rows were written, far from the end.
        killer = threading.Timer(0.4, served.server.kill)
        killer.start()
        with pytest.raises(StoreError, match=r"cannot be reached|not known"):
            sync(store, 3)
        killer.join()
        served.server.start(auth=False)
        assert generations(store.graph()) in ({was}, {3})
        assert store.check() == []
        sync(store, 4)
        assert generations(store.graph()) == {4}


def test_a_service_waits_for_its_store_and_goes_on_when_it_is_back(
    served: Served, tmp_path: Path
) -> None:
    with closing(open_store(served.target)) as store:
        sync(store, 5)
        _, admin = tokens.create(store, "ada", Role.ADMIN, datetime.now(UTC), token_bytes)
    with running(tmp_path, admin, store=f'url = "{served.server.url}"') as service:
        waited(lambda: "leading" in service.client.get("/readyz").text)
        served.server.kill()
        waited(lambda: service.client.get("/readyz").status_code == 503)
        waited(lambda: service.post(webhook(alert("HostDown", "g5"))) == 503)  # sent again, then
        waited(lambda: "the watch waits for the store" in (tmp_path / "serve.log").read_text())
        assert service.client.get("/healthz").status_code == 200
        served.server.start(auth=False)
        waited(lambda: service.post(webhook(alert("HostDown", "g5"))) == 202)
        waited(lambda: "leading" in service.client.get("/readyz").text)
        waited(service.incidents)
        assert "the store answers again" in (tmp_path / "serve.log").read_text()


def test_a_read_only_server_is_read_and_a_write_is_refused_in_one_line(served: Served) -> None:
    # As a writer leaves it that is killed in its commit.
    served.ask("MATCH (turnstile:_KgTurnstile) SET turnstile.entered = turnstile.entered + 1")
    served.server.kill()
    served.server.start(auth=False, read_only=True)
    with closing(open_store(served.target)) as store:
        before = store.graph()
        with pytest.raises(StoreError, match="the database is read-only") as caught:
            sync(store, 9)
        assert "\n" not in str(caught.value)
        assert store.graph() == before
        assert store.check() == []
