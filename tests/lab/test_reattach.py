"""Real guests lose their network, and find themselves on it again once it was started anew."""

from __future__ import annotations

import pytest

from ingest.libvirt.binding import load_control
from remedies import Standing, Task
from remedies.actuators.libvirt import LibvirtActuator
from tests.lab.lab.laboratory import Lab

pytestmark = pytest.mark.lab


def test_a_running_guest_is_plugged_in_again_and_stays_defined_as_it_was(lab: Lab) -> None:
    guest = next(each for each in lab.guests.values() if each.host is lab.host("h1"))
    host, uris = guest.host, tuple(lab.uris)

    def plugged() -> list[str]:
        shown = host.inside("sh", "-c", "ip -o link show master virbr0 2>/dev/null || true")
        return sorted(line.split(": ")[1] for line in shown.splitlines())

    def defined() -> str:
        found = host.connection.lookupByUUIDString(guest.uuid)
        return str(found.XMLDesc(2))  # VIR_DOMAIN_XML_INACTIVE

    before, as_it_was = plugged(), defined()
    host.destroy_network()
    host.connection.networkLookupByName("default").create()
    assert plugged() == []  # libvirt leaves them behind
    told = {"uuid": guest.uuid, "uri": host.uri}
    task = Task("P", "reattach", "g", "VirtualMachine g", told, ("running",), "attached")
    actuator = LibvirtActuator(load_control(), uris, frozenset(uris))
    assert actuator.look(task).standing is Standing.EITHER
    actuator.act(task)
    assert len(plugged()) == 1
    assert set(plugged()) <= set(before)
    assert defined() == as_it_was
