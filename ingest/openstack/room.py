"""What Placement says of room: sizes of hosts and of what is given to servers. Pure.

Source: https://docs.openstack.org/api-ref/placement/
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ingest.openstack.fetch import Provider
from kgraph.schema import Scalar
from kgraph.sourcekit import Node

_MEMORY = "MEMORY_MB"
_PROCESSORS = ("VCPU", "PCPU")  # shared, and dedicated ones


@dataclass(frozen=True, slots=True)
class Room:
    """Trees of providers, by the name of their root, which is that of its hypervisor.

    Attributes:
        trees: hypervisor -> its providers: a NUMA cell is one of its own.
    """

    trees: Mapping[str, tuple[Provider, ...]]

    @classmethod
    def of(cls, providers: Iterable[Provider]) -> Room:
        """Sort providers by their trees."""
        listed = list(providers)
        names = {provider.uuid: provider.name for provider in listed}
        trees: defaultdict[str, list[Provider]] = defaultdict(list)
        for provider in listed:
            trees[names.get(provider.root, provider.name)].append(provider)
        return cls({name: tuple(parts) for name, parts in trees.items()})

    def of_host(self, hypervisor: str) -> dict[str, Scalar]:
        """Return the sizes of a host; nothing where Placement has none.

        `memoryBytes` and `cpus` are all that there is, as the hypervisor itself tells;
        `reservedMemoryBytes` is kept back from guests, and at most `cpuOvercommit` virtual
        processors are given for each real one.
        """
        parts = self.trees.get(hypervisor, ())
        memory, kept = _sum(parts, (_MEMORY,), "total"), _sum(parts, (_MEMORY,), "reserved")
        cpus = _sum(parts, _PROCESSORS, "total")
        found: dict[str, Scalar] = {}
        if memory:
            found |= {"memoryBytes": memory << 20, "reservedMemoryBytes": kept << 20}
        if cpus:
            found |= {"cpus": cpus, "cpuOvercommit": _given(parts) / cpus}
        return found

    def of_server(self, uuid: str, hypervisor: str) -> dict[str, Scalar]:
        """Return what is given to a server where it runs, as far as Placement knows."""
        rows = [part.allocations.at(uuid, "resources") for part in self.trees.get(hypervisor, ())]
        memory = sum(row.whole(_MEMORY) for row in rows)
        vcpus = sum(row.whole(name) for row in rows for name in _PROCESSORS)
        found: dict[str, Scalar] = {}
        if memory:
            found["memoryBytes"] = memory << 20
        if vcpus:
            found["vcpus"] = vcpus
        return found


def _rows(parts: Iterable[Provider], names: Iterable[str]) -> Iterable[Node]:
    return (part.inventories.at(name) for part in parts for name in names)


def _sum(parts: Iterable[Provider], names: Iterable[str], what: str) -> int:
    return sum(row.whole(what) for row in _rows(parts, names))


def _given(parts: Iterable[Provider]) -> float:
    """Return how many virtual processors may be given away in all."""
    return sum(
        (row.whole("total") - row.whole("reserved")) * _ratio(row)
        for row in _rows(parts, _PROCESSORS)
    )


def _ratio(row: Node) -> float:
    told = row.text("allocation_ratio")
    try:
        return float(told or 1)
    except ValueError:
        raise row.wrong("an inventory with a number as allocation_ratio") from None
