"""Guests on the move, on real hypervisors: live, cold, and from a host that was switched off."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest

from ingest.libvirt import read
from ingest.libvirt.binding import load_control
from ingest.libvirt.states import DomainState
from kgraph.app.sources.shelf import Shelf
from remedies import EffectError, Standing, Task
from remedies.actuators.definitions import Definitions
from remedies.actuators.libvirt import LibvirtActuator
from remedies.actuators.libvirt_moves import POLL
from tests.lab.campaign.truth import Witness
from tests.lab.lab.estate import HOSTS
from tests.lab.lab.guests import Disk
from tests.lab.lab.laboratory import Lab
from tests.lab.lab.processes import wait_for

pytestmark = pytest.mark.lab


@dataclass(frozen=True)
class Mover:
    """The real actuator on the lab, and a witness who sees each process on each host."""

    lab: Lab
    actuator: LibvirtActuator
    definitions: Definitions
    witness: Witness

    def task(self, action: str, guest: str, to: str) -> Task:
        home = self.lab.guests[guest].host
        told = {
            "uuid": self.lab.guests[guest].uuid,
            "uri": home.uri,
            "toUri": self.lab.host(to).uri,
            "toName": to,
        }
        title, deadline = f"VirtualMachine {guest}", timedelta(seconds=30)
        return Task("P", action, guest, title, told, (), "runs_there", deadline)

    def never_twice(self) -> None:
        assert not [name for picture in self.witness.pictures for name in picture.twice]


@pytest.fixture
def mover(lab: Lab, tmp_path: Path) -> Iterator[Mover]:
    definitions = Definitions(tmp_path / "definitions")
    for uri in lab.uris:
        list(read(uri, now=datetime.now(UTC), shelf=Shelf([definitions])).items)
    routes = {name: f"tcp://{lab.host(name).address}" for name in HOSTS}
    uris = tuple(lab.uris)
    rest = partial(time.sleep, POLL)
    actuator = LibvirtActuator(load_control(), uris, frozenset(uris), definitions, routes, rest)
    with closing(Witness(lab)) as witness:
        yield Mover(lab, actuator, definitions, witness)
        witness.now()


def test_a_running_guest_goes_to_another_host_and_back_without_a_stop(
    mover: Mover, capsys: pytest.CaptureFixture[str]
) -> None:
    lab, guest = mover.lab, mover.lab.guests["shop-1"]
    there = mover.task("migrate", "shop-1", "h2")
    began = time.monotonic()
    mover.actuator.act(there)
    with capsys.disabled():
        sys.stdout.write(f"\n  live migration: {time.monotonic() - began:.2f} s")
    assert mover.actuator.look(there).standing is Standing.DONE
    assert lab.running_on("shop-1") == ["h2"]
    guest.host = lab.host("h2")
    wait_for("it to write there", lambda before=guest.written: guest.wrote_since(before))
    with pytest.raises(EffectError, match="not as it must be: there it is running"):
        mover.actuator.act(there)  # once is enough
    mover.actuator.act(mover.task("migrate", "shop-1", "h1"))
    guest.host = lab.host("h1")
    assert lab.running_on("shop-1") == ["h1"]
    mover.never_twice()


def test_a_disk_of_a_host_does_not_follow_and_the_guest_stays_as_it_was(mover: Mover) -> None:
    """libvirt calls it unsafe to migrate a file that may not be the same over there."""
    there = mover.task("migrate", "mail-1", "h2")
    with pytest.raises(EffectError, match=r"[Uu]nsafe|migration"):
        mover.actuator.act(there)
    assert mover.actuator.look(there).standing is Standing.READY
    assert mover.lab.running_on("mail-1") == ["h1"]


def test_a_guest_that_died_is_brought_to_another_host_cold(mover: Mover) -> None:
    lab = mover.lab
    lab.kill_guest("shop-3")
    there = mover.task("migrate_cold", "shop-3", "h1")
    assert mover.actuator.look(there).standing is Standing.READY
    mover.actuator.act(there)
    assert mover.actuator.look(there).standing is Standing.DONE
    assert lab.running_on("shop-3") == ["h1"]
    known = {domain.name() for domain in lab.host("h2").connection.listAllDomains()}
    assert "shop-3" not in known  # nobody can start it there again
    mover.never_twice()


def test_a_guest_is_not_started_elsewhere_while_its_host_runs_it(mover: Mover) -> None:
    there = mover.task("start_elsewhere", "shop-1", "h2")
    with pytest.raises(EffectError, match="its old host answers"):
        mover.actuator.act(there)
    assert mover.lab.running_copies("shop-1") == 1


def test_the_guests_of_a_host_without_power_start_elsewhere_from_what_was_kept(
    mover: Mover,
) -> None:
    lab = mover.lab
    tasks = [mover.task("start_elsewhere", name, "h2") for name in ("shop-1", "shop-2")]
    lab.power_off("h1")
    for task in tasks:
        assert mover.actuator.look(task).standing is Standing.READY
        mover.actuator.act(task)
        assert mover.actuator.look(task).standing is Standing.DONE
    assert [lab.running_on(name) for name in ("shop-1", "shop-2")] == [["h2"], ["h2"]]
    mover.never_twice()


def test_nothing_starts_elsewhere_while_a_third_host_is_silent(mover: Mover) -> None:
    lab = mover.lab
    lab.power_off("h1")
    lab.kill_libvirtd("h3")
    there = mover.task("start_elsewhere", "shop-1", "h2")
    with pytest.raises(EffectError, match=r"h3.*does not answer, and may run it"):
        mover.actuator.act(there)
    assert lab.running_copies("shop-1") == 0


@pytest.mark.parametrize("disk", [Disk.LOCAL, Disk.NBD])
def test_of_two_starts_past_every_guard_only_image_locks_stop_the_second(
    mover: Mover, disk: Disk
) -> None:
    """Why confirmed-off is all there is on NBD: nothing below would have said no.

    This goes around the actuator on purpose: QEMU itself locks a file, and cannot lock an export.
    """
    lab = mover.lab
    name = next(n for n in sorted(lab.guests_on(disk)) if lab.guests[n].host.name == "h1")
    libvirt = import_module("libvirt")
    second = lab.host("h2").connection.defineXML(mover.definitions.find(lab.guests[name].uuid))
    try:
        if disk is Disk.LOCAL:
            with pytest.raises(libvirt.libvirtError, match='Failed to get "write" lock'):
                second.create()
            assert lab.running_copies(name) == 1
        else:
            second.create()
            assert lab.running_copies(name) == 2
            # Who sees it: the witness at once, and what every start has left behind, later.
            wait_for("the witness", lambda: name in mover.witness.now().twice)
            assert {start.host for start in lab.starts(name)} >= {"h1", "h2"}
            task = replace(mover.task("start_elsewhere", name, "h3"))
            look = mover.actuator.look(task)
            assert look.standing is Standing.UNFIT
    finally:
        if second.isActive():
            second.destroy()
        second.undefine()


def test_a_network_that_was_destroyed_is_started_again(mover: Mover) -> None:
    host = mover.lab.host("h3")
    network = host.connection.networkLookupByName("default")
    told = {"network": network.UUIDString(), "uri": host.uri}
    task = Task("P", "activate", "n", "Network default", told, (), "active")
    assert mover.actuator.look(task).standing is Standing.DONE
    mover.lab.destroy_network("h3")
    assert mover.actuator.look(task).standing is Standing.READY
    mover.actuator.act(task)
    assert mover.actuator.look(task).standing is Standing.DONE
    assert network.isActive()


def test_a_pool_is_started_and_counted_anew(mover: Mover) -> None:
    host = mover.lab.host("h3")
    pool = host.connection.storagePoolLookupByName("local")
    told = {"pool": pool.UUIDString(), "uri": host.uri}
    task = Task("P", "activate", "p", "StoragePool local", told, (), "active")
    pool.destroy()
    assert mover.actuator.look(task).standing is Standing.READY
    mover.actuator.act(task)
    assert mover.actuator.look(task).standing is Standing.DONE
    anew = Task("P", "refresh", "p", "StoragePool local", told, (), "counted_anew")
    (host.disks / "brought.raw").write_bytes(bytes(4096))
    mover.actuator.act(anew)
    assert "brought.raw" in pool.listVolumes()
    (host.disks / "brought.raw").unlink()


def test_a_qemu_that_hangs_is_started_anew_by_a_reset(mover: Mover) -> None:
    lab = mover.lab
    lab.stall_guest("wiki-2")
    guest = lab.guests["wiki-2"]
    # Somebody asks its monitor, as exporters do: only then does libvirt know that it is deaf.
    connection = import_module("libvirt").openReadOnly(guest.host.uri)
    wait_for("libvirt to see that it is deaf", lambda: _deaf(connection, guest.uuid), seconds=30)
    told = {"uuid": guest.uuid, "uri": guest.host.uri}
    task = Task("P", "reset", "wiki-2", "VirtualMachine wiki-2", told, ("there",), "rebooted")
    mover.actuator.act(task)
    assert guest.is_in(DomainState.RUNNING)
    wait_for("it to write", lambda before=guest.written: guest.wrote_since(before))
    mover.never_twice()


def _deaf(connection: object, uuid: str) -> bool:
    domain = connection.lookupByUUIDString(uuid)  # type: ignore[attr-defined] # libvirt has no types
    state, _, milliseconds = domain.controlInfo()[:3]
    return state == 2 and milliseconds > 2_000
