"""From a switch to records, and which of its ports have a link. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ingest.snmp.mibs import Links
from kgraph.sourcekit import Here
from kgraph.sourcekit.machines import Told
from kgraph.sourcekit.wires import Chassis, Local, port_key, wired


def normalise(
    own: Chassis, told: Links, uplinks: Sequence[str], hosts: Sequence[str], here: Here
) -> Iterator[Told]:
    """Yield the switch with its ports and neighbours, and each port's link.

    A port without link may be one that was never cabled, so only a link proves something.
    """
    local = Local(own, "", "switch", tuple(uplinks), tuple(hosts))
    yield from wired(local, [link.wire for link in told.links], told.heard, here)
    look = here.look(f"snmp/{own.name}")
    for link in told.links:
        key = port_key(own, link.wire.port)
        yield look.sees(key, "down", "") if link.up else look.withdraws(key, "down")
