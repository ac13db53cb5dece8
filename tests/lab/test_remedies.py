"""Repairs on real hypervisors: what a person types at night, and what must be left alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ingest.libvirt.states import DomainState, PausedReason
from tests.lab.lab.laboratory import Lab
from tests.lab.lab.processes import wait_for

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "remedies" / "catalogue"


@dataclass
class Desk:
    """A person's working folder, with the lab configured."""

    folder: Path

    def kgraph(self, *words: str, code: int | None = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "kgraph", "--config", str(self.folder / "kgraph.toml"), *words],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
            timeout=150,
        )
        told = f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
        if code is not None:
            assert done.returncode == code, told
        return done.stdout

    def json(self, *words: str, code: int | None = 0) -> Any:
        return json.loads(self.kgraph(*words, "--output", "json", code=code))

    def proposed(self) -> list[str]:
        """Sync and investigate; return the ids of the plans that are proposed."""
        self.kgraph("sync")
        self.kgraph("investigate")
        return [row["id"] for row in self.json("plan", "--state", "proposed")]


@pytest.fixture
def desk(lab: Lab, tmp_path: Path) -> Desk:
    sources = "".join(f'[[sources]]\ntype = "libvirt"\nuri = "{uri}"\n' for uri in lab.uris)
    (tmp_path / "own").mkdir()
    # The shipped actions, but symptoms need to stay away for seconds only.
    for actions in SHIPPED.glob("actions-*.yaml"):
        quick = re.sub(r"settleSeconds: \d+", "settleSeconds: 4", actions.read_text())
        (tmp_path / "own" / actions.name).write_text(quick)
    (tmp_path / "kgraph.toml").write_text(
        f'[store]\nurl = "sqlite:///estate.db"\n[folders]\ncatalogue = ["own"]\n{sources}'
        '[[sources]]\ntype = "nbd"\n'
        '[[endpoints]]\nname = "guests"\ntype = "libvirt"\nselect = {kind = "VirtualMachine"}\n'
        '[[endpoints]]\nname = "storage"\ntype = "systemd"\nselect = {kind = "StorageExport"}\n'
        f"unit = {json.dumps(lab.export_unit)}\nvia = {json.dumps(lab.via)}\n"
    )
    return Desk(tmp_path)


def test_a_killed_guest_is_started_again_and_that_is_verified(lab: Lab, desk: Desk) -> None:
    lab.kill_guest("mail-2")
    (plan,) = desk.proposed()
    shown = desk.kgraph("apply", plan)
    assert "mail-2: to be done, it is shutoff (" in shown
    assert lab.guests["mail-2"].is_in(DomainState.SHUTOFF)  # nothing was done yet
    told = desk.kgraph("apply", plan, "--execute")
    assert "done (helped)" in told
    assert lab.guests["mail-2"].is_in(DomainState.RUNNING)
    kept = desk.json("plan", plan)
    assert (kept["state"], kept["runs"][0]["outcome"]) == ("done", "helped")
    assert [row["state"] for row in kept["journal"]] == ["running", "done"]
    assert kept["steps"][0]["parameters"]["uuid"] == lab.guests["mail-2"].uuid


def test_a_killed_export_is_restarted_and_checked_and_its_guests_resume(
    lab: Lab, desk: Desk
) -> None:
    desk.kgraph("sync")  # what the export holds while all is well
    lab.kill_export()
    hurt = lab.guests_on_export()
    (plan,) = desk.proposed()
    kept = desk.json("plan", plan)
    assert [step["action"] for step in kept["steps"]] == [
        "restart",
        "check",
        *["resume"] * len(hurt),
    ]
    told = desk.kgraph("apply", plan, "--execute")
    assert "done (helped)" in told
    assert "size and signature as before" in told
    assert all(lab.guests[name].is_in(DomainState.RUNNING) for name in hurt)


def test_a_guest_that_a_person_suspended_is_left_alone(lab: Lab, desk: Desk) -> None:
    guest = lab.guests["mail-1"]
    guest.domain.suspend()
    try:
        assert desk.proposed() == []
        assert guest.state == (DomainState.PAUSED, PausedReason.USER)
    finally:
        guest.domain.resume()


def test_a_guest_is_not_started_while_a_host_that_may_run_it_does_not_answer(
    lab: Lab, desk: Desk
) -> None:
    # It is looked at again until the deadline of the step, which is a minute otherwise.
    actions = desk.folder / "own" / "actions-guests.yaml"
    hasty = re.sub(r"(name: start,[^}]*deadlineSeconds: )\d+", r"\g<1>8", actions.read_text())
    actions.write_text(hasty)
    desk.kgraph("sync")
    lab.kill_guest("mail-2")
    (plan,) = desk.proposed()
    lab.host("h1").kill_libvirtd()
    told = desk.kgraph("apply", plan, "--execute", code=1)
    assert f"{lab.host('h1').uri} does not answer, and may run it" in told
    assert lab.guests["mail-2"].is_in(DomainState.SHUTOFF)


def test_while_halted_nothing_is_done(lab: Lab, desk: Desk) -> None:
    lab.kill_guest("mail-2")
    (plan,) = desk.proposed()
    desk.kgraph("halt", "--reason", "storm")
    desk.kgraph("apply", plan, "--execute", "--detailed-exitcode", code=13)
    assert lab.guests["mail-2"].is_in(DomainState.SHUTOFF)
    desk.kgraph("halt", "--lift")
    assert "done (helped)" in desk.kgraph("apply", plan, "--execute")


def test_a_panicked_guest_is_reset(lab: Lab, desk: Desk) -> None:
    lab.panic_guest("wiki-1")
    (plan,) = desk.proposed()
    assert "done (helped)" in desk.kgraph("apply", plan, "--execute")
    wait_for("wiki-1 to run", lambda: lab.guests["wiki-1"].is_in(DomainState.RUNNING))
