"""`kgraph check` looks on purpose, and what it saw counts as evidence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.ingest.detect.checks.servers import listening, saying
from tests.kgraph.estates import ingested
from tests.real import free_port

Run = Callable[..., Any]  # see conftest

ESTATE = """\
entities:
  - {id: h1, kind: Host, name: h1, keys: {ip: 192.0.2.1}, watched: [down, unreachable]}
  - {id: shop, kind: Service, name: shop}
  - {id: cart, kind: Service, name: cart}
relations:
  - {from: shop, type: CALLS, to: cart}
  - {from: cart, type: RUNS_ON, to: h1}
"""
SICK = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
OK = b"HTTP/1.1 204 Fine\r\n\r\n"


@pytest.fixture
def estate(run: Run, work: Path) -> Path:
    return ingested(run, work, ESTATE)


def _configured(work: Path, port: int, entity: str = "Service/shop") -> None:
    (work / "kgraph.toml").write_text(
        # On a busy machine an answer may take seconds: that is not what is asked here.
        '[[sources]]\ntype = "checks"\ndeadline_seconds = 20\n[[sources.targets]]\n'
        f'check = "http"\nentity = "{entity}"\naddress = "http://127.0.0.1:{port}/health"\n'
        "slow_seconds = 20\n"
    )


def _rows(run: Run, *arguments: str) -> list[tuple[str, str, str]]:
    done = run("check", *arguments, "-o", "json")
    assert done.code == 0, done.err
    return [(row["check"], row["signal"], row["state"]) for row in json.loads(done.out)]


def _causes(run: Run) -> list[str]:
    answer = json.loads(run("investigate", "-o", "json").out)
    best = next((row for row in answer["hypotheses"] if row["members"]), None)
    return [row["mode"] for row in best["members"]] if best else []


def test_what_a_check_sees_is_evidence_until_it_sees_otherwise(run: Run, estate: Path) -> None:
    with listening(saying(SICK)) as port:
        _configured(estate, port)
        assert ("http", "errors", "abnormal") in _rows(run, "shop")
        assert run("--detailed-exitcode", "check", "shop", "--dry-run").code == 0
        assert _causes(run) == ["failing"]
        again = run("check", "shop")
        assert "was looked at a moment ago" in again.err


def test_a_scheduled_check_ends_what_an_earlier_one_saw(run: Run, estate: Path) -> None:
    with listening(saying(SICK)) as port:
        _configured(estate, port)
        assert run("sync").code == 0
        assert _causes(run) == ["failing"]
    with listening(saying(OK)) as port:
        _configured(estate, port)
        done = run("sync")
        assert done.code == 0, done.err
        assert _causes(run) == []


def test_a_dry_run_looks_at_nothing_and_shows_where(run: Run, estate: Path) -> None:
    _configured(estate, free_port())
    rows = json.loads(run("check", "shop", "h1", "--dry-run", "-o", "json").out)
    assert [(row["check"], row["state"]) for row in rows] == [
        ("http", ""),
        ("ping", ""),
        ("ssh", ""),
    ]
    assert rows[1]["address"] == "192.0.2.1"
    assert _causes(run) == []


@pytest.mark.usefixtures("estate")
def test_an_entity_without_an_address_says_how_to_give_it_one(run: Run) -> None:
    done = run("check", "cart")
    assert done.code == 0
    assert "Service cart: nobody knows where to look: look at it by hand; and give it" in done.err
    assert "kept" not in done.err, "nothing was looked at"


def test_what_would_tell_most_of_an_incident_is_looked_at(run: Run, estate: Path) -> None:
    with listening(saying(SICK)) as port:
        _configured(estate, port)
        assert run("--detailed-exitcode", "check", "shop").code == 10
        told = run("investigate")
        (incident,) = json.loads(run("incidents", "list", "-o", "json").out)
        planned = json.loads(
            run("check", "--incident", incident["id"], "--dry-run", "-o", "json").out
        )
    # The service calls another, on a host that nobody has looked at.
    assert ("Host h1", "ping") in {(row["entity"], row["check"]) for row in planned}
    assert f"kgraph check --incident {incident['id']}" in told.out


@pytest.mark.usefixtures("estate")
def test_an_incident_of_which_nothing_is_left_to_look_at_is_told(run: Run, estate: Path) -> None:
    with listening(saying(SICK)) as port:
        _configured(estate, port)
        _rows(run, "shop")
    run("investigate")
    assert run("graph", "retire", "cmdb", "site:dc1").code == 0
    done = run("check", "--incident", "INC-0001")
    assert done.code == 0
    assert "no look would tell more of INC-0001" in done.err


def test_an_unknown_check_entity_or_incident_is_refused_in_one_line(run: Run) -> None:
    for arguments in (
        ("check",),
        ("check", "shop", "--incident", "INC-0001"),
        ("check", "shop", "--only", "telepathy"),
    ):
        assert run(*arguments).code == 2
    for arguments in (("check", "nobody"), ("check", "--incident", "INC-0001")):
        done = run(*arguments)
        assert (done.code, done.err.count("\n")) == (1, 1)


def test_a_target_that_no_check_can_use_is_refused_with_its_place(run: Run, estate: Path) -> None:
    (estate / "kgraph.toml").write_text(
        '[[sources]]\ntype = "checks"\n[[sources.targets]]\n'
        'check = "tcp"\nentity = "shop"\naddress = "somewhere"\n'
    )
    done = run("sync")
    assert done.code == 1
    assert "write it as host:port" in done.err


def test_a_target_that_is_named_by_a_part_of_a_name_is_told_and_not_guessed(
    run: Run, estate: Path
) -> None:
    (estate / "kgraph.toml").write_text(
        '[[sources]]\ntype = "checks"\n[[sources.targets]]\n'
        'check = "tcp"\nentity = "sho"\naddress = "127.0.0.1:9"\n'
    )
    done = run("sync")
    assert "check tcp of 127.0.0.1:9: no entity 'sho' in the graph; did you mean shop?" in done.err


def test_looks_that_saw_nothing_keep_nothing_and_say_so(run: Run, work: Path) -> None:
    ingested(run, work, "entities:\n  - {id: h2, kind: Host, name: nobody.invalid}\n")
    done = run("check", "h2", "--only", "ssh", "--seconds", "1")
    assert done.code == 0
    assert "unknown" in done.out
    assert "nothing was seen, and nothing is kept: what was known stays as it is" in done.err
