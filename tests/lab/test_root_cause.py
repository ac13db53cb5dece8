"""The main job on real hypervisors: what libvirt and Alertmanager say names the cause."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lab.lab.estate import HOSTS
from tests.lab.lab.laboratory import Storm

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
SURE = math.log(4)  # nats: what the inference itself says with .8


def kgraph(folder: Path, *words: str) -> str:
    """Run the command as a person would, on a store in `folder`."""
    command = [sys.executable, "-m", "kgraph", "--store", str(folder / "estate.db"), *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def investigated(storm: Storm, folder: Path) -> dict[str, Any]:
    for host in HOSTS:
        kgraph(folder, "ingest", "libvirt", storm.lab.host(host).uri)
    kgraph(folder, "ingest", "alertmanager", str(storm.payload))
    answer: dict[str, Any] = json.loads(kgraph(folder, "investigate", "--output", "json"))
    return answer


def named(folder: Path, uid: str) -> str:
    shown = json.loads(kgraph(folder, "graph", "show", uid, "--output", "json"))
    return str(shown["name"])


def of_kind(answer: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [cause for cause in answer["causes"] if cause["kind"] == kind]


def test_a_killed_storage_server_is_named_and_neither_host_is_blamed(
    killed_export: Storm, tmp_path: Path
) -> None:
    answer = investigated(killed_export, tmp_path)
    first = answer["causes"][0]
    assert first["kind"] == "StorageExport"
    assert first["mode"] in {"down", "failing"}
    assert first["logOdds"] >= SURE
    assert first["posterior"] >= 0.5
    assert all(host["posterior"] < 0.3 for host in of_kind(answer, "Host"))
    assert not answer["abstained"]


def test_the_paused_guests_of_both_hosts_are_the_blast_radius(
    killed_export: Storm, tmp_path: Path
) -> None:
    answer = investigated(killed_export, tmp_path)
    hit = {named(tmp_path, row["entity"]) for row in answer["blastRadius"]["now"]}
    assert killed_export.hurt <= hit


def test_a_killed_qemu_is_that_guest_alone(killed_guest: Storm, tmp_path: Path) -> None:
    answer = investigated(killed_guest, tmp_path)
    first = answer["causes"][0]
    assert first["kind"] == "VirtualMachine"
    assert {named(tmp_path, first["entity"])} == killed_guest.hurt
    assert first["logOdds"] >= SURE
    assert first["posterior"] >= 0.5
    assert all(cause["posterior"] < 0.3 for cause in answer["causes"][1:])


def test_every_alert_of_the_lab_finds_its_guest(killed_export: Storm, tmp_path: Path) -> None:
    for host in HOSTS:
        kgraph(tmp_path, "ingest", "libvirt", killed_export.lab.host(host).uri)
    told = kgraph(
        tmp_path, "ingest", "alertmanager", str(killed_export.payload), "--explain", "-o", "json"
    )
    rows = json.loads(told)
    alerts = rows["alerts"] if isinstance(rows, dict) else rows
    assert alerts
    assert {row["outcome"] for row in alerts} <= {"mapped", "ignored"}
