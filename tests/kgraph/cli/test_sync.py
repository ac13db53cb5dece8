"""`kgraph sync`: which sources, what it would change, and what a person has to accept."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgraph.app.stored import stores
from kgraph.cli.session import Session
from kgraph.store import SqliteStore
from tests.kgraph.cli.conftest import Run


def document(work: Path, name: str, guests: int, entities: str = "") -> Path:
    """Write a topology of a host and guests on it."""
    rows = "".join(
        f"  - {{id: {name}-v{n}, kind: VirtualMachine, name: {name}-{n}}}\n" for n in range(guests)
    )
    links = "".join(
        f"  - {{from: {name}-v{n}, type: RUNS_ON, to: {name}-h}}\n" for n in range(guests)
    )
    path = work / f"{name}.yaml"
    path.write_text(
        f"format: kgraph.topology/v1\nsource: {name}\ncomplete: true\nentities:\n"
        f"  - {{id: {name}-h, kind: Host, name: {name}-host}}\n{rows}{entities}relations:\n{links}"
    )
    return path


@pytest.fixture
def two(work: Path) -> Path:
    """Two sources of thirty guests each, configured."""
    for name in ("alpha", "beta"):
        document(work, name, 30)
    (work / "kgraph.toml").write_text(
        "".join(
            f'[[sources]]\ntype = "topology"\nname = "{name}"\npath = "{name}.yaml"\n'
            for name in ("alpha", "beta")
        )
    )
    return work


def names(run: Run) -> set[str]:
    found = json.loads(run("graph", "find", "-o", "json").out)
    return {row["name"] for row in found}


@pytest.mark.usefixtures("two")
def test_all_sources_are_read_and_summed_up_in_their_order(run: Run) -> None:
    done = run("sync", "-o", "json")
    assert (done.code, done.err) == (0, "")
    rows = json.loads(done.out)
    assert [(row["source"], row["created"]) for row in rows] == [
        ("topology alpha", 31),
        ("topology beta", 31),
    ]


@pytest.mark.parametrize("name", ["beta", "topology beta"])
@pytest.mark.usefixtures("two")
def test_a_source_is_read_alone_by_its_name_or_title(run: Run, name: str) -> None:
    rows = json.loads(run("sync", name, "-o", "json").out)
    assert [row["source"] for row in rows] == ["topology beta"]


@pytest.mark.usefixtures("two")
def test_a_source_that_nobody_knows_is_refused_with_the_known_ones(run: Run) -> None:
    done = run("sync", "gamma")
    assert done.code == 1
    assert done.err.endswith("no source is called 'gamma'; known: topology alpha, topology beta\n")


def test_one_that_fails_stops_no_other_and_is_an_error(run: Run, two: Path) -> None:
    (two / "alpha.yaml").unlink()
    done = run("sync")
    assert done.code == 1
    assert "alpha.yaml" in done.err
    assert "beta-host" in names(run)


def test_what_shrinks_too_far_is_held_shown_by_the_doctor_and_accepted_by_a_person(
    run: Run, two: Path
) -> None:
    run("sync")
    document(two, "alpha", 10)
    held = run("sync")
    assert held.code == 0
    assert "held_shrink alpha default: 20 of 31 records are no longer reported" in held.err
    assert "alpha-29" in names(run)
    assert "held_shrink alpha" in run("doctor").out
    accepted = run("sync", "--accept-shrink", "alpha", "-o", "json")
    assert [row["closed"] for row in json.loads(accepted.out)] == [20]
    assert "alpha-29" not in names(run)
    assert "held_shrink" not in run("doctor").out


def test_ingest_accepts_what_has_shrunk_as_well(run: Run, two: Path) -> None:
    run("sync")
    path = document(two, "alpha", 0)
    assert "held_shrink" in run("ingest", "topology", path).err
    assert run("ingest", "topology", path, "--accept-shrink").err == ""
    assert "alpha-0" not in names(run)


def test_what_a_source_told_that_was_taken_away_is_closed_when_a_person_says_so(
    run: Run, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = "  - {id: s, kind: Switch, name: core, keys: {serial: acme/s1}}\n"
    document(two, "beta", 30, shared)
    document(two, "alpha", 2, shared + "  - {id: lost, kind: Host}\n")
    run("sync")
    (two / "kgraph.toml").write_text(
        '[[sources]]\ntype = "topology"\nname = "beta"\npath = "beta.yaml"\n'
    )
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    monkeypatch.setattr(Session, "now", lambda _self: tomorrow)
    run("sync")
    assert "`kgraph graph retire` closes what it told of" in run("doctor").out.replace("\n", " ")
    tried = run("graph", "retire", "alpha", "--dry-run", "-o", "json")
    assert [row["closed"] for row in json.loads(tried.out)] == [4]
    assert "alpha-1" in names(run)
    done = run("graph", "retire", "alpha", "default", "-o", "json")
    assert (done.code, [row["closed"] for row in json.loads(done.out)]) == (0, [4])
    assert names(run) == {"core", "beta-host", *(f"beta-{n}" for n in range(30))}
    assert "alpha" not in run("doctor").out
    assert run("graph", "history", "alpha-1").code == 0
    again = run("graph", "retire", "alpha")
    assert again.code == 1
    assert again.err.endswith("told of by 'alpha'; known: beta default\n")


def test_one_scope_of_several_is_taken_away_by_its_name(run: Run, two: Path) -> None:
    for scope, name in (("north", "alpha"), ("south", "beta")):
        path = document(two, name, 1)
        path.write_text(path.read_text().replace(f"source: {name}", f"source: x\nscope: {scope}"))
    run("sync")
    assert run("graph", "retire", "x").err.endswith("2 scopes: north, south; name one after it\n")
    assert run("graph", "retire", "x", "north").code == 0
    assert names(run) == {"beta-host", "beta-0"}


def test_a_dry_run_shows_what_would_change_and_changes_nothing(run: Run, two: Path) -> None:
    run("sync")
    document(two, "alpha", 29, "  - {id: new, kind: Host, name: newcomer}\n")
    done = run("sync", "alpha", "--dry-run")
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert "topology alpha" in lines
    assert "+ Host newcomer" in lines
    assert "- VirtualMachine alpha-29" in lines
    assert "- relation VirtualMachine alpha-29 RUNS_ON Host alpha-host" in lines
    assert done.err == "nothing was changed: this was a dry run\n"
    assert "newcomer" not in names(run)


@pytest.mark.usefixtures("two")
def test_a_long_dry_run_is_cut_short_unless_all_is_asked_for(run: Run) -> None:
    short, full = run("sync", "alpha", "--dry-run"), run("sync", "alpha", "--dry-run", "--all")
    assert "topology alpha: and 41 more changes; --all shows them\n" in short.err
    assert "more changes" not in full.err
    assert len(full.out.splitlines()) == len(short.out.splitlines()) + 41


@pytest.mark.usefixtures("two")
def test_a_dry_run_as_json_is_complete(run: Run) -> None:
    (row,) = json.loads(run("ingest", "topology", "alpha.yaml", "--dry-run", "-o", "json").out)
    assert (row["created"], row["relationsOpened"], len(row["changes"])) == (31, 30, 61)
    assert {"change", "kind", "name", "uid", "detail"} == set(row["changes"][0])
    assert (row["waiting"], row["findings"]) == ([], [])


@pytest.mark.usefixtures("two")
def test_a_clock_that_was_a_day_ahead_holds_nothing_up(
    run: Run, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = Session().now()
    monkeypatch.setattr(Session, "now", lambda _self: now + timedelta(days=1))
    run("sync")
    monkeypatch.setattr(Session, "now", lambda _self: now)
    document(work, "alpha", 31)
    assert "dated later than now" not in run("sync", "--dry-run").err
    done = run("sync", "alpha")
    assert (done.code, done.err) == (
        0,
        "a clock was ahead: what is dated later than now is taken for now\n",
    )
    assert "alpha-30" in names(run)


@pytest.mark.usefixtures("two")
def test_a_clock_that_is_slow_dates_nothing_anew_on_a_server(
    run: Run, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        stores, "open_store", lambda _target, **_: SqliteStore.open(work / "shared.db")
    )
    now = Session().now()
    assert run("--store", "neo4j://graph.example", "sync").err == ""
    monkeypatch.setattr(Session, "now", lambda _self: now - timedelta(hours=1))
    slow = run("--store", "neo4j://graph.example", "sync")
    assert "a clock was ahead" not in slow.err
    assert slow.err.count("is stale") == 2
