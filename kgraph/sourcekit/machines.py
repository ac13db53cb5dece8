"""Machines that a source speaks of without knowing what they are.

An inventory, a Kubernetes node or a load balancer's server is a machine: a host, or a guest that
a hypervisor tells of. Which of them it is only the graph knows, so a source yields a `Machine`,
and `kgraph.sourcekit.settling` decides when the reading is kept. What a source merely points at,
as a load balancer does with an address, is an `Alias`: it makes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kgraph.schema import Item, Key, Scalar

HOST, GUEST = "Host", "VirtualMachine"
MACHINES = (GUEST, HOST)


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine: a guest where the graph knows it as one, else a host.

    Attributes:
        key: the source's own name for it.
        name: its host name.
        uuid: as its firmware tells it, if known.
        addresses: IP addresses; those that many machines have are left out.
        kind: where the source itself knows; "": the graph decides.
        claims: further identity claims; they must suit the kind.
        nameless: `name` is made up: the graph's is better, and nobody is to be found by it.
    """

    key: str
    name: str
    uuid: str = ""
    addresses: tuple[str, ...] = ()
    machine_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    props: Mapping[str, Scalar] = field(default_factory=dict)
    watched: tuple[str, ...] = ()
    kind: str = ""
    claims: tuple[Key, ...] = ()
    nameless: bool = False
    where: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a part is: the machine's name, and its firmware's UUID if that is known."""

    host: str
    uuid: str = ""

    @property
    def machine(self) -> str:
        """The record key of the machine."""
        return f"machine:{self.host}"

    def of(self, what: str, name: str) -> str:
        """Return the record key of a part."""
        return f"{what}:{self.host}/{name}"


@dataclass(frozen=True, slots=True)
class Alias:
    """A dependency on what another source reports, known by a name alone.

    Attributes:
        dependent: a record key of the source.
        names: of the dependency, the most telling first: names, addresses.
        kinds: what it may be, the likeliest first.
    """

    dependent: str
    type: str
    names: tuple[str, ...]
    kinds: tuple[str, ...] = MACHINES
    group: str | None = None
    need: int | None = None


Told = Item | Machine | Alias
