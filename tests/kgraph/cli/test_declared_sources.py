"""Sources of the catalogue, and of other packages, from the configuration and the command line."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest import catalogue

Run = Callable[..., Any]  # see conftest
PLUGIN = Path(__file__).parents[2] / "plugins" / "rackmap"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The example package, built to a wheel and put where Python looks."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    built = subprocess.run(command, cwd=PLUGIN, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    place = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    monkeypatch.syspath_prepend(str(place))
    catalogue.others.cache_clear()
    yield place
    catalogue.others.cache_clear()
    sys.modules.pop("kgraph_rackmap", None)


def test_a_configured_table_is_read_by_sync(run: Run, work: Path) -> None:
    (work / "hosts.csv").write_text("id,kind\nh1,Host\nh2,Host\n")
    (work / "kgraph.toml").write_text('[[sources]]\ntype = "csv"\npath = "hosts.csv"\n')
    done = run("sync", "-o", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)[0] | {"created": 2} == json.loads(done.out)[0]
    assert json.loads(done.out)[0]["source"] == "csv hosts.csv"
    assert json.loads(run("sync", "csv", "-o", "json").out)[0]["unchanged"] == 2


def test_a_source_is_read_once_with_fields_from_the_command_line(run: Run, work: Path) -> None:
    (work / "inv").write_text("[web]\nw1 owner=shop\nw2\n")
    done = run("ingest", "ansible", "path=inv", "services=web", "services=db", "-o", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)[0]["created"] == 3
    assert "no group 'db' for a service" in done.err


@pytest.mark.parametrize(
    "columns", ['{name = "Asset", "rel.RUNS_ON.Host" = "On"}', '{"name": "Asset"}']
)
def test_a_table_on_the_command_line_is_written_as_in_the_configuration(
    run: Run, work: Path, columns: str
) -> None:
    (work / "cmdb.csv").write_text("Asset;On\nweb1;h1\n")
    fields = ("path=cmdb.csv", "kind=VirtualMachine", "delimiter=;", f"columns={columns}")
    done = run("ingest", "csv", *fields, "-o", "json")
    assert done.code == 0, done.err
    assert run("graph", "show", "web1").out.startswith("VirtualMachine web1\n")


def test_two_sources_that_know_a_machine_by_name_give_one(run: Run, work: Path) -> None:
    (work / "g.csv").write_text("id,kind,key.ip\nweb1,VirtualMachine,10.0.0.7\n")
    (work / "inv").write_text("w1.example ansible_host=10.0.0.7\n")
    assert run("ingest", "csv", "path=g.csv").code == 0
    done = run("ingest", "ansible", "path=inv", "-o", "json")
    assert json.loads(done.out)[0]["created"] == 0
    found = json.loads(run("graph", "find", "--kind", "VirtualMachine", "-o", "json").out)
    assert len(found) == 1


def test_a_table_is_the_same_source_from_whichever_folder_it_is_named(
    run: Run, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (work / "hosts.csv").write_text("id,kind\nh1,Host\nh2,Host\n")
    (work / "below" / "far").mkdir(parents=True)
    assert run("ingest", "csv", "path=hosts.csv").code == 0
    (work / "hosts.csv").write_text("id,kind\nh1,Host\n")
    monkeypatch.chdir(work / "below" / "far")
    done = run("ingest", "csv", "path=../../hosts.csv", "--accept-shrink", "-o", "json")
    assert json.loads(done.out)[0]["closed"] == 1, done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["path=x", "pth=y"], "pth: is not known here; the keys of csv are name"),
        (["pth=y"], "pth: is not known here; the keys of csv are name"),
        (["hosts.csv"], "'hosts.csv' is not KEY=VALUE; did you mean path=hosts.csv?"),
        ([], "path: is missing"),
        (["path=x", "columns={"], "is neither TOML nor JSON; write it as in kgraph.toml"),
        (["path=x", "delimiter=tab"], "delimiter: must be at most 1 long"),
        (["path=x", "path=y"], "path: 'y' is the second of what there is one of"),
    ],
)
def test_a_wrong_field_on_the_command_line_is_a_usage_error(
    run: Run, words: list[str], told: str
) -> None:
    done = run("ingest", "csv", *words)
    assert done.code == 2
    assert told in " ".join(done.err.split())


@pytest.mark.parametrize("words", ["kubernetes cluster=", "ipmi host=", "snmp address="])
def test_a_field_that_is_needed_is_not_empty(run: Run, words: str) -> None:
    done = run("ingest", *words.split())
    assert done.code == 2
    assert f"{words.split()[1][:-1]}: " in done.err


def test_a_wrong_field_in_the_configuration_is_told_with_its_place(run: Run, work: Path) -> None:
    (work / "kgraph.toml").write_text('[[sources]]\ntype = "csv"\npaht = "hosts.csv"\n')
    done = run("sync")
    assert done.code == 1
    assert "sources.0.path: is missing" in done.err


def test_the_help_of_tables_names_the_keys_and_shows_one_that_is_read_without_a_remark(
    run: Run, work: Path
) -> None:
    shown = run("ingest", "csv", "--help").out
    assert "Needed: path. Keys: relations, kind, columns, delimiter." in " ".join(shown.split())
    (work / "estate.csv").write_text(f"{catalogue.example('csv')}\n")
    for line in catalogue.example("csv").splitlines():
        assert f"  {line}\n" in shown
    done = run("ingest", "csv", "path=estate.csv", "-o", "json")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)[0]["created"] == 6


def test_every_declared_source_has_a_command_with_help(run: Run) -> None:
    shown = run("ingest", "--help").out
    for name in catalogue.names():
        assert f" {name} " in shown
        assert run("ingest", name, "--help").code == 0


def test_every_declaration_stands_under_its_name() -> None:
    for name in catalogue.names():
        source = catalogue.declared(name)
        assert source.name == name
        assert source.entry.model_fields["type"].annotation is not str


def test_another_packages_source_is_configured_and_read_like_ours(
    run: Run,
    work: Path,
    installed: Path,  # noqa: ARG001 - puts it in place
) -> None:
    (work / "racks").write_text("h1.dc1 r1\nh2.dc1 r1\n")
    (work / "kgraph.toml").write_text('[[sources]]\ntype = "rackmap"\npath = "racks"\n')
    done = run("sync", "-o", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)[0]["created"] == 3
    assert json.loads(run("ingest", "rackmap", "-o", "json").out)[0]["unchanged"] == 3
    assert "rackmap" in run("ingest", "--help").out


def test_another_packages_source_that_breaks_is_told_and_named(
    run: Run, work: Path, installed: Path
) -> None:
    (installed / "kgraph_rackmap.py").write_text("import not_there_at_all\n")
    (work / "kgraph.toml").write_text('[[sources]]\ntype = "rackmap"\npath = "racks"\n')
    done = run("sync")
    assert done.code == 1
    told = " ".join(done.err.split())
    assert "source rackmap (kgraph_rackmap:SOURCE): can't be loaded: ModuleNotFoundError" in told
    assert "Traceback" not in done.err
