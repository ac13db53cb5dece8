"""Guests' interfaces are put back on a network's bridge; the hypervisor is one in memory."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

import pytest

from ingest.libvirt.states import DomainState, ShutoffReason
from remedies import EffectError, Standing, Task
from tests.remedies.actuators.test_libvirt import RUNS, UUID, Estate, FakeDomain, FakeHost

XML = """<domain><devices>
<interface type='network'><mac address='52:54:00:ab:81:f0'/>
<source network='default' portid='db4a' bridge='virbr0'/><target dev='vnet0'/></interface>
<interface type='bridge'><source bridge='br0'/><target dev='vnet1'/></interface>
</devices></domain>"""
TASK = Task(
    "P-1", "reattach", "web-1", "VirtualMachine web-1", {"uuid": UUID, "uri": "qemu+h1:///system"},
    ("running",), "attached",
)  # fmt: skip


@dataclass
class Plugged(FakeDomain):
    xml: str = XML
    changes: list[tuple[str, dict[str, str], int]] = field(default_factory=list)

    def XMLDesc(self, flags: int = 0) -> str:  # noqa: ARG002 - libvirt's signature
        return self.xml

    def updateDeviceFlags(self, xml: str, flags: int = 0) -> int:
        root = ET.fromstring(xml)  # noqa: S314 - of our own making
        source = root.find("source")
        assert source is not None
        self.changes.append((root.get("type", ""), dict(source.attrib), flags))
        return 0


def estate(guest: Plugged) -> Estate:
    return Estate(h1=FakeHost({UUID: guest}))


def test_each_interface_of_a_network_goes_to_its_bridge_and_back_and_no_other_is_touched() -> None:
    guest = Plugged(RUNS)
    actuator = estate(guest).actuator
    assert actuator.look(TASK).standing is Standing.EITHER
    actuator.act(TASK)
    own = {"network": "default", "portid": "db4a", "bridge": "virbr0"}
    # The running guest alone is changed, and is defined afterwards as it was.
    assert guest.changes == [("bridge", {"bridge": "virbr0"}, 1), ("network", own, 1)]


def test_a_guest_that_is_off_plugs_itself_in_when_it_starts() -> None:
    guest = Plugged((DomainState.SHUTOFF, ShutoffReason.FAILED))
    assert estate(guest).actuator.look(TASK).standing is Standing.UNFIT


def test_a_guest_without_such_an_interface_is_left_alone() -> None:
    guest = Plugged(RUNS, xml="<domain><devices/></domain>")
    actuator = estate(guest).actuator
    assert actuator.look(TASK).standing is Standing.UNFIT
    with pytest.raises(EffectError, match="no interface"):
        actuator.act(TASK)
    assert guest.changes == []
