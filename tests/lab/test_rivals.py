"""Other controllers, real ones: they are waited for, and nobody does their work twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ingest.libvirt.binding import load_control
from ingest.libvirt.states import DomainState
from remedies import Standing, Task
from remedies.actuators.libvirt import LibvirtActuator
from remedies.actuators.systemd import SystemdActuator
from tests.lab.lab.laboratory import Lab
from tests.lab.lab.processes import wait_for

pytestmark = pytest.mark.lab

SECONDS = timedelta(seconds=10)


def test_a_unit_that_systemd_itself_restarts_is_waited_for_and_not_restarted_twice(
    lab: Lab,
) -> None:
    lab.let_systemd_restart("on-failure")
    actuator = SystemdActuator(lab.export_unit, lab.via)
    task = Task("P", "restart", "x", "StorageExport vmstore", {}, (), "active", SECONDS)
    lab.kill_export()
    look = actuator.look(task)
    assert look.standing is Standing.UNKNOWN
    assert look.said == (
        f"systemd itself restarts {lab.export_unit} (Restart=on-failure): waited for"
    )
    wait_for("systemd to have done it", lambda: actuator.look(task).standing is Standing.DONE)


def test_once_systemd_gives_up_it_is_ours_to_restart(lab: Lab) -> None:
    lab.let_systemd_restart("no")
    actuator = SystemdActuator(lab.export_unit, lab.via)
    task = Task("P", "restart", "x", "StorageExport vmstore", {}, (), "active", SECONDS)
    lab.kill_export()
    assert actuator.look(task).standing is Standing.READY
    actuator.act(task)
    assert actuator.look(task).standing is Standing.DONE


def test_a_guest_that_libvirt_itself_restarts_after_a_panic_is_not_reset_again(lab: Lab) -> None:
    guest = lab.guests["mail-1"]
    preserves = guest.domain.XMLDesc(2)
    restarts = preserves.replace("<on_crash>preserve<", "<on_crash>restart<")
    assert restarts != preserves
    uris = tuple(lab.uris)
    actuator = LibvirtActuator(load_control(), uris, frozenset(uris))
    told = {"uuid": guest.uuid, "uri": guest.host.uri}
    task = Task("P", "reset_crashed", "mail-1", "mail-1", told, ("crashed",), "running", SECONDS)
    try:
        guest.domain.destroy()
        guest.host.connection.defineXML(restarts)
        guest.start()
        wait_for("mail-1 to write", lambda before=guest.written: guest.wrote_since(before))
        lab.panic_and_forget("mail-1")
        wait_for("libvirt to have done it", lambda: guest.is_in(DomainState.RUNNING))
        wait_for("it to write again", lambda before=guest.written: guest.wrote_since(before))
        assert actuator.look(task).standing is Standing.DONE
        assert lab.running_copies("mail-1") == 1
    finally:
        guest.domain.destroy()
        guest.host.connection.defineXML(preserves)
