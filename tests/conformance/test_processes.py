"""Several processes on one store, and processes that die."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType

import pytest

from kgraph.schema import Item, Record, RelationRecord, StoreBusyError
from kgraph.store import GraphStore, SyncRun

from .conftest import STORES

pytestmark = pytest.mark.processes

T0 = datetime(2026, 1, 1, tzinfo=UTC)
GUESTS = 3000
# `make soak` asks for 30 kills, and for eight readers.
KILLS = int(os.environ.get("KGRAPH_TEST_KILLS", "5"))
READERS = int(os.environ.get("KGRAPH_TEST_READERS", "2"))
# Each is forked from one that has done nothing but import: so no connection is inherited, and
# nobody waits for a dozen interpreters that all read the same modules.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])
StoreFactory = Callable[[], GraphStore]


def estate(generation: int) -> list[Item]:
    """Return a host with many guests, all of one generation."""
    items: list[Item] = [Record("h1", "Host", f"g{generation}")]
    for n in range(GUESTS):
        items.append(Record(f"v{n}", "VirtualMachine", props={"generation": generation}))
        items.append(RelationRecord(f"v{n}", "RUNS_ON", "h1"))
    return items


def write(store_name: str, folder: Path, source: str, rounds: int, pipe: Connection) -> None:
    """Sync again and again; say before and after each commit where we are."""
    store = STORES[store_name](folder)
    for generation in range(1, rounds + 1):
        run = store.sync(source, "", complete=True, at=T0 + timedelta(seconds=generation))
        run.stage(estate(generation))
        pipe.send(("committing", generation))
        try:
            run.commit()
        except StoreBusyError:
            pipe.send(("busy", generation))
        else:
            pipe.send(("committed", generation))
    store.close()


def test_two_processes_that_write_at_once_lose_nothing(
    store_name: str, store_factory: StoreFactory, tmp_path: Path
) -> None:
    store_factory()
    said: dict[str, list[tuple[str, int]]] = {}
    pipes = {}
    workers = []
    for source in ("a", "b"):
        pipes[source], theirs = PROCESSES.Pipe(duplex=False)
        args = (store_name, tmp_path, source, 3, theirs)
        workers.append(PROCESSES.Process(target=write, args=args))
        workers[-1].start()
        theirs.close()
    for source, pipe in pipes.items():
        said[source] = [pipe.recv() for _ in range(6)]
    for worker in workers:
        worker.join(timeout=60)
        assert worker.exitcode == 0
    store = store_factory()
    for state in store.scopes():
        done = [n for what, n in said[state.source] if what == "committed"]
        assert state.generation == len(done)
        assert state.records == GUESTS + 1
    assert store.check() == []


def test_a_kill_during_a_sync_leaves_the_old_state_or_the_new(
    store_name: str, store_factory: StoreFactory, tmp_path: Path
) -> None:
    store_factory().close()
    for attempt in range(KILLS):
        ours, theirs = PROCESSES.Pipe(duplex=False)
        source = f"s{attempt}"
        worker = PROCESSES.Process(target=write, args=(store_name, tmp_path, source, 50, theirs))
        worker.start()
        theirs.close()
        acknowledged = 0
        while (word := ours.recv()) != ("committing", 2):
            acknowledged = word[1] if word[0] == "committed" else acknowledged
        time.sleep(0.015 * (attempt % 20))  # further into the commit each time
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
        while ours.poll():
            try:
                word = ours.recv()
            except EOFError:
                break
            acknowledged = word[1] if word[0] == "committed" else acknowledged
        _assert_whole(store_factory(), source, acknowledged)


def _assert_whole(store: GraphStore, source: str, acknowledged: int) -> None:
    """All of one generation, and none older than the last that was acknowledged."""
    keys = store.spelling(source)
    assert {*keys.values()} == {"h1", *(f"v{n}" for n in range(GUESTS))}
    found = store.get([uid for uid, key in keys.items() if key != "h1"])
    generations = {int(entity.props["generation"]) for entity in found}
    assert len(found) == GUESTS
    assert len(generations) == 1
    assert generations.pop() >= acknowledged >= 1
    assert store.check() == []


def read(store_name: str, folder: Path, pipe: Connection) -> None:
    """Read until told to stop; say when it begins, which generations were seen, what was wrong."""
    seen: set[int] = set()
    wrong = ""
    pipe.send("reading")
    while not pipe.poll():
        store = STORES[store_name](folder)  # as each command does
        for _ in range(3):
            graph = store.graph()
            told = [int(e.props["generation"]) for e in graph.entities if e.props]
            found = set(told)
            counted = (len(graph.entities), len(graph.relations), len(told), len(found))
            if counted != (GUESTS + 1, GUESTS, GUESTS, 1):
                wrong = f"{counted[0]} entities, {counted[1]} relations, {counted[2]} of {found}"
            seen |= found
        store.close()
    pipe.send((sorted(seen), wrong))


def test_each_of_several_readers_sees_one_generation_while_another_process_syncs(
    store_name: str, store_factory: StoreFactory, tmp_path: Path
) -> None:
    store = store_factory()
    with store.sync("a", "", complete=True, at=T0) as run:
        run.stage(estate(0))
        run.commit()
    readers, pipes = [], []
    for _ in range(READERS):
        ours, theirs = PROCESSES.Pipe()
        readers.append(PROCESSES.Process(target=read, args=(store_name, tmp_path, theirs)))
        readers[-1].start()
        theirs.close()
        pipes.append(ours)
    assert [pipe.recv() for pipe in pipes] == ["reading"] * READERS
    said, theirs = PROCESSES.Pipe(duplex=False)
    writer = PROCESSES.Process(target=write, args=(store_name, tmp_path, "a", 3, theirs))
    writer.start()
    theirs.close()
    writer.join(timeout=600)
    assert writer.exitcode == 0
    assert [said.recv() for _ in range(6)][-1] == ("committed", 3)
    generations = set()
    for pipe, reader in zip(pipes, readers, strict=True):
        pipe.send("stop")
        seen, wrong = pipe.recv()
        reader.join(timeout=60)
        assert (wrong, reader.exitcode) == ("", 0)
        generations |= set(seen)
    assert len(generations) >= 2  # they read while it wrote
    assert store.check() == []


def test_a_reader_sees_one_state_while_another_connection_writes(
    store_factory: StoreFactory,
) -> None:
    writer, reader = store_factory(), store_factory()
    run = writer.sync("a", "", complete=True, at=T0)
    run.stage(estate(1))
    assert reader.find(limit=1) == []
    run.commit()
    assert len(reader.graph().relations) == GUESTS


def test_everything_is_there_after_reopening(store_factory: StoreFactory) -> None:
    first = store_factory()
    with first.sync("a", "", complete=True, at=T0) as run:
        run.stage(estate(1))
        created = run.commit().created
    before, version = first.graph(), first.version()
    first.close()
    second = store_factory()
    assert second.graph() == before
    assert second.version() == version
    with second.sync("a", "", complete=True, at=T0 + timedelta(1)) as run:
        run.stage(estate(1))
        assert run.commit().empty
    assert {entity.uid for entity in second.find()} == set(created)


def test_ctrl_c_in_the_middle_of_a_commit_leaves_the_old_state(
    store_factory: StoreFactory,
) -> None:
    store = store_factory()
    with store.sync("a", "", complete=True, at=T0) as run:
        run.stage(estate(1))
        run.commit()

    def interrupt(_number: int, frame: FrameType | None) -> None:
        """Python swallows what is raised within a finaliser: then the key is hit again."""
        while frame is not None:
            if frame.f_code.co_name == "__del__":
                signal.setitimer(signal.ITIMER_REAL, 0.001)
                return
            frame = frame.f_back
        raise KeyboardInterrupt

    def commit(run: SyncRun) -> None:
        """A busy machine may hit the key before the commit begins: it is expected by then."""
        signal.setitimer(signal.ITIMER_REAL, 0.005)
        run.commit()

    before = store.graph()
    with store.sync("a", "", complete=True, at=T0 + timedelta(1)) as run:
        run.stage(estate(2))
        previous = signal.signal(signal.SIGALRM, interrupt)
        try:
            with pytest.raises(KeyboardInterrupt):
                commit(run)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
    assert store.graph() == before
    assert store.check() == []
