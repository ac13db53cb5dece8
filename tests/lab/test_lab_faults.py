"""Each fault of the lab shows as it does on real machines, and each heals."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from ingest.libvirt.states import DomainState
from tests.lab.lab.estate import ESTATE, HOSTS
from tests.lab.lab.guests import Disk, Guest
from tests.lab.lab.laboratory import Lab
from tests.lab.lab.processes import LabError, wait_for
from tests.lab.lab.storage import NBD_PORT

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
GUESTS = {name for _, name, _ in ESTATE}
DESKS = {name for _, name, disk in ESTATE if disk is Disk.GROWING}
RUNNING, PAUSED, SHUTOFF = DomainState.RUNNING, DomainState.PAUSED, DomainState.SHUTOFF
STOPPED_BY_ERROR = 5  # VIR_DOMAIN_PAUSED_IOERROR
NO_SPACE = 2  # VIR_DOMAIN_DISK_ERROR_NO_SPACE
SOURCES = ("libvirt", "prometheus", "alertmanager")
POOL_RUNNING = 2  # VIR_STORAGE_POOL_RUNNING


def states(lab: Lab, names: Iterable[str]) -> set[int]:
    return {lab.guests[name].state[0] for name in names}


def up(lab: Lab, job: str) -> dict[str, bool]:
    """Return host: whether Prometheus' newest scrape of this job there went well."""
    answer = lab.monitoring.query(f'up{{job="{job}"}}')
    return {row["metric"]["host"]: row["value"][1] == "1" for row in answer}


def pings(lab: Lab) -> list[str]:
    return [row["value"][1] for row in lab.monitoring.query("probe_success")]


def host_alerts(host: str) -> set[tuple[str, str]]:
    return {(alert, host) for alert in ("HypervisorDown", "HostDown", "ProbeFailed")}


def all_at_home(lab: Lab) -> bool:
    return all(lab.running_on(name) == [host] for host, name, _ in ESTATE)


def writes(guest: Guest) -> Callable[[], bool]:
    return partial(guest.wrote_since, guest.written)


def resumed(guest: Guest) -> bool:
    guest.domain.resume()
    time.sleep(0.8)  # it would be paused again by then
    return guest.is_in(RUNNING)


def test_all_of_the_lab_is_reached_from_this_machine(lab: Lab) -> None:
    # The first scrapes of a lab that has only just come up may still find a busy host.
    everywhere = dict.fromkeys(HOSTS, True)
    for job in ("libvirt", "node", "ping"):
        wait_for(f"{job} on every host", lambda job=job: up(lab, job) == everywhere)
    wait_for("an answer to every ping", lambda: pings(lab) == ["1", "1", "1"])
    with socket.create_connection((lab.storage_address, NBD_PORT), timeout=2) as export:
        assert export.recv(8) == b"NBDMAGIC"
    for name in HOSTS:
        connection = import_module("libvirt").openReadOnly(lab.host(name).tcp_uri)
        assert connection.getHostname() == name
        connection.close()
    assert all_at_home(lab)


def test_the_configuration_of_the_lab_names_its_sources(lab: Lab, tmp_path: Path) -> None:
    config = tomllib.loads(lab.config(tmp_path / "estate.db"))
    assert config["store"]["url"] == f"sqlite:///{tmp_path}/estate.db"
    found = {kind: [s for s in config["sources"] if s["type"] == kind] for kind in SOURCES}
    assert [source["uri"] for source in found["libvirt"]] == lab.uris
    assert [source["url"] for source in found["prometheus"]] == [lab.monitoring.prometheus_url]
    assert [source["url"] for source in found["alertmanager"]] == [lab.monitoring.alertmanager_url]


def test_a_crashed_export_stays_down_until_its_unit_is_restarted(lab: Lab) -> None:
    hurt = lab.guests_on_export()
    lab.kill_export()
    assert {lab.guests[name].state for name in hurt} == {(PAUSED, STOPPED_BY_ERROR)}
    lab.wait_for_alerts({("GuestPaused", name) for name in hurt})
    assert systemctl(lab, "show", "--property=ActiveState", "--value") == "failed"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((lab.storage_address, NBD_PORT), timeout=2)
    systemctl(lab, "restart")
    socket.create_connection((lab.storage_address, NBD_PORT), timeout=2).close()


def test_after_a_crash_of_the_export_a_resume_works_once_qemu_has_connected_again(
    lab: Lab,
) -> None:
    lab.kill_export()
    time.sleep(1.5)  # QEMU tries 1, 3, 7, 15, 31 s after the loss: now between the first two
    systemctl(lab, "restart")
    guest = lab.guests["shop-1"]
    guest.domain.resume()
    wait_for("the first resume to fail", lambda: guest.is_in(PAUSED))
    wait_for("a later one to work", lambda: resumed(guest))
    wait_for("the guest to write on", writes(guest))


def _seen_to_write(lab: Lab) -> set[str]:
    writes_now = "rate(libvirt_domain_block_stats_write_requests_total[3s]) > 0"
    return {row["metric"]["domain"] for row in lab.monitoring.query(writes_now)}


def test_a_hung_export_stops_its_guests_and_no_state_tells(lab: Lab) -> None:
    hurt = lab.guests_on_export()
    # In a lab that has just been started Prometheus may not have seen them write yet.
    wait_for("them to be seen to write", lambda: hurt <= _seen_to_write(lab))
    lab.hang_export()
    # A guest that waits for its disk may use its processor for that, and be told of for it, too.
    hung = {("GuestHung", name) for name in hurt}
    try:
        wait_for("the alerts on all of them", lambda: hung <= lab.firing(), seconds=30)
    except LabError as error:
        raise LabError(f"{error}; firing: {sorted(lab.firing())}") from error
    assert states(lab, GUESTS) == {RUNNING}
    guest = lab.guests["shop-1"]
    goes_on = writes(guest)
    lab.revive_export()
    wait_for("the guest to write on", goes_on)


def test_a_killed_guest_is_gone_and_a_start_is_told_afterwards(lab: Lab) -> None:
    before = len(lab.starts("mail-2"))
    lab.kill_guest("mail-2")
    assert lab.running_copies("mail-2") == 0
    lab.wait_for_alerts({("GuestDown", "mail-2")})
    lab.guests["mail-2"].start()
    wait_for("the guest to write", writes(lab.guests["mail-2"]))
    assert lab.running_copies("mail-2") == 1
    starts = lab.starts("mail-2")[before:]
    assert [(start.host, start.incoming) for start in starts] == [("h2", False)]
    assert starts[0].at > lab.fault_at
    lab.wait_for_alerts(set())


def test_a_stalled_guest_makes_its_whole_host_look_down(lab: Lab) -> None:
    lab.stall_guest("mail-2")
    lab.wait_for_alerts({("HypervisorDown", "h2")})
    assert up(lab, "libvirt") == {"h1": True, "h2": False, "h3": True}
    assert up(lab, "node") == dict.fromkeys(HOSTS, True)
    assert states(lab, GUESTS) == {RUNNING}
    lab.resume_guest("mail-2")
    lab.wait_for_alerts(set())


def test_a_guest_that_came_to_a_host_which_then_fell_silent_is_not_called_gone(lab: Lab) -> None:
    lab.migrate_guest("shop-1", "h2")
    wait_for("the guest to be seen at h2", lambda: "h2" in _seen_at(lab, "shop-1"))
    lab.stall_guest("mail-2")
    lab.wait_for_alerts({("HypervisorDown", "h2")})
    time.sleep(2)  # what an alert waits before it fires, and more
    assert lab.firing() == {("HypervisorDown", "h2")}


def _seen_at(lab: Lab, guest: str) -> set[str]:
    rows = lab.monitoring.query(f'libvirt_domain_state_code{{domain="{guest}"}}')
    return {row["metric"]["host"] for row in rows}


def test_a_full_pool_pauses_who_needs_room_until_there_is_some(lab: Lab) -> None:
    pool = lab.host("h3").connection.storagePoolLookupByName("small")
    lab.fill_pool()
    pool.refresh()
    _, capacity, _, available = pool.info()
    assert available < capacity / 20  # libvirt counts what ext4 keeps back for itself
    for name in DESKS:
        guest = lab.guests[name]
        assert guest.state == (PAUSED, STOPPED_BY_ERROR)
        assert guest.domain.diskErrors() == {"vda": NO_SPACE}
    assert states(lab, GUESTS - DESKS) == {RUNNING}
    paused = {("GuestPaused", name) for name in DESKS}
    lab.wait_for_alerts({("StoragePoolFull", "h3/small")} | paused)
    lab.make_room()
    for name in DESKS:
        lab.guests[name].domain.resume()
        wait_for(f"{name} to write on", writes(lab.guests[name]))
    lab.wait_for_alerts(set())


def test_a_host_without_power_takes_all_of_it_along(lab: Lab) -> None:
    lost = lab.guests_at("h3")
    lab.power_off("h3")
    assert {lab.running_copies(name) for name in lost} == {0}
    with pytest.raises(import_module("libvirt").libvirtError):
        _ = lab.host("h3").connection
    lab.wait_for_alerts(host_alerts("h3"))
    for job in ("libvirt", "node"):
        assert up(lab, job) == {"h1": True, "h2": True, "h3": False}
    assert states(lab, GUESTS - lost) == {RUNNING}


def test_a_host_that_boots_again_has_all_it_had_and_its_guests_are_off(lab: Lab) -> None:
    lost = lab.guests_at("h3")
    lab.power_off("h3")
    lab.power_on("h3")
    connection = lab.host("h3").connection
    assert {domain.name() for domain in connection.listAllDomains()} == lost
    assert states(lab, lost) == {SHUTOFF}
    assert connection.networkLookupByName("default").isActive()
    for name in ("local", "small"):
        assert connection.storagePoolLookupByName(name).info()[0] == POOL_RUNNING
    wait_for("its exporters", lambda: up(lab, "libvirt")["h3"] and up(lab, "node")["h3"])
    lab.wait_for_alerts({("GuestDown", name) for name in lost})


def test_a_host_that_is_cut_off_runs_on(lab: Lab) -> None:
    lab.partition("h2")
    lab.wait_for_alerts(host_alerts("h2"))
    assert states(lab, lab.guests_at("h2")) == {RUNNING}
    assert wait_for("a local guest to write", writes(lab.guests["mail-2"]))
    stranded = lab.guests["shop-3"]
    goes_on = writes(stranded)
    assert not goes_on()
    lab.rejoin("h2")
    wait_for("a guest on the export to write on", goes_on)
    lab.wait_for_alerts(set())


def test_a_blind_monitoring_sees_no_host_while_all_are_well(lab: Lab) -> None:
    lab.blind_monitoring()
    expected = {(alert, host) for alert in ("HypervisorDown", "HostDown") for host in HOSTS}
    lab.wait_for_alerts(expected)
    for job in ("libvirt", "node", "ping"):
        assert up(lab, job) == dict.fromkeys(HOSTS, False)
    assert states(lab, GUESTS) == {RUNNING}
    assert wait_for("a guest to write", writes(lab.guests["shop-1"]))
    lab.restore_monitoring()
    lab.wait_for_alerts(set())


def test_an_alert_follows_a_guest_that_migrates(lab: Lab) -> None:
    lab.spin_guest("shop-1")
    firing = lab.wait_for_alerts({("GuestCpuHigh", "shop-1")})
    assert firing[0]["labels"]["host"] == "h1"
    lab.migrate_guest("shop-1", "h2")
    assert lab.running_on("shop-1") == ["h2"]
    last = lab.starts("shop-1")[-1]
    assert (last.host, last.incoming) == ("h2", True)
    wait_for("the alert to tell of h2", lambda: hosts_of(lab.alerts()) == {"h2"}, seconds=30)
    lab.calm_guest("shop-1")
    lab.wait_for_alerts(set())


def test_a_guest_that_runs_twice_is_counted_twice(lab: Lab) -> None:
    guest = lab.guests["shop-1"]
    copy = lab.host("h2").connection.defineXML(guest.domain.XMLDesc())
    copy.create()
    assert lab.running_copies("shop-1") == 2
    assert sorted(lab.running_on("shop-1")) == ["h1", "h2"]
    assert [start.host for start in lab.starts("shop-1")][-1] == "h2"
    lab.heal()
    assert lab.running_copies("shop-1") == 1
    assert states(lab, {"shop-1"}) == {RUNNING}


def test_many_faults_at_once_are_healed(lab: Lab) -> None:
    lab.migrate_guest("shop-2", "h2")
    lab.kill_export()
    lab.fill_pool()
    lab.stall_guest("mail-1")
    lab.partition("h1")
    lab.blind_monitoring()
    lab.power_off("h2")
    lab.heal()
    assert states(lab, GUESTS) == {RUNNING}
    assert all_at_home(lab)
    assert lab.firing() == set()


def test_a_lab_whose_process_is_killed_leaves_one_folder_and_nothing_else() -> None:
    script = (
        "import os, signal; from tests.lab.lab.laboratory import Lab; lab = Lab();"
        "print(lab.storage_address, lab.folder, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    address, folder = done.stdout.split()
    wait_for("its processes to end", lambda: not mentioned(folder))
    wait_for("its network to go", lambda: address.rpartition(".")[0] not in routes())
    wait_for("its control groups to go", lambda: Path(folder).name not in control_groups())
    subprocess.run(["rm", "-r", folder], check=True)


def systemctl(lab: Lab, verb: str, *options: str) -> str:
    command = [*lab.via, "systemctl", verb, *options, lab.export_unit]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def hosts_of(alerts: list[dict[str, Any]]) -> set[str]:
    return {a["labels"]["host"] for a in alerts if a["status"]["state"] == "active"}


def mentioned(folder: str) -> bool:
    """Tell whether the command line of any process names this folder."""
    lines = (path / "cmdline" for path in Path("/proc").iterdir() if path.name.isdigit())
    own = str(os.getpid())
    return any(folder in read(line) for line in lines if line.parent.name != own)


def read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # it has just ended
        return ""


def routes() -> str:
    return subprocess.run(["ip", "route"], capture_output=True, text=True, check=True).stdout


def control_groups() -> str:
    look = "mount -t cgroup2 none /mnt && ls /mnt"
    command = ["unshare", "--mount", "sh", "-c", look]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
