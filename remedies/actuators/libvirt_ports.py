"""Guests' interfaces put back on the bridge of a network that was destroyed and started again.

libvirt leaves the taps of running guests behind, and has no call for that. It does put a tap on a
bridge when the interface of a running guest changes from its network to that network's bridge, and
once more when it changes back: the guest notices nothing, and its kept definition is not touched.
Tried with libvirt 9.0 and QEMU. https://libvirt.org/html/libvirt-libvirt-domain.html
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from copy import deepcopy

from ingest.libvirt.binding import ControlledDomain
from kgraph.schema.counting import counted
from remedies.actuators.libvirt_line import Lines, state_of
from remedies.looks import EffectError, Look, Standing, Task

ATTACHED = "attached"
_LIVE = 1  # VIR_DOMAIN_AFFECT_LIVE


class Ports:
    """Looks at the interfaces of guests, and puts them back."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def look(self, task: Task) -> Look:
        """See whether there is something to put back; that it is there nobody can be asked."""
        with self._lines.guest(task) as guest:
            state = state_of(guest)
            if not state.runs:
                return Look(Standing.UNFIT, f"{state}: it plugs itself in when it starts")
            count = len(_interfaces(guest))
        if not count:
            return Look(Standing.UNFIT, "it has no interface on a network of libvirt's")
        return Look(Standing.EITHER, f"{count} of its interfaces are on a network of libvirt's")

    def act(self, task: Task) -> str:
        """Put each of them back.

        Raises:
            EffectError: libvirt refused it, such as where the network is not active.
        """
        with self._lines.guest(task) as guest:
            found = _interfaces(guest)
            for interface in found:
                guest.updateDeviceFlags(_on_the_bridge(interface), _LIVE)
                guest.updateDeviceFlags(ET.tostring(interface, "unicode"), _LIVE)
        if not found:
            raise EffectError("it has no interface on a network of libvirt's")
        return f"{counted(len(found), 'interface')} put back"


def _interfaces(guest: ControlledDomain) -> list[ET.Element]:
    """Return those that are plugged into the bridge of a virtual network."""
    root = ET.fromstring(guest.XMLDesc())  # noqa: S314 - as above
    return [
        each
        for each in root.iterfind("devices/interface[@type='network']")
        if (source := each.find("source")) is not None and source.get("bridge")
    ]


def _on_the_bridge(interface: ET.Element) -> str:
    changed = deepcopy(interface)
    source = changed.find("source")
    assert source is not None  # noqa: S101 - it was looked for
    bridge = source.get("bridge", "")
    source.attrib.clear()
    source.set("bridge", bridge)
    changed.set("type", "bridge")
    return ET.tostring(changed, "unicode")
