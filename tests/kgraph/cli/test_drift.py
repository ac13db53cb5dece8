"""`kgraph drift`, and a configuration change that is found before the errors that it makes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.ingest.detect.checks.servers import listening, saying
from tests.kgraph.estates import document, ingested
from tests.real import need

Run = Callable[..., Any]  # see conftest

ESTATE = """\
entities:
  - {id: h1, kind: Host, name: h1, keys: {hostname: h1}}
  - {id: h2, kind: Host, name: h2, keys: {hostname: h2}}
  - {id: v1, kind: VirtualMachine, name: web-1, labels: {tier: gold}, props: {memoryBytes: 2048}}
  - {id: shop, kind: Service, name: shop, keys: {serviceName: shop}}
  - {id: cart, kind: Service, name: cart}
relations:
  - {from: v1, type: RUNS_ON, to: h2}
  - {from: shop, type: RUNS_ON, to: v1}
  - {from: shop, type: CALLS, to: cart}
"""
DESIRED = """\
format: kgraph.desired/v1
entities:
  - {entity: VirtualMachine/web-1, runs: true, props: {memoryBytes: 4096}, labels: {tier: gold}}
  - {entity: Service/search}
  - {entity: Service/cart, absent: true}
relations:
  - {from: web-1, type: RUNS_ON, to: Host/h1}
  - {from: Service/shop, type: RUNS_ON, to: web-1}
"""
SICK = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def estate(run: Run, work: Path) -> Path:
    ingested(run, work, ESTATE)
    (work / "desired.yaml").write_text(DESIRED)
    return work


@pytest.mark.usefixtures("estate")
def test_what_is_not_as_declared_is_told_with_a_step_that_restores_each(run: Run) -> None:
    done = run("--detailed-exitcode", "drift", "desired.yaml", "-o", "json")
    assert done.code == 10, done.err
    found = json.loads(done.out)
    assert {(d["title"], d["drift"], d["differs"]) for d in found["deviations"]} == {
        ("VirtualMachine web-1", "property", "memoryBytes is 2048 and not 4096"),
        ("Service/search", "gone", "it is not there"),
        ("Service cart", "unwanted", "it is there"),
        ("VirtualMachine web-1", "elsewhere", "RUNS_ON h2 and not h1"),
    }
    steps = {(step["on"], step["what"]) for step in found["plan"]}
    assert steps == {
        ("VirtualMachine web-1", "set memoryBytes to 4096"),
        ("Service cart", "take it away"),
        ("VirtualMachine web-1", "migrate to h1"),
        ("Service/search", "bring it back"),
    }
    assert found["unknown"] == ["VirtualMachine web-1"]


def test_a_guest_that_should_run_and_is_down_is_to_be_started(run: Run, estate: Path) -> None:
    alert = {"labels": {"alertname": "GuestDown", "domain": "web-1"}, "status": "firing"}
    (estate / "alerts.json").write_text(json.dumps({"version": "4", "alerts": [alert]}))
    assert run("ingest", "alertmanager", "alerts.json").code == 0
    found = json.loads(run("drift", "desired.yaml", "-o", "json").out)
    assert ("VirtualMachine web-1", "start") in {(s["on"], s["what"]) for s in found["plan"]}
    assert found["unknown"] == []


def test_what_a_person_restores_is_kept_as_a_plan_for_people(run: Run, estate: Path) -> None:
    done = run("drift", "desired.yaml", "--propose", "-o", "json")
    plan = json.loads(done.out)["proposed"]
    assert f"{plan} is proposed, for people" in done.err
    (kept,) = json.loads(run("plan", "-o", "json").out)
    assert (kept["id"], kept["incident"], kept["state"]) == (
        plan,
        "drift desired.yaml",
        "proposed",
    )
    assert "set memoryBytes to 4096" in run("plan", plan).out
    assert (
        json.loads(run("drift", "desired.yaml", "--propose", "-o", "json").out)["proposed"] == plan
    ), "the same drift has the same plan"
    (estate / "other.yaml").write_text(
        "format: kgraph.desired/v1\nentities: [{entity: Service/cart, absent: true}]\n"
    )
    run("drift", "other.yaml", "--propose")
    stands = json.loads(run("plan", "--state", "proposed", "-o", "json").out)
    assert {row["incident"] for row in stands} == {"drift desired.yaml", "drift other.yaml"}


def test_without_the_option_nothing_is_kept(run: Run, estate: Path) -> None:
    assert estate
    run("drift", "desired.yaml")
    assert json.loads(run("plan", "-o", "json").out) == []


_RESTART = """\
format: kgraph.remedies/v1
actions:
  - {name: restart, by: systemd, effect: active, inverse: stop, does: interrupts,
     repeatable: true, risk: low, deadlineSeconds: 20, settleSeconds: 1}
"""


def test_a_proposed_plan_is_looked_at_approved_and_carried_out_as_any_other(
    run: Run, shop: Path
) -> None:
    alerts = shop / "alerts.json"
    alerts.write_text(alerts.read_text().replace("ServiceErrors", "ServiceDown"))
    (shop / "state").write_text("inactive")
    (shop / "own" / "restart.yaml").write_text(_RESTART)
    assert run("sync").code == 0
    (shop / "desired.yaml").write_text(
        "format: kgraph.desired/v1\n"
        "entities: [{entity: Service/shop, runs: true, labels: {tier: gold}}]\n"
    )
    done = run("drift", "desired.yaml", "--propose", "-o", "json")
    plan = json.loads(done.out)["proposed"]
    assert f"`kgraph apply {plan}` looks at it" in done.err.replace("\n", " ")
    shown = run("--detailed-exitcode", "apply", plan)
    assert shown.code == 12, "it waits for a person's yes"
    assert "restart shop" in shown.out
    assert (shop / "state").read_text() == "inactive"
    done = run("apply", plan, "--execute")
    assert done.code == 0, done.out + done.err
    assert "done (helped)" in done.out
    assert (shop / "state").read_text() == "active"
    left = json.loads(run("drift", "desired.yaml", "--propose", "-o", "json").out)
    assert [row["drift"] for row in left["deviations"]] == ["label"]
    (shop / "desired.yaml").write_text(
        "format: kgraph.desired/v1\nentities: [{entity: Service/shop, runs: true}]\n"
    )
    assert "everything is as declared" in run("drift", "desired.yaml", "--propose").err
    assert json.loads(run("plan", "--state", "proposed", "-o", "json").out) == []


def test_a_halt_stops_it_as_it_stops_any_plan(run: Run, shop: Path) -> None:
    alerts = shop / "alerts.json"
    alerts.write_text(alerts.read_text().replace("ServiceErrors", "ServiceDown"))
    (shop / "state").write_text("inactive")
    assert run("sync").code == 0
    (shop / "desired.yaml").write_text(
        "format: kgraph.desired/v1\nentities: [{entity: Service/shop, runs: true}]\n"
    )
    plan = json.loads(run("drift", "desired.yaml", "--propose", "-o", "json").out)["proposed"]
    assert run("halt").code == 0
    done = run("--detailed-exitcode", "apply", plan, "--execute")
    assert done.code == 13, done.err
    assert (shop / "state").read_text() == "inactive"


def test_an_estate_as_declared_has_no_drift(run: Run, estate: Path) -> None:
    (estate / "desired.yaml").write_text(
        "format: kgraph.desired/v1\n"
        "relations: [{from: web-1, type: RUNS_ON, to: Host/h2, only: true}]\n"
    )
    done = run("--detailed-exitcode", "drift", "desired.yaml")
    assert (done.code, done.out) == (0, "")
    assert "everything is as declared" in done.err


def test_a_declaration_of_nothing_is_told_as_that(run: Run, estate: Path, work: Path) -> None:
    del estate
    (work / "desired.yaml").write_text("format: kgraph.desired/v1\n")
    done = run("drift", "desired.yaml")
    assert done.code == 0
    assert "desired.yaml declares nothing" in done.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- 1\n", "begin with `format: kgraph.desired/v1`"),
        ("format: kgraph.desired/v1\nentities: [{entity: x, runs: maybe}]\n", "entities.0.runs"),
        ("format: kgraph.desired/v1\nrelations: [{from: a, type: OWNS, to: b}]\n", "known: "),
        ("format: [\n", "not YAML"),
    ],
)
def test_a_faulty_declaration_is_refused_in_one_line(
    run: Run, estate: Path, text: str, said: str
) -> None:
    (estate / "desired.yaml").write_text(text)
    done = run("drift", "desired.yaml")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert said in done.err


def test_an_edit_before_the_errors_is_named_as_their_cause(run: Run, estate: Path) -> None:
    need("find", "sha256sum")
    conf = estate / "etc"
    conf.mkdir()
    (conf / "shop.conf").write_text("db = db1\n")
    fields = (f"files={conf}", "host=h1", "configures=Service/shop")
    assert run("ingest", "changes", *fields).code == 0
    time.sleep(0.02)
    (conf / "shop.conf").write_text("db = nowhere\n")
    done = run("ingest", "changes", *fields)
    assert done.code == 0, done.err
    assert "shop.conf" in done.err
    with listening(saying(SICK)) as port:
        (estate / "kgraph.toml").write_text(
            '[[sources]]\ntype = "checks"\n[[sources.targets]]\n'
            f'check = "http"\nentity = "Service/shop"\naddress = "http://127.0.0.1:{port}/"\n'
        )
        assert run("check", "shop").code == 0
    answer = json.loads(run("investigate", "-o", "json").out)
    best = next(row for row in answer["hypotheses"] if row["members"])
    (cause,) = best["members"]
    assert cause["mode"] == "changed"
    told = run("investigate").out
    assert "shop.conf" in told
    assert "SUSPECT" in told


def test_a_package_and_a_file_are_changes_of_their_machine(run: Run, estate: Path) -> None:
    need("find", "sha256sum")
    conf = estate / "etc"
    conf.mkdir()
    (conf / "a.conf").write_text("1")
    for content in ("1", "2"):
        (conf / "a.conf").write_text(content)
        assert run("ingest", "changes", f"files={conf}", "host=h1").code == 0
    shown = json.loads(run("graph", "history", "h1:" + str(conf / "a.conf"), "-o", "json").out)
    assert [row["what"] for row in shown if row["source"] == "changes"].count("config") == 1


def test_files_of_a_machine_whose_name_is_a_part_of_another_are_not_of_that(
    run: Run, estate: Path
) -> None:
    need("find", "sha256sum")
    (estate / "a.conf").write_text("1")
    done = run("ingest", "changes", f"files={estate / 'a.conf'}", "host=web")
    assert done.code == 0
    assert "no entity 'web' in the graph; did you mean web-1?" in done.err
    shown = json.loads(run("graph", "find", "a.conf", "-o", "json").out)
    assert [row["name"] for row in shown] == [f"web:{estate / 'a.conf'}"]
    assert "neededBy" not in run("graph", "show", shown[0]["uid"]).out


def test_what_is_declared_and_not_there_at_all_is_told_as_such(run: Run, estate: Path) -> None:
    (estate / "desired.yaml").write_text(
        "format: kgraph.desired/v1\nentities: [{entity: web-1, labels: {site: dc1}}]\n"
    )
    assert "label site dc1 is not set" in run("drift", "desired.yaml").out


def test_an_owner_that_its_own_source_drops_is_not_kept_by_its_files(
    run: Run, estate: Path
) -> None:
    need("find", "sha256sum")
    (estate / "etc").mkdir()
    (estate / "etc" / "a.conf").write_text("1")
    fields = (f"files={estate / 'etc'}", "host=h1", "configures=Service/shop")
    assert run("ingest", "changes", *fields).code == 0
    kept = "".join(line for line in ESTATE.splitlines(keepends=True) if "shop" not in line)
    (estate / "estate.yaml").write_text(document(kept))
    assert run("ingest", "topology", "estate.yaml").code == 0
    done = run("ingest", "changes", *fields)
    assert "nobody else tells of Service shop" in done.err
    shown = json.loads(run("graph", "find", "shop", "--kind", "Service", "-o", "json").out)
    assert shown == []
