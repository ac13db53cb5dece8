from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kgraph.cli import progress
from kgraph.schema import Item
from tests.real import until

Run = Callable[..., Any]  # see conftest


def _payload(*names: str, status: str = "firing") -> str:
    alerts = [
        {
            "status": status,
            "labels": {"alertname": "LibvirtDomainPaused", "kgraph_entity": name},
            "annotations": {},
            "startsAt": "2026-11-23T04:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else "2026-11-23T04:05:00Z",
            "fingerprint": name,
        }
        for name in names
    ]
    return json.dumps({"version": "4", "groupKey": "x", "status": status, "alerts": alerts})


@pytest.fixture
def storm(work: Path) -> Path:
    path = work / "storm.json"
    path.write_text(_payload("web-1", "web-2", "web-3", "web-4"))
    return path


def test_a_password_in_a_libvirt_address_is_refused_and_not_repeated(run: Run) -> None:
    result = run("ingest", "libvirt", "qemu+ssh://me:hunter2@h1/system")
    assert result.code == 2
    assert "a password does not belong into an address" in result.err
    assert "hunter2" not in result.err


def test_the_document_that_the_help_shows_can_be_read(run: Run, work: Path) -> None:
    said = run("ingest", "topology", "--help").out
    shown = textwrap.dedent(said.partition("says something:\n")[2])
    (work / "shown.yaml").write_text(shown.strip())
    done = run("ingest", "topology", "shown.yaml", "-o", "json")
    assert (done.code, json.loads(done.out)[0]["created"]) == (0, 3), done.err


def test_a_document_is_counted_and_kept(run: Run, estate: Path) -> None:
    done = run("ingest", "topology", estate, "-o", "json")
    assert json.loads(done.out)[0] | {"source": ""} == {
        "source": "",
        "created": 9,
        "updated": 0,
        "closed": 0,
        "unchanged": 0,
        "relationsOpened": 12,
        "relationsClosed": 0,
        "observations": 0,
        "pending": 0,
    }


def test_a_dry_run_says_what_would_change_and_changes_nothing(run: Run, estate: Path) -> None:
    done = run("ingest", "topology", estate, "--dry-run")
    assert "nothing was changed" in done.err
    assert " 9 " in done.out
    assert len(run("graph", "find").out.splitlines()) == 1


def test_the_same_document_again_changes_nothing(run: Run, estate: Path, stored: Path) -> None:
    row = json.loads(run("ingest", "topology", stored, "-o", "json").out)[0]
    assert (row["created"], row["unchanged"], estate) == (0, 9, stored)


@pytest.mark.processes
def test_a_document_comes_through_a_pipe(process: Run, estate: Path) -> None:
    done = process("ingest", "topology", "-", "-o", "json", stdin=estate.read_text())
    assert (done.code, json.loads(done.out)[0]["created"]) == (0, 9), done.err


def test_a_document_cut_off_in_the_middle_leaves_the_old_state(
    run: Run, stored: Path, work: Path
) -> None:
    cut = work / "cut.jsonl"
    head = {
        "format": "kgraph.topology/v1",
        "source": "cmdb",
        "scope": "site:dc1",
        "complete": True,
    }
    row = {"entity": {"id": "h9", "kind": "Host"}}
    cut.write_text(f'{json.dumps(head)}\n{json.dumps(row)}\n{{"entity": {{"id"')
    done = run("ingest", "topology", cut)
    assert done.code == 1
    assert "cut.jsonl:3" in done.err
    assert stored.exists()
    assert len(run("graph", "find").out.splitlines()) == 10


@pytest.mark.usefixtures("stored")
def test_alerts_become_evidence_and_an_incident(run: Run, storm: Path) -> None:
    done = run("ingest", "alertmanager", storm, "-o", "json")
    assert json.loads(done.out)[0]["observations"] == 4
    found = run("investigate", "--detailed-exitcode")
    assert found.code == 10, found.err
    assert found.out.startswith("INC-0001")
    assert "StorageExport vmstore DOWN" in found.out
    listed = json.loads(run("incidents", "list", "-o", "json").out)
    assert [(row["id"], row["status"]) for row in listed] == [("INC-0001", "open")]


@pytest.mark.usefixtures("stored")
def test_the_same_trouble_asked_twice_is_one_incident(run: Run, storm: Path) -> None:
    run("ingest", "alertmanager", storm)
    run("investigate")
    assert run("investigate").out.startswith("INC-0001")
    assert len(json.loads(run("incidents", "list", "-o", "json").out)) == 1


@pytest.mark.usefixtures("stored")
def test_an_incident_is_resolved_when_its_alerts_are(run: Run, storm: Path, work: Path) -> None:
    run("ingest", "alertmanager", storm)
    run("investigate")
    names = ("web-1", "web-2", "web-3", "web-4")
    storm.write_text(_payload(*names, status="resolved"))
    run("ingest", "alertmanager", work / "storm.json")
    done = run("investigate")
    assert "INC-0001 is over" in done.err
    listed = json.loads(run("incidents", "list", "-o", "json").out)
    assert [row["status"] for row in listed] == ["resolved"]


@pytest.mark.usefixtures("stored")
def test_an_investigation_may_leave_no_trace(run: Run, storm: Path) -> None:
    run("ingest", "alertmanager", storm)
    aside = run("investigate", "--no-save").out
    assert "StorageExport vmstore DOWN" in aside
    assert "INC-" not in aside  # whoever types it next would be told that there is none
    assert json.loads(run("incidents", "list", "-o", "json").out) == []
    run("investigate")
    assert run("investigate", "--no-save").out.startswith("INC-0001")
    storm.write_text(_payload("web-1", "web-2", "web-3", "web-4", status="resolved"))
    run("ingest", "alertmanager", storm)
    assert "INC-0001 would be over" in run("investigate", "--no-save").err
    listed = json.loads(run("incidents", "list", "-o", "json").out)
    assert [row["status"] for row in listed] == ["open"]


@pytest.mark.usefixtures("stored")
def test_a_kept_incident_is_shown_again_without_the_graph(run: Run, storm: Path) -> None:
    run("ingest", "alertmanager", storm)
    first = run("investigate").out
    shown = run("incidents", "show", "INC-0001").out
    assert "StorageExport vmstore DOWN" in first
    assert "StorageExport vmstore DOWN" in shown
    bundle = json.loads(run("incidents", "show", "INC-0001", "--part", "bundle").out)
    assert bundle["format"] == "kgraph.incident/v1"
    page = run("incidents", "show", "INC-0001", "-o", "html").out
    assert page.startswith("<!doctype html>")
    assert run("incidents", "show", "INC-0001", "-o", "markdown").out.startswith("## INC-0001")
    answer = json.loads(run("incidents", "show", "INC-0001", "--part", "answer").out)
    assert answer["id"] == "INC-0001"


def test_alerts_before_the_estate_say_what_is_to_be_read_first(
    run: Run, work: Path, storm: Path
) -> None:
    done = run("ingest", "alertmanager", storm, "--store", work / "new.db")
    assert done.code == 0
    assert "the graph is empty: read what there is first, then the alerts again" in done.err


@pytest.mark.usefixtures("stored")
def test_a_post_mortem_names_what_people_ruled_on_and_its_table_reads_as_it_is_written(
    run: Run, storm: Path
) -> None:
    run("ingest", "alertmanager", storm)
    run("investigate")
    run("incidents", "confirm", "INC-0001", "vmstore")
    draft = run("incidents", "report", "INC-0001").out
    assert "- StorageExport vmstore down was confirmed by " in draft
    assert " | +" in draft


@pytest.mark.usefixtures("stored")
def test_a_report_until_the_end_of_the_month_is_one_until_now(run: Run) -> None:
    done = run("incidents", "report", "--since", "-1d", "--until", "2999-12-01T00:00:00Z")
    assert done.code == 0, done.err
    assert run("incidents", "report", "--since", "2999-12-01T00:00:00Z").code == 2


def test_an_unknown_incident_is_told(run: Run, stored: Path) -> None:
    done = run("incidents", "show", "INC-0404")
    assert (done.code, stored.exists()) == (1, True)
    assert "no incident 'INC-0404'" in done.err


@pytest.mark.usefixtures("stored")
def test_explain_tells_for_each_alert_what_became_of_it_and_how_to_mend_it(
    run: Run, storm: Path
) -> None:
    storm.write_text(_payload("web-1", "ghost"))
    done = run("ingest", "alertmanager", storm, "--explain", "--dry-run", "-o", "json")
    rows = json.loads(done.out)
    assert [(row["outcome"], bool(row["mend"])) for row in rows] == [
        ("mapped", False),
        ("not found", True),
    ]
    assert rows[0]["entity"] == "VirtualMachine web-1"
    assert "50.0% of the evidence unmapped" in done.err


@pytest.mark.parametrize(
    "arguments", [[], ["storm.json", "--url", "http://127.0.0.1:9093"]], ids=["none", "both"]
)
def test_alerts_come_from_exactly_one_place(run: Run, arguments: list[str]) -> None:
    assert run("ingest", "alertmanager", *arguments).code == 2


def test_an_alertmanager_that_is_not_there_is_told_in_one_line(run: Run) -> None:
    done = run("ingest", "alertmanager", "--url", "http://127.0.0.1:9")
    assert done.code == 1
    assert done.err.startswith("kgraph: http://127.0.0.1:9")
    assert done.err.count("\n") == 1


def test_an_invented_estate_too_small_to_be_one_is_refused_with_the_least(run: Run) -> None:
    assert "greater than or equal to 100" in run("ingest", "synthetic", "--entities", 99).err
    assert run("ingest", "synthetic", "--entities", 100).code == 0


def test_an_invented_estate_is_the_same_for_the_same_seed(run: Run, work: Path) -> None:
    for name in ("a.db", "b.db"):
        done = run("ingest", "synthetic", "--entities", 200, "--seed", 7, "--store", work / name)
        assert done.code == 0, done.err
    first, second = (
        [row["name"] for row in json.loads(run("graph", "find", "-o", "json", "--store", n).out)]
        for n in ("a.db", "b.db")
    )
    assert first == second
    assert len(first) == 100


@pytest.mark.libvirt
def test_libvirts_own_test_driver_is_read(run: Run) -> None:
    pytest.importorskip("libvirt")
    done = run("ingest", "libvirt", "test:///default", "-o", "json")
    assert json.loads(done.out)[0]["created"] > 3


def test_ctrl_c_between_two_rows_leaves_the_old_state(
    run: Run, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_self: object, _title: str, items: Iterable[Item]) -> Iterator[Item]:
        for number, item in enumerate(items):
            if number == 3:
                raise KeyboardInterrupt
            yield item

    stored.write_text(stored.read_text().replace("web-1", "renamed"))
    with monkeypatch.context() as patched:
        patched.setattr(progress.Nowhere, "passing", interrupted)
        done = run("ingest", "topology", stored)
    assert (done.code, done.out, done.err) == (130, "", "kgraph: interrupted\n")
    assert run("graph", "find", "renamed", "-o", "json").out == "[]\n"


def _unread(pipe: int) -> int:
    """Return how many bytes nobody has read yet."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


@pytest.mark.processes
def test_ctrl_c_while_it_waits_for_input_leaves_the_old_state(
    run: Run, stored: Path, work: Path
) -> None:
    head = {
        "format": "kgraph.topology/v1",
        "source": "cmdb",
        "scope": "site:dc1",
        "complete": True,
    }
    read_end, write_end = os.pipe()
    rows = [json.dumps(head), '{"entity": {"id": "h9", "kind": "Host"}}']
    os.write(write_end, "".join(f"{row}\n" for row in rows).encode())
    with subprocess.Popen(
        [sys.executable, "-m", "kgraph", "ingest", "topology", "-"],
        stdin=read_end,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=work,
        text=True,
    ) as child:
        os.close(read_end)
        try:
            until("the rows to be read", lambda: not _unread(write_end), 60)
            time.sleep(0.2)  # it waits for more rows now
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=20)
        finally:
            os.close(write_end)
    assert (child.returncode, out, err) == (130, "", "kgraph: interrupted\n")
    assert stored.exists()
    assert len(run("graph", "find").out.splitlines()) == 10


@pytest.mark.processes
def test_a_reader_that_leaves_early_is_no_error(run: Run, stored: Path, work: Path) -> None:
    line = f"{sys.executable} -m kgraph graph export -o json | head -c 10"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        capture_output=True,
        text=True,
        cwd=work,
        check=False,
    )
    assert done.stderr == ""
    assert stored.exists()
    assert run("graph", "find").code == 0


@pytest.mark.parametrize("explain", [[], ["--explain"]])
def test_a_prometheus_that_is_not_there_is_told_in_one_line(run: Run, explain: list[str]) -> None:
    done = run("ingest", "prometheus", "--url", "http://127.0.0.1:9", *explain)
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "Prometheus can't be reached" in done.err
    shown = run("graph", "show", "Prometheus 127.0.0.1:9", "-o", "json")
    (row,) = json.loads(shown.out)["observations"]
    assert (row["signal"], row["state"]) == ("unreachable", "abnormal")


def test_a_token_that_is_named_but_not_there_is_told(run: Run, work: Path) -> None:
    (work / "kgraph.toml").write_text(
        '[[sources]]\ntype = "prometheus"\nurl = "http://127.0.0.1:9"\ntoken_env = "NO_SUCH"\n'
    )
    done = run("ingest", "prometheus")
    assert done.code == 1
    assert "NO_SUCH: it is not set" in done.err


def test_a_password_in_the_address_of_a_prometheus_is_refused(run: Run, work: Path) -> None:
    (work / "kgraph.toml").write_text(
        '[[sources]]\ntype = "prometheus"\nurl = "http://me:s3cret@127.0.0.1:9"\n'
    )
    done = run("sync")
    assert done.code == 1
    assert "s3cret" not in done.err
    assert "sources.0.url" in done.err


@pytest.mark.parametrize("words", [(), ("",), ("alerts.json", "--url", "http://127.0.0.1:1")])
def test_alerts_are_in_one_place_that_is_named_an_empty_name_waits_for_no_keyboard(
    run: Run, words: tuple[str, ...]
) -> None:
    done = run("ingest", "alertmanager", *words)
    assert done.code == 2
    assert "give either a FILE (- is stdin) or --url URL" in done.err
