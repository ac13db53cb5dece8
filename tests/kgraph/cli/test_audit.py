"""`kgraph audit`: what was done is listed, and what was changed afterwards is told."""

from __future__ import annotations

import getpass
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from kgraph.schema import Halt
from kgraph.store import open_store
from tests.kgraph.cli.conftest import Run


def halted(run: Run, work: Path) -> Path:
    assert run("init", "--yes").code == 0
    (file,) = work.glob("*.db")
    with closing(open_store(file)) as store:
        store.halt(Halt(datetime.now(UTC), "storm"))
        store.lift_halt()
    return file


def test_a_whole_log_is_verified_and_its_head_can_be_noted(run: Run, work: Path) -> None:
    halted(run, work)
    done = run("audit", "verify")
    assert done.code == 0, done.err
    assert done.out.startswith("2 entries, none changed; head ")
    head = done.out.split()[-1]
    assert run("audit", "verify", "--head", head[:12]).code == 0
    rows = json.loads(run("audit", "show", "-o", "json").out)
    assert [(row["event"], row["what"]) for row in rows] == [("halt", "storm"), ("lift", "")]
    assert head.startswith(rows[-1]["hash"])


def test_who_halts_here_and_lifts_it_is_in_the_audit_and_the_doctor_tells_of_it(run: Run) -> None:
    assert run("init", "--yes").code == 0
    assert run("halt").out.endswith(f": by {getpass.getuser()}\n")
    (row,) = [r for r in json.loads(run("doctor", "-o", "json").out) if r["what"] == "halt"]
    assert row["health"] == "warn"
    assert row["told"].startswith("halted since 20")
    run("halt", "--reason", "the second is none")
    run("halt", "--lift")
    run("halt", "--lift")
    rows = json.loads(run("audit", "requests", "-o", "json").out)
    told = [(row["who"], row["what"]) for row in rows]
    assert told == [(getpass.getuser(), what) for what in ("halt.lift", "halt")]


def test_a_changed_entry_is_told(run: Run, work: Path) -> None:
    file = halted(run, work)
    with sqlite3.connect(file) as sql:
        sql.execute("UPDATE audit SET body = '[\"calm\"]' WHERE event = 'halt'")
    sql.close()
    done = run("audit", "verify", "--detailed-exitcode")
    assert done.code == 10
    assert done.out.startswith("entry 1 of ")
    assert "does not follow" in done.out


def test_a_log_that_was_cut_off_shows_to_who_has_noted_its_head(run: Run, work: Path) -> None:
    file = halted(run, work)
    head = run("audit", "verify").out.split()[-1]
    with sqlite3.connect(file) as sql:
        sql.execute("DELETE FROM audit WHERE event = 'lift'")
    sql.close()
    assert run("audit", "verify").code == 0
    done = run("audit", "verify", "--head", head)
    assert done.code == 1
    assert "was cut off or changed" in done.out


def test_an_empty_store_has_an_empty_log(run: Run, work: Path) -> None:
    assert run("init", "--yes").code == 0
    open_store(next(work.glob("*.db"))).close()
    assert "0 entries, none changed; head none" in run("audit", "verify").out
