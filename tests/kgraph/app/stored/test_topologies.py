"""The topology that is kept beside a store, and the part of a large estate that is looked at."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgraph.app.asking.investigation import of_store
from kgraph.app.configured.toolkit import toolkit
from kgraph.app.stored import topologies
from kgraph.app.stored.topologies import Topologies
from kgraph.config import Configuration, Settings
from kgraph.schema import Item, Observation, Record, RelationRecord, State
from kgraph.store import GraphStore, SqliteStore, open_store
from kgraph.topology import Topology, build
from tests.kgraph.topology.estates import rows

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def estate(hosts: int, guests: int = 30) -> Iterator[Item]:
    yield Record("core", "Switch")
    for h in range(hosts):
        yield Record(f"h{h}", "Host", watched=("unreachable",))
        yield RelationRecord(f"h{h}", "CONNECTED_TO", "core")
        for g in range(guests):
            yield Record(f"g{h}-{g}", "VirtualMachine", watched=("down",))
            yield RelationRecord(f"g{h}-{g}", "RUNS_ON", f"h{h}")


def fill(store: GraphStore, hosts: int, minute: int = 0) -> None:
    at = NOW + timedelta(minutes=minute)
    with store.sync("doc", "", complete=True, at=at) as run:
        run.stage(estate(hosts))
        run.commit()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kgraph.db"


@pytest.fixture
def store(path: Path) -> Iterator[GraphStore]:
    with closing(open_store(path)) as opened:
        yield opened


@pytest.fixture(scope="module")
def _filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A large estate in a file, made once: each test begins with a copy."""
    path = tmp_path_factory.mktemp("filled") / "kgraph.db"
    with closing(open_store(path)) as store:
        fill(store, hosts=100)
    return path


@pytest.fixture
def large(path: Path, _filled: Path) -> Iterator[GraphStore]:
    with closing(open_store(shutil.copy(_filled, path))) as opened:
        yield opened


def anew(store: GraphStore) -> Topology:
    whole = store.delta()
    return build(whole.entities, whole.relations)


def test_a_large_topology_is_kept_beside_the_file_and_found_there(
    large: GraphStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Topologies.beside(path).of(large)
    kept = path.with_name("kgraph.db.topology")
    assert kept.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(topologies, "build", None)  # it need not be built again
    assert rows(Topologies.beside(path).of(large)) == rows(first)


def test_what_was_touched_is_patched_in_and_kept(
    large: GraphStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Topologies.beside(path).of(large)
    fill(large, hosts=98, minute=1)
    expected = rows(anew(large))
    monkeypatch.setattr(topologies, "build", None)
    assert rows(Topologies.beside(path).of(large)) == expected
    monkeypatch.setattr(topologies, "patched", None)
    assert rows(Topologies.beside(path).of(large)) == expected


def test_a_small_topology_leaves_no_file(store: GraphStore, path: Path) -> None:
    fill(store, hosts=2)
    assert len(Topologies.beside(path).of(store)) == 63
    assert not path.with_name("kgraph.db.topology").exists()


@pytest.mark.parametrize("damage", [b"", b"kgraph topology 1\nnonsense", b"\0" * 100])
def test_a_damaged_file_is_no_matter(large: GraphStore, path: Path, damage: bytes) -> None:
    kept = path.with_name("kgraph.db.topology")
    kept.write_bytes(damage)
    assert rows(Topologies.beside(path).of(large)) == rows(anew(large))
    assert len(kept.read_bytes()) > 1000


def test_the_file_of_another_store_is_not_taken_for_ones_own(
    large: GraphStore, path: Path, tmp_path: Path
) -> None:
    Topologies.beside(path).of(large)
    other = tmp_path / "other.db"
    path.with_name("kgraph.db.topology").rename(other.with_name("other.db.topology"))
    with closing(open_store(other)) as second:
        fill(second, hosts=70)
        assert rows(Topologies.beside(other).of(second)) == rows(anew(second))


def test_a_folder_that_cannot_be_written_costs_time_only(
    large: GraphStore, tmp_path: Path
) -> None:
    assert len(Topologies(tmp_path / "nowhere" / "file").of(large)) == 3101


def test_of_a_large_estate_only_what_is_nearby_is_weighed_and_the_answer_says_so(
    large: GraphStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = {entity.name: entity.uid for entity in large.find()}
    hit = [uid["h7"], *(uid[f"g7-{g}"] for g in range(30))]
    signals = ["unreachable", *["down"] * 30]
    large.observe(
        Observation(entity, signal, State.ABNORMAL, at=NOW, detector="test")
        for entity, signal in zip(hit, signals, strict=True)
    )

    def never(_store: GraphStore) -> None:
        pytest.fail("the whole graph was read")

    monkeypatch.setattr(SqliteStore, "graph", never)
    (found,) = of_store(large, toolkit(Configuration(Settings(), home=path.parent), NOW))
    answer = found.case.answer
    assert (answer.causes[0].entity, answer.causes[0].mode) == (uid["h7"], "down")
    assert answer.causes[0].posterior > 0.9
    assert {h.entity for h in answer.blast_radius.now} == set(hit[1:])
    assert len(found.case.incident.entities) < 1_000
    assert any("of 3,101 entities were weighed" in line for line in answer.warnings)


def test_a_large_estate_in_which_nothing_is_wrong_is_told_to_be_well(
    large: GraphStore, path: Path
) -> None:
    (found,) = of_store(large, toolkit(Configuration(Settings(), home=path.parent), NOW))
    assert found.case.answer.causes == ()
    assert any("abnormal on any of 3,101" in line for line in found.case.answer.warnings)


def test_what_is_blamed_is_looked_at_with_all_that_needs_it(large: GraphStore, path: Path) -> None:
    uid = {entity.name: entity.uid for entity in large.find()}
    large.observe(
        Observation(uid[f"h{h}"], "unreachable", State.ABNORMAL, at=NOW, detector=f"d{h}")
        for h in range(100)
    )
    (found,) = of_store(large, toolkit(Configuration(Settings(), home=path.parent), NOW))
    assert found.case.answer.causes[0].entity == uid["core"]
    radius = found.case.answer.blast_radius
    assert len({h.entity for h in (*radius.now, *radius.next)}) == 3_100
