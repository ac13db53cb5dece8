"""While the server is away, the local snapshot is read, and said to be old."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgraph.app.stored.snapshots import snapshot_path
from kgraph.app.watch.snapshot import Snapshots
from kgraph.cli import run
from kgraph.config import load
from tests.neo4j.served import Served
from tools.neo4j.server import Server

pytestmark = pytest.mark.neo4j
Kgraph = Callable[..., tuple[int, str, str]]
ESTATE = """\
format: kgraph.topology/v1
source: cmdb
scope: all
complete: true
entities:
  - {id: h1, kind: Host, name: h1.dc1}
  - {id: v1, kind: VirtualMachine, name: web-1}
relations:
  - {from: v1, type: RUNS_ON, to: h1}
"""


@pytest.fixture(scope="module")
def fragile(neo4j_server: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own, without passwords, that tests may kill."""
    assert neo4j_server.server.url
    server = Server(tmp_path_factory.mktemp("fragile"))
    yield server
    server.kill()


@pytest.fixture
def server(fragile: Server) -> Server:
    """That server, running and empty."""
    if not fragile.running:
        fragile.start(auth=False)
    Served(fragile).wipe()
    return fragile


@pytest.fixture
def kgraph(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Kgraph:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (work / "estate.yaml").write_text(ESTATE)
    (work / "kgraph.toml").write_text(
        f'[store]\nurl = "{server.url}"\n[[sources]]\ntype = "topology"\npath = "estate.yaml"\n'
    )

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(list(arguments))
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return call


def test_a_snapshot_is_made_anew_when_it_is_old_by_sync_and_by_watch(
    kgraph: Kgraph, tmp_path: Path
) -> None:
    assert kgraph("sync")[0] == 0
    configuration = load(cwd=Path.cwd(), environ={"XDG_DATA_HOME": str(tmp_path / "data")})
    path = snapshot_path(configuration)
    assert path.stat().st_mode & 0o777 == 0o600
    first = path.stat().st_mtime
    assert kgraph("sync")[0] == 0
    assert path.stat().st_mtime == first
    now = datetime.now(UTC)
    keeping = Snapshots(configuration, now + timedelta(minutes=59))
    keeping.tick(now + timedelta(minutes=59, seconds=30))  # old enough, and too soon
    keeping.join()
    assert path.stat().st_mtime == first
    later = now + timedelta(hours=1)
    keeping.tick(later)
    keeping.join()
    assert path.stat().st_mtime == pytest.approx(later.timestamp())
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_server_is_copied_to_a_file_and_back_up_again(kgraph: Kgraph, server: Server) -> None:
    assert kgraph("sync")[0] == 0
    code, out, err = kgraph("store", "copy", server.url, "copy.db")
    assert code == 0, err
    assert "2 entities, 1 relation, " in out
    code, out, _ = kgraph("--store", "copy.db", "impact", "h1.dc1", "-o", "json")
    assert [row["name"] for row in json.loads(out)] == ["web-1"]
    code, _, err = kgraph("store", "copy", "copy.db", server.url)
    assert (code, "not empty" in err) == (1, True)
    assert kgraph("store", "backup", "a.gz")[0] == 0
    assert kgraph("store", "check")[0] == 0
    assert "already" in kgraph("store", "migrate")[1]


# These leave it killed: the next one that wants it starts it anew.


def test_reading_goes_on_while_the_server_is_away_and_writing_does_not(
    kgraph: Kgraph, server: Server
) -> None:
    code, _, err = kgraph("sync")
    assert code == 0, err
    server.kill()
    code, out, err = kgraph("impact", "h1.dc1", "-o", "json")
    assert code == 0, err
    assert [row["name"] for row in json.loads(out)] == ["web-1"]
    assert "the server is away: read as of 20" in err
    for words in (("graph", "find"), ("graph", "show", "web-1"), ("predict", "--fail", "h1.dc1")):
        code, _, err = kgraph(*words)
        assert (code, "the server is away" in err) == (0, True), err
    code, _, err = kgraph("investigate")
    assert (code, "nothing is saved" in err) == (0, True), err
    code, _, err = kgraph("graph", "prune", "--older-than", "1d")
    assert (code, "cannot be reached" in err) == (1, True)
    code, _, err = kgraph("cypher", "run", "schema/properties_in_use")
    assert (code, "needs a Neo4j server" in err) == (1, True)


def test_without_a_snapshot_the_server_is_told_to_be_away(kgraph: Kgraph, server: Server) -> None:
    Path("kgraph.toml").write_text(
        Path("kgraph.toml").read_text().replace("[store]\n", "[store]\nsnapshot_minutes = 0\n")
    )
    assert kgraph("sync")[0] == 0
    server.kill()
    code, _, err = kgraph("graph", "find")
    assert (code, len(err.splitlines())) == (1, 1)
    assert "cannot be reached" in err
