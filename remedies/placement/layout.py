"""Who is where and how big: what a placement is worked out from. Frozen values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

APART = "antiAffinity"  # label: guests with the same value never share a host
TOGETHER = "affinity"  # label: guests with the same value always share one
CORDONED = "cordoned"  # label of a host: "true" means that nothing new goes there


@dataclass(frozen=True, slots=True)
class Limits:
    """How full a host may be.

    Attributes:
        cpu_overcommit: virtual processors for each real one.
        memory_share: share of a host's memory that guests may have; the rest is its own.
    """

    cpu_overcommit: float = 4.0
    memory_share: float = 0.95


@dataclass(frozen=True, slots=True)
class HostRoom:
    """One host.

    Attributes:
        cpus: processors that may be given away, overcommitted already.
        memory: bytes that may be given away.
        huge: bytes in huge pages, which nobody else can have; None: it is not known of them, and
            they count as any memory.
        closed: why nothing new may go there; empty: it may.
        reaches: uids of the networks and storage that a guest there can use.
    """

    uid: str
    name: str
    cpus: float
    memory: int
    closed: str = ""
    reaches: frozenset[str] = frozenset()
    huge: int | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that a guest must reach: any of these will do."""

    title: str
    any_of: frozenset[str]


@dataclass(frozen=True, slots=True)
class GuestSize:
    """One guest.

    Attributes:
        cpus, memory: virtual processors, and bytes.
        huge: how many of those bytes are in huge pages.
        apart: its anti-affinity groups.
        together: its affinity group; empty: none.
        importance: more important guests are placed first.
        unknown: why it can't be placed at all; empty: it can.
    """

    uid: str
    name: str
    cpus: float
    memory: int
    needs: tuple[Need, ...] = ()
    apart: frozenset[str] = frozenset()
    together: str = ""
    importance: int = 0
    unknown: str = ""
    huge: int = 0


@dataclass(frozen=True)
class Layout:
    """Hosts, guests, and which guest is on which host. Guests of no host are not in `on`."""

    hosts: tuple[HostRoom, ...]
    guests: tuple[GuestSize, ...]
    on: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def closing(self, closed: Mapping[str, str]) -> Layout:
        """Return the same with some hosts closed: uid -> why nothing new may go there."""
        hosts = (replace(h, closed=closed[h.uid]) if h.uid in closed else h for h in self.hosts)
        return replace(self, hosts=tuple(hosts))


@dataclass(frozen=True, slots=True)
class Move:
    """One guest goes to another host.

    Attributes:
        source: where it is, or was; empty: nowhere.
        displaced: it has to go; else it only makes room for one that has to.
    """

    guest: str
    source: str
    target: str
    displaced: bool = True


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A guest for which there is no room, and why, in one phrase."""

    guest: str
    why: str


@dataclass(frozen=True, slots=True)
class Placement:
    """Moves in an order in which each finds room, and what is left over.

    Attributes:
        by: the method whose answer it is: greedy, swaps or exact.
        spare: afterwards any one more host may fail, and its guests still find room.
        notes: what a person should know of it.
    """

    moves: tuple[Move, ...]
    unplaced: tuple[Unplaced, ...] = ()
    by: str = "greedy"
    spare: bool = True
    notes: tuple[str, ...] = ()
