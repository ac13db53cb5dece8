"""The Prometheus source beside libvirt's on real hypervisors: one estate, two ways to look."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.lab.lab.estate import ESTATE, HOSTS
from tests.lab.lab.laboratory import Lab, Storm
from tests.lab.lab.processes import wait_for
from tests.lab.test_root_cause import kgraph

pytestmark = pytest.mark.lab
GUESTS = {name for _, name, _ in ESTATE}


def read(lab: Lab, folder: Path, *more: str) -> str:
    """Read both hosts, then Prometheus."""
    for uri in lab.uris:
        kgraph(folder, "ingest", "libvirt", uri)
    return kgraph(folder, "ingest", "prometheus", "--url", lab.monitoring.prometheus_url, *more)


def shown(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(kgraph(folder, "graph", "show", name, "--output", "json"))
    return found


def said(folder: Path, name: str, signal: str) -> dict[str, str]:
    """Detector -> state, of what the alerts of Prometheus say."""
    return {
        row["detector"]: row["state"]
        for row in shown(folder, name)["observations"]
        if row["signal"] == signal and row["detector"].startswith("prometheus/")
    }


def covered(lab: Lab, folder: Path) -> bool:
    """Tell whether every guest is looked at; an exporter that was slow is asked again soon."""
    read(lab, folder)
    looked = {"prometheus/GuestPaused": "healthy"}
    return all(said(folder, name, "paused") == looked for name in GUESTS)


def test_every_guest_is_covered_and_watched_by_its_hosts_exporter(
    lab: Lab, tmp_path: Path
) -> None:
    wait_for("Prometheus to cover every guest", lambda: covered(lab, tmp_path))
    for host, name, _ in ESTATE:
        assert f"WATCHED_BY Probe libvirt exporter {host}" in shown(tmp_path, name)["needs"]
    read(lab, tmp_path)  # on a busy machine the last reading has run out by now
    for host in HOSTS:
        assert "prometheus/up/libvirt" in said(tmp_path, host, "unreachable")


def test_targets_make_no_hosts(lab: Lab, tmp_path: Path) -> None:
    read(lab, tmp_path)
    hosts = json.loads(kgraph(tmp_path, "graph", "find", "--kind", "Host", "--output", "json"))
    assert {row["name"] for row in hosts} == set(HOSTS)


def test_a_killed_qemu_is_abnormal_by_prometheus_too_and_the_others_are_well(
    killed_guest: Storm, tmp_path: Path
) -> None:
    told = json.loads(read(killed_guest.lab, tmp_path, "--explain", "--output", "json"))
    fired = [row for row in told if row["alert"] == "GuestDown"]
    assert [(row["outcome"], row["resolver"]) for row in fired] == [("mapped", "UUID label")]
    (hurt,) = killed_guest.hurt
    assert said(tmp_path, hurt, "down")["prometheus/GuestDown"] == "abnormal"
    for name in GUESTS - killed_guest.hurt:
        assert said(tmp_path, name, "down")["prometheus/GuestDown"] == "healthy"
    answer = json.loads(kgraph(tmp_path, "investigate", "--output", "json"))
    first = answer["causes"][0]
    assert (first["kind"], shown(tmp_path, first["entity"])["name"]) == ("VirtualMachine", hurt)
