"""The commands on a server: the same words, the same answers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from cypher import queries
from kgraph.app.demo import play
from kgraph.cli import run
from kgraph.store import open_store
from tests.neo4j.served import Served

_ROOT = Path(__file__).parents[2]
ESTATE = """\
format: kgraph.topology/v1
source: cmdb
complete: true
entities:
  - {id: h1, kind: Host, name: h1.dc1}
  - {id: v1, kind: VirtualMachine, name: web-1}
relations:
  - {from: v1, type: RUNS_ON, to: h1}
"""
BUNDLE = (
    '{"format": "kgraph.incident/v1", "id": "b-1", "source": "cmdb", "observations":'
    ' [{"entity": "v1", "signal": "down", "state": "abnormal", "at": "2026-11-23T04:00:00Z"}]}\n'
)
Kgraph = Callable[..., tuple[int, str, str]]


@pytest.fixture
def kgraph(
    neo4j_database: Served,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Kgraph:
    """Run one command in a folder whose configuration names the server."""
    (tmp_path / "estate.yaml").write_text(ESTATE)
    (tmp_path / "bundle.jsonl").write_text(BUNDLE)
    (tmp_path / "kgraph.toml").write_text(
        f'[store]\nurl = "{neo4j_database.server.url}"\npassword_file = "password"\n'
    )
    (tmp_path / "password").write_text(f"{neo4j_database.password}\n")
    monkeypatch.chdir(tmp_path)

    def command(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(words)
        told = capsys.readouterr()
        return code, told.out, told.err

    return command


@pytest.mark.neo4j
def test_before_the_first_reading_there_is_no_store_and_commands_say_so(kgraph: Kgraph) -> None:
    code, _, err = kgraph("graph", "find")
    assert (code, err.count("\n")) == (1, 1)
    assert "no store in this database yet; fill one with `kgraph sync`" in err
    assert "none yet at neo4j://127.0.0.1" in kgraph("doctor")[1]


@pytest.mark.neo4j
def test_what_was_read_is_found_explained_and_kept(kgraph: Kgraph, neo4j_database: Served) -> None:
    assert kgraph("ingest", "topology", "estate.yaml")[0] == 0
    assert "web-1" in kgraph("graph", "find")[1]
    assert "web-1" in kgraph("impact", "h1.dc1")[1]
    code, out, err = kgraph("investigate", "--bundle", "bundle.jsonl", "--output", "jsonl")
    assert (code, err) == (0, "")
    assert '"entity": "v1"' in out
    _, out, _ = kgraph("doctor")
    assert "store" in out
    assert neo4j_database.server.url in out
    for words in (("config", "show"), ("doctor",), ("config", "path", "--store-file")):
        assert neo4j_database.password not in "".join(kgraph(*words)[1:])


@pytest.mark.neo4j
def test_the_command_line_may_name_a_server_and_the_environment_its_password(
    kgraph: Kgraph, neo4j_database: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("kgraph.toml").unlink()
    url = neo4j_database.server.url.replace("neo4j://", "bolt://")
    monkeypatch.setenv("KGRAPH_STORE__PASSWORD_ENV", "ESTATE_PASSWORD")
    code, _, err = kgraph("--store", url, "ingest", "topology", "estate.yaml")
    assert (code, err) == (
        1,
        "kgraph: environment variable ESTATE_PASSWORD: it is not set; export it first\n",
    )
    monkeypatch.setenv("ESTATE_PASSWORD", neo4j_database.password)
    assert kgraph("--store", url, "ingest", "topology", "estate.yaml")[0] == 0
    assert "web-1" in kgraph("--store", url, "graph", "find")[1]


@pytest.mark.neo4j
def test_the_demo_gives_the_same_answer_and_the_same_graph_on_both_stores(
    neo4j_database: Served, tmp_path: Path
) -> None:
    here, there = tmp_path / "demo.db", neo4j_database.target
    ours, theirs = play(None, here), play(None, there)
    assert ours.found.case.answer == theirs.found.case.answer
    assert ours.kinds == theirs.kinds
    with closing(open_store(here)) as one, closing(open_store(there)) as other:
        left, right = one.graph(), other.graph()
        assert left.entities == right.entities
        assert set(left.relations) == set(right.relations)
        (incident,) = one.incidents()
        (same,) = other.incidents()
        assert (incident.id, incident.title) == (same.id, same.title)
        assert json.loads(incident.bundle) == json.loads(same.bundle)
        rows = neo4j_database.ask(queries()["incident/cause_and_victims"].text)
        assert {row["cause"]["name"] for row in rows} == {"nbd1/vmstore"}
        assert "api-01" in {row["victim"]["name"] for row in rows}


@pytest.mark.neo4j
def test_the_demo_refuses_a_store_that_has_an_estate(kgraph: Kgraph) -> None:
    kgraph("ingest", "topology", "estate.yaml")
    url = Path("kgraph.toml").read_text().split('"')[1]
    code, _, err = kgraph("--store", url, "demo")
    assert (code, err.count("\n")) == (1, 1)
    assert "needs an empty store" in err


@pytest.mark.neo4j
def test_make_demo_neo4j_ends_with_where_to_look_and_what_to_paste() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.neo4j.demo", "--once"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "CAUSE" in done.stdout
    assert "/browser/)" in done.stdout
    asked, _, after = done.stdout.partition("paste this:")[2].partition("\n\nColours")
    assert asked.rstrip().endswith("path")
    assert "kgraph cypher browser DIR" in after


@pytest.mark.neo4j
def test_a_shipped_query_is_run_with_entities_by_their_names(kgraph: Kgraph) -> None:
    assert kgraph("ingest", "topology", "estate.yaml")[0] == 0
    code, out, err = kgraph(
        "cypher", "run", "impact/blast_radius", "--param", "uid=h1.dc1", "-o", "json"
    )
    assert code == 0, err
    assert [(row["kind"], row["name"], row["hops"]) for row in json.loads(out)] == [
        ("VirtualMachine", "web-1", 1)
    ]
    code, out, _ = kgraph(
        "cypher", "run", "history/relation_changes", "--param", "since=1h", "--param", "until=0s",
        "-o", "json",
    )  # fmt: skip
    assert (code, [row["change"] for row in json.loads(out)]) == (0, ["opened"])
    code, out, _ = kgraph(
        "cypher", "run", "impact/dependency_path", "--param", "dependent=web-1",
        "--param", "dependency=Host/h1.dc1",
    )  # fmt: skip
    assert code == 0
    assert '["RUNS_ON"]' in out


@pytest.mark.neo4j
def test_a_query_that_would_write_is_refused(kgraph: Kgraph, neo4j_database: Served) -> None:
    assert kgraph("ingest", "topology", "estate.yaml")[0] == 0
    code, _, err = kgraph("cypher", "run", "schema/unique_uid")
    assert (code, len(err.splitlines())) == (1, 1)
    names = [row["name"] for row in neo4j_database.ask("SHOW CONSTRAINTS YIELD name")]
    assert "entity_uid" not in names


@pytest.mark.neo4j
def test_a_parameter_that_is_missing_or_unknown_is_wrong_usage(kgraph: Kgraph) -> None:
    assert kgraph("ingest", "topology", "estate.yaml")[0] == 0
    assert "asks for --param uid=" in kgraph("cypher", "run", "impact/blast_radius")[2]
    done = kgraph("cypher", "run", "hygiene/orphans", "--param", "x=1")
    assert (done[0], "no parameter 'x'" in done[2]) == (2, True)
