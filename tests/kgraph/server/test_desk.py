"""The threads with the store: bounded, one commit for many, and no connection left behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kgraph.schema import Document, Drawer, StoreAwayError, StoreBusyError
from kgraph.server import desk as module
from kgraph.server.desk import Desk, GroupCommit
from kgraph.server.limits import Rate
from kgraph.store import GraphStore, open_store

T0 = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    @contextmanager
    def opening() -> Iterator[GraphStore]:
        store = open_store(tmp_path / "kgraph.db")
        yield store
        store.close()

    made = Desk(opening, 1, "test")
    made.start()
    yield made
    made.stop()


def document(number: int) -> Document:
    return Document(Drawer.INBOX, f"d{number}", T0, "{}")


def held(desk: Desk) -> Callable[[], None]:
    """Keep the thread busy until the returned function is called."""
    free, begun = threading.Event(), threading.Event()

    def wait(_store: GraphStore) -> None:
        begun.set()
        free.wait(10)

    desk.submit(wait)
    begun.wait(10)
    return free.set


def test_what_comes_in_while_a_commit_is_written_shares_the_next(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[int] = []
    mail = GroupCommit(desk)

    def counted(store: GraphStore) -> None:
        real = store.put

        def put(documents: list[Document]) -> None:
            commits.append(len(documents))
            real(documents)

        monkeypatch.setattr(store, "put", put)

    async def many() -> int:
        await desk.ask(counted)
        let = held(desk)
        posts = [asyncio.create_task(mail.keep([document(n)])) for n in range(50)]
        await asyncio.sleep(0)
        let()
        await asyncio.gather(*posts)
        return await desk.ask(lambda store: store.count(Drawer.INBOX))

    assert asyncio.run(many()) == 50
    assert commits == [50]


def test_who_posts_learns_that_it_could_not_be_kept(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreBusyError("another process is writing")

    async def post() -> None:
        await desk.ask(lambda store: monkeypatch.setattr(store, "put", full))
        await GroupCommit(desk).keep([document(1)])

    with pytest.raises(StoreBusyError):
        asyncio.run(post())


def test_more_than_can_wait_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST", 2)
    let = held(desk)
    for _ in range(2):
        desk.submit(lambda store: store.count(Drawer.INBOX))
    with pytest.raises(StoreBusyError, match="too many requests wait"):
        desk.submit(lambda store: store.count(Drawer.INBOX))
    let()


def test_an_error_is_told_to_whoever_asked_and_the_thread_goes_on(desk: Desk) -> None:
    def broken(_store: GraphStore) -> None:
        raise ValueError("here")

    with pytest.raises(ValueError, match="here"):
        asyncio.run(desk.ask(broken))
    assert asyncio.run(desk.ask(lambda store: store.count(Drawer.INBOX))) == 0


def test_an_address_has_its_burst_and_then_its_rate() -> None:
    now = 0.0
    rate = Rate(2.0, 3, lambda: now)
    assert [rate.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert rate.take("b") == 0
    now = 0.5
    assert [rate.take("a") for _ in range(2)] == [0, 0.5]


def test_who_computes_for_long_is_not_waited_for_where_that_may_be_left(desk: Desk) -> None:
    free = held(desk)
    desk.stop(0.01)
    assert desk._threads[0].is_alive()
    free()


def test_who_posts_while_the_store_cannot_be_opened_is_told_and_the_next_is_kept(
    tmp_path: Path,
) -> None:
    """Nobody else would ever answer: what waits keeps those behind it from asking."""
    away = [True]

    @contextmanager
    def opening() -> Iterator[GraphStore]:
        if away.pop():
            raise StoreAwayError("the server that has the store is away")
        store = open_store(tmp_path / "kgraph.db")
        yield store
        store.close()

    desk = Desk(opening, 1, "test")
    mail = GroupCommit(desk)

    async def post() -> int:
        with pytest.raises(StoreAwayError):
            await asyncio.wait_for(mail.keep([document(1)]), 10)
        away.append(False)
        await asyncio.wait_for(mail.keep([document(2)]), 10)
        return await desk.ask(lambda store: store.count(Drawer.INBOX))

    desk.start()
    try:
        assert asyncio.run(post()) == 1
    finally:
        desk.stop()
