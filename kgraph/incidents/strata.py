"""Where nodes stand when trouble is to be seen spreading: layer by layer, from the top.

Power, hosts, storage and network, guests, services; within a layer, what is needed is above.
`kgraph.incidents.layers` puts what is needed below, as one who digs for a cause wants it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

from kgraph.incidents.layers import rows
from kgraph.incidents.picture import Picture


class Layer(IntEnum):
    """The layers of an estate, in the order in which trouble spreads."""

    POWER = 0
    HOSTS = 1
    STORAGE_AND_NETWORK = 2
    GUESTS = 3
    SERVICES = 4


_KINDS: Mapping[Layer, str] = MappingProxyType(
    {
        Layer.POWER: "Site Rack PowerFeed",
        Layer.HOSTS: "Cluster Host Bmc",
        Layer.STORAGE_AND_NETWORK: "Nic Bond Switch SwitchPort Router Network StorageArray "
        "StorageController StoragePath StorageExport Disk StoragePool Volume",
        Layer.GUESTS: "VirtualMachine VirtualNic",
        Layer.SERVICES: "Service ServiceInstance Container Pod LoadBalancer Endpoint Database "
        "Queue Application ConfigItem Probe Thing",
    }
)
LAYERS: Mapping[str, Layer] = MappingProxyType(
    {kind: layer for layer, kinds in _KINDS.items() for kind in kinds.split()}
)


def layer_of(kind: str) -> Layer:
    """Return where a kind stands; one that we do not know stands with the services."""
    return LAYERS.get(kind, Layer.SERVICES)


def strata(picture: Picture) -> Mapping[Layer, list[list[str]]]:
    """Return the uids of each layer, row by row from the top; layers with nothing are left out.

    Within a row each node stands near what it is joined to in the whole picture.
    """
    order = {uid: at for at, uid in enumerate(uid for row in _placed(picture) for uid in row)}
    found: dict[Layer, list[list[str]]] = {}
    for layer in Layer:
        inside = {node.uid for node in picture.nodes if layer_of(node.kind) is layer}
        if inside:
            part = _part(picture, inside)
            below_first = rows(part, len(inside))
            found[layer] = [sorted(row, key=order.__getitem__) for row in reversed(below_first)]
    return found


def _placed(picture: Picture) -> list[list[str]]:
    """Return rows over all layers, untangled: who is joined stands near each other."""
    return rows(picture, max(1, len(picture.nodes)))


def _part(picture: Picture, inside: set[str]) -> Picture:
    return Picture(
        tuple(node for node in picture.nodes if node.uid in inside),
        tuple(edge for edge in picture.edges if {edge[0], edge[2]} <= inside),
    )
