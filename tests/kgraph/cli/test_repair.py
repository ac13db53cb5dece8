"""`kgraph plan`, `apply` and `halt`, with a systemctl of our own that mends what is alerted on."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kgraph.app import applying
from kgraph.app.incidents.plans import find
from kgraph.cli.apply import STANDS
from kgraph.schema import Lease, PlanRecord, PlanState
from kgraph.schema.plan_documents import parse_plan
from kgraph.store import GraphStore, open_store
from remedies.looks import Standing
from tests.kgraph.cli.conftest import SHOP
from tests.real import until

Run = Callable[..., Any]  # see conftest


def proposed(run: Run) -> str:
    done = run("investigate")
    assert done.code == 0, done.err
    (plan,) = json.loads(run("plan", "--state", "proposed", "-o", "json").out)
    assert f"kgraph apply {plan['id']} --execute" in done.out.replace("\n           ", " ")
    return str(plan["id"])


def test_a_yes_counts_for_what_was_seen_and_not_for_what_the_sources_say_now(
    run: Run, shop: Path
) -> None:
    plan = proposed(run)
    new = "  - {id: t, kind: Service, name: till}\nrelations:\n  - {from: t, type: USES, to: s}\n"
    (shop / "estate.yaml").write_text(SHOP + new)
    done = run("apply", plan, "--execute", "--detailed-exitcode")
    assert done.code == 13, done.out + done.err
    assert "approve again" in done.err.replace("\n", " ")
    assert (shop / "state").read_text() == "active"
    assert run("apply", plan, "--execute").code == 0  # she has seen it now


def test_a_plan_is_proposed_shown_applied_and_verified(run: Run, shop: Path) -> None:
    plan = proposed(run)
    shown = run("plan", plan).out
    assert "1 force restart shop\n           it errs (by shop, risk medium)" in shown
    assert "ROLLBACK nothing is taken back by itself" in shown
    assert "         nothing takes back: force restart" in shown  # stopping it would not
    assert "stop shop" not in shown
    assert "RISK     medium: if it goes wrong, 1 thing may be hurt" in shown
    assert "HELPED   once gone for 1 s: " in shown
    assert f"NEXT     kgraph apply {plan}: looks" in shown
    assert "COULD GO WRONG\n         force restart: who uses it at this moment is cut off" in shown
    assert "NOT      restarting its guests" in shown
    done = run("apply", plan, "--execute")
    assert done.code == 0, done.err
    assert "done (helped)" in done.out
    kept = json.loads(run("plan", plan, "-o", "json").out)
    assert (kept["state"], kept["executable"], kept["risk"]) == ("done", True, "medium")
    assert [row["state"] for row in kept["journal"]] == ["running", "done"]
    assert kept["runs"][0]["outcome"] == "helped"
    assert kept["runs"][0]["by"].startswith("person: ")
    assert json.loads((shop / "alerts.json").read_text())["status"] == "resolved"
    assert "JOURNAL" in run("plan", plan).out


def test_a_repair_goes_on_though_nobody_reads_any_longer_how_far_it_is(
    run: Run,
    shop: Path,  # noqa: ARG001 - there
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As with `| head -1`: it would be left in the middle."""
    plan, told = proposed(run), list[object]()

    def gone(_console: object, *objects: object, **_how: object) -> None:
        told.append(objects)
        raise BrokenPipeError

    with monkeypatch.context() as patch:
        patch.setattr("kgraph.cli.console.Console.print", gone)
        patch.setattr("kgraph.cli.session.Session.remark", lambda *_: None)
        assert run("apply", plan, "--execute").code == 0
    assert told
    (done,) = json.loads(run("plan", "--state", "done", "-o", "json").out)
    assert done["id"] == plan


def test_who_saves_nothing_reads_no_name_that_the_store_lacks(run: Run, shop: Path) -> None:
    assert shop.exists()
    said = run("investigate", "--no-save").out.replace("\N{NO-BREAK SPACE}", " ")
    assert "INC-" not in said
    assert "P-" not in said
    assert "kgraph investigate keeps the plan: force restart shop" in said
    assert "PLAN     not saved  risk MEDIUM" in said
    assert "DO       kgraph investigate · " in said
    plan = proposed(run)
    assert f"kgraph apply {plan} --execute" in run("investigate", "--no-save").out.replace(
        "\N{NO-BREAK SPACE}", " "
    ).replace("\n           ", " ")


def test_without_execute_nothing_is_done_and_the_live_system_is_shown(
    run: Run, shop: Path
) -> None:
    plan = proposed(run)
    assert run("apply", plan, "--dry-run").code == 0
    done = run("apply", plan, "--detailed-exitcode")
    assert done.code == 12
    assert "shop: looks the same before and after, shop.service is active" in done.out
    assert "GUARDS   none objects" in done.out
    assert "--execute does it" in done.err
    told = json.loads(run("apply", plan, "-o", "json").out)
    assert (told["id"], told["executable"], told["guards"]) == (plan, True, [])
    assert told["now"][0] == {"step": 1, "standing": "either", "said": "shop.service is active"}
    assert run("apply", plan, "--execute", "-o", "json").code == 2
    assert json.loads((shop / "alerts.json").read_text())["status"] == "firing"
    assert json.loads(run("plan", plan, "-o", "json").out)["journal"] == []


def test_whatever_a_look_can_say_is_told_in_words() -> None:
    assert set(STANDS) == {standing.value for standing in Standing}


SITE_POLICY = """\
format: kgraph.policy/v1
windows:
  - {name: sundays, days: [sun], why: the site patches then}
rules:
  - {name: shops, mode: approve, priority: 5, when: {kind: Service, risk: medium}}
  - {name: databases, mode: auto, priority: 9, when: {labels: {role: database}}}
"""


def test_policy_test_names_the_rule_that_decides_and_why_others_do_not(
    run: Run, shop: Path
) -> None:
    (shop / "policy.yaml").write_text(SITE_POLICY)
    with (shop / "kgraph.toml").open("a") as file:
        file.write('\n[policy]\nfile = "policy.yaml"\n')
    plan = proposed(run)
    done = run("policy", "test", plan, "--at", "2026-01-01T03:00:00Z")
    assert done.code == 0, done.err
    assert f"{plan}  approve  by 'shops'" in done.out
    assert "-> approve shops: holds, priority 5, 2 conditions" in done.out
    assert "  cause P " in done.out
    assert "no auto    databases: label role is not set, not database" in done.out
    assert "no observe sundays: it is thu" in done.out
    sunday = json.loads(
        run("policy", "test", plan, "--at", "2126-01-06T03:00:00Z", "-o", "json").out
    )
    assert (sunday["mode"], sunday["rule"], sunday["why"]) == (
        "observe",
        "sundays",
        "the site patches then",
    )
    assert run("policy", "test", plan, "--at", "tonight").code == 2
    assert run("policy", "test", "P-none").code == 1
    listed = json.loads(run("policy", "rules", "-o", "json").out)
    assert [row["rule"] for row in listed][:3] == [
        "sundays",
        "observe before the first complete sync",
        "databases",
    ]


def test_while_halted_nothing_is_done(run: Run, shop: Path) -> None:
    plan = proposed(run)
    assert "halted since" in run("halt", "--reason", "storm").out
    assert "storm" in run("halt").out  # who comes second finds the first reason
    done = run("apply", plan, "--detailed-exitcode")
    assert done.code == 13
    assert "refused by the halt guard" in done.err
    guards = json.loads(run("apply", plan, "-o", "json").out)["guards"]
    assert [(row["step"], row["guard"], row["stops"]) for row in guards] == [(1, "halt", True)]
    done = run("apply", plan, "--execute")
    assert done.code == 1
    assert run("apply", plan, "--execute", "--detailed-exitcode").code == 13
    assert json.loads((shop / "alerts.json").read_text())["status"] == "firing"
    assert run("halt", "--lift").out == "lifted\n"
    assert run("halt", "--lift").out == "it was not halted\n"
    assert run("apply", plan, "--execute").code == 0


def test_a_repair_that_fails_ends_with_a_person_and_code_1(run: Run, shop: Path) -> None:
    plan = proposed(run)
    (shop / "refused").touch()
    done = run("apply", plan, "--execute")
    assert done.code == 1
    assert "Failed to restart shop.service: Access denied" in done.err
    kept = json.loads(run("plan", plan, "-o", "json").out)
    assert kept["state"] == "needs_human"


def test_an_incident_never_offers_again_what_was_tried_in_vain(run: Run, shop: Path) -> None:
    plan = proposed(run)
    assert f"kgraph apply {plan}" in run("incidents", "show", "INC-0001").out
    (shop / "refused").touch()
    run("apply", plan, "--execute")
    shown = run("incidents", "show", "INC-0001").out
    assert "Access denied" in shown
    assert f"kgraph plan {plan}: a person has to go on\n" in shown
    assert f"kgraph apply {plan}" not in shown


@pytest.mark.parametrize("state", [PlanState.APPROVED, PlanState.NEEDS_HUMAN])
def test_an_incident_is_shown_whose_plan_cannot_be_read_any_longer(
    run: Run, shop: Path, state: PlanState
) -> None:
    plan = proposed(run)
    _spoil(shop, plan, state)
    shown = run("incidents", "show", "INC-0001")
    assert shown.code == 0, shown.err
    assert f"PLAN     {plan}: it cannot be read any longer\n" in shown.out
    assert f"kgraph apply {plan}" not in shown.out
    assert run("investigate").code == 0


def test_what_was_proposed_and_cannot_be_read_is_proposed_anew(run: Run, shop: Path) -> None:
    plan = proposed(run)
    _spoil(shop, plan, PlanState.PROPOSED)
    done = run("investigate")
    assert done.code == 0, done.err
    assert run("apply", plan, "--execute").code == 0


def _spoil(folder: Path, plan: str, state: PlanState) -> None:
    """Leave a plan as an earlier version may have kept it."""
    with closing(open_store(folder / "estate.db")) as store:
        store.save_plan(replace(find(store, plan), state=state, document='{"of": "old"}'))


def test_the_same_plan_is_not_applied_twice(run: Run, shop: Path) -> None:  # noqa: ARG001 - there
    plan = proposed(run)
    assert run("apply", plan, "--execute").code == 0
    done = run("apply", plan, "--execute")
    assert done.code == 1
    assert "it is done already" in done.err


def test_a_rejected_plan_is_off_the_table_and_stays_so(run: Run, shop: Path) -> None:
    assert shop
    plan = proposed(run)
    done = run("plan", plan, "--reject", "tomorrow")
    assert done.code == 0, done.err
    assert f"{plan} is superseded: rejected by " in done.err
    assert done.err.strip().endswith(": tomorrow")
    assert run("plan", plan, "--reject", "again").code == 1
    assert run("plan", "--reject", "which?").code == 2

    again = run("investigate").out
    assert json.loads(run("plan", plan, "-o", "json").out)["state"] == "superseded"
    assert "no longer proposed: rejected by " in again
    assert f"kgraph apply {plan}" not in again


def test_only_a_plan_that_is_under_way_is_cancelled(run: Run, shop: Path) -> None:
    plan = proposed(run)
    refused = run("plan", plan, "--cancel", "too late")
    assert refused.code == 1
    assert "`--reject` says no to what has not begun" in refused.err
    assert run("plan", "--cancel", "which?").code == 2
    with closing(open_store(shop / "estate.db")) as store:
        record = store.plan(plan)
        assert record is not None
        store.save_plan(replace(record, state=PlanState.RUNNING))
    assert f"{plan} is cancelled" in run("plan", plan, "--cancel", "I am at it").err


def test_a_plan_that_is_not_there_is_told(run: Run, shop: Path) -> None:  # noqa: ARG001 - there
    for words in (("plan", "P-none"), ("apply", "P-none"), ("apply", "P-none", "--execute")):
        done = run(*words)
        assert done.code == 1
        assert "no plan 'P-none'; `kgraph plan` lists them" in done.err


def test_a_plan_is_superseded_when_its_incident_is_over(run: Run, shop: Path) -> None:
    plan = proposed(run)
    alerts = shop / "alerts.json"
    alerts.write_text(alerts.read_text().replace("firing", "resolved"))
    run("sync")
    run("investigate")
    kept = json.loads(run("plan", plan, "-o", "json").out)
    assert (kept["state"], kept["because"]) == ("superseded", "the incident is over")


def test_where_a_watch_is_at_work_the_plan_is_approved_and_followed(
    run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = proposed(run)
    seen: set[PlanState] = set()

    def found_and_told(store: GraphStore, plan_id: str) -> PlanRecord:
        record = find(store, plan_id)
        seen.add(record.state)
        return record

    monkeypatch.setattr(applying, "find", found_and_told)

    def watch() -> None:
        """Stand for the watch: carry out what is approved, and end it."""
        store = open_store(shop / "estate.db")
        try:
            while not (found := store.plans(states={PlanState.APPROVED})):
                time.sleep(0.05)
            record = found[0]
            assert record.because.startswith("approved by ")
            for state in (PlanState.RUNNING, PlanState.DONE):
                now = datetime.now(UTC)
                store.save_plan(
                    type(record)(
                        record.id, record.incident, state, now, now, record.document, state.value
                    )
                )
                until(f"{state} to be seen", lambda state=state: state in seen)
        finally:
            store.close()

    store = open_store(shop / "estate.db")
    lease = store.acquire("watch", "w", ttl=timedelta(minutes=5), now=datetime.now(UTC))
    assert isinstance(lease, Lease)
    store.close()
    thread = threading.Thread(target=watch)
    thread.start()
    done = run("apply", plan, "--execute")
    thread.join()
    assert done.code == 0, done.err
    assert "is approved; the watch carries it out" in done.err
    assert "running: running" in done.out
    assert "done: done" in done.out
    assert (shop / "state").read_text() == "active"


def test_who_is_told_to_stop_while_reading_begins_nothing(
    run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = proposed(run)
    reading = "_first_reading"
    monkeypatch.setattr(applying.Applying, reading, lambda _self, stopping: stopping.set())
    done = run("apply", plan, "--execute")
    assert done.code == 1
    assert f"{plan} was not begun" in done.err
    kept = json.loads(run("plan", plan, "-o", "json").out)
    assert (kept["state"], kept["runs"]) == ("proposed", [])
    assert (shop / "state").read_text() == "active"


def test_a_plan_without_any_way_to_act_is_only_suggested(run: Run, shop: Path) -> None:
    text = (shop / "kgraph.toml").read_text()
    (shop / "kgraph.toml").write_text(text[: text.index("[[endpoints]]")])
    done = run("investigate")
    assert "suggest only: no way to act" in done.out
    (plan,) = json.loads(run("plan", "-o", "json").out)
    done = run("apply", plan["id"], "--detailed-exitcode")
    assert done.code == 13
    said = "cannot be carried out here: step 1, force restart Service shop: no way to act: "
    assert said in done.err.replace("\n", " ")


@pytest.mark.parametrize("watched", [False, True])
def test_a_plan_without_any_way_to_act_is_neither_carried_out_nor_approved(
    run: Run, shop: Path, *, watched: bool
) -> None:
    text = (shop / "kgraph.toml").read_text()
    (shop / "kgraph.toml").write_text(text[: text.index("[[endpoints]]")])
    run("investigate")
    (plan,) = json.loads(run("plan", "-o", "json").out)
    if watched:
        with closing(open_store(shop / "estate.db")) as store:
            store.acquire("watch", "w", ttl=timedelta(minutes=5), now=datetime.now(UTC))
    done = run("apply", plan["id"], "--execute", "--detailed-exitcode")
    assert done.code == 13
    assert "step 1, force restart Service shop: no way to act" in done.err.replace("\n", " ")
    (kept,) = json.loads(run("plan", "-o", "json").out)
    assert kept["state"] == "proposed"


def test_a_list_of_plans_is_a_table_too(run: Run, shop: Path) -> None:  # noqa: ARG001 - there
    plan = proposed(run)
    out = run("plan").out
    assert out.splitlines()[0].split() == [
        "ID",
        "STATE",
        "INCIDENT",
        "UPDATED",
        "REPAIRS",
        "BECAUSE",
    ]
    assert plan in out
    assert "Service shop" in out


@pytest.mark.processes
def test_a_process_that_was_killed_is_taken_up_by_the_next_apply(
    run: Run, process: Run, shop: Path
) -> None:
    plan = proposed(run)
    # A systemctl that kills who asked it to restart: the effect has not happened.
    systemctl = shop / "systemctl"
    good = systemctl.read_text()
    systemctl.write_text(
        good.replace(
            'elif sys.argv[2] == "restart":',
            'elif sys.argv[2] == "restart":\n    import os; os.kill(os.getppid(), 9)',
        )
    )
    here = {"PYTHONPATH": str(Path(__file__).parents[3])}  # the code that is tested, no other
    assert process("apply", plan, "--execute", env=here).code == -9
    systemctl.write_text(good)
    kept = json.loads(run("plan", plan, "-o", "json").out)
    assert (kept["state"], kept["journal"][-1]["state"]) == ("running", "running")
    early = run("apply", plan, "--execute")
    assert early.code == 1
    assert "if that process has died, try again in " in early.err.replace("\n", " ")
    _run_out_leases(shop)
    done = run("apply", plan, "--execute")
    assert done.code == 0, done.err + done.out
    kept = json.loads(run("plan", plan, "-o", "json").out)
    assert kept["state"] == "done"


def _run_out_leases(folder: Path) -> None:
    store = open_store(folder / "estate.db")
    for lease in store.leases(now=datetime.now(UTC)):
        store.release(lease)
    store.close()


def test_the_kept_document_is_the_published_one(run: Run, shop: Path) -> None:
    plan = proposed(run)
    store = open_store(shop / "estate.db", read_only=True)
    record = store.plan(plan)
    store.close()
    assert record is not None
    document = parse_plan(record.document, where="store")
    assert document.plan.id == plan
    assert os.path.basename(document.plan.steps[0].endpoint) == "shop"  # noqa: PTH119 - a name


ESTATE = """\
format: kgraph.topology/v1
source: cmdb
scope: site:bakery
complete: true
entities:
  - {id: flour, kind: StorageExport}
  - {id: till, kind: VirtualMachine}
  - {id: orders, kind: VirtualMachine}
  - {id: bakery, kind: Service}
relations:
  - {from: till, type: STORED_ON, to: flour}
  - {from: orders, type: STORED_ON, to: flour}
  - {from: bakery, type: RUNS_ON, to: till}
"""


def test_whatever_showed_symptoms_is_called_by_its_name(run: Run, work: Path) -> None:
    (work / "estate.yaml").write_text(ESTATE)
    labels = [
        {"alertname": "GuestPaused", "domain": "till"},
        {"alertname": "GuestPaused", "domain": "orders"},
        {"alertname": "ServiceDown", "service": "bakery"},
    ]
    rows = [
        {"labels": each, "fingerprint": str(n), "startsAt": "2026-11-29T03:00:00Z", "status": {}}
        for n, each in enumerate(labels)
    ]
    (work / "alerts.json").write_text(json.dumps(rows))
    assert run("ingest", "topology", "estate.yaml").code == 0
    assert run("ingest", "alertmanager", "alerts.json").code == 0
    assert run("investigate").code == 0
    (plan,) = json.loads(run("plan", "-o", "json").out)
    shown = run("plan", plan["id"]).out
    assert "down on bakery; paused on orders, till" in shown  # for the service there is no step
