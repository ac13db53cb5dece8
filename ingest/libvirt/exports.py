"""Storage that is reached over the network: one address per export, however it is written.

Every host and every guest that names the same export must come to the same address, so default
ports are filled in, host names folded and monitor lists sorted.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass

from ingest.libvirt.place import Place, whole
from kgraph.schema import Item, Record, RelationRecord

_PORTS = {
    "nbd": 10809,
    "iscsi": 3260,
    "rbd": 6789,
    "gluster": 24007,
    "http": 80,
    "https": 443,
    "ftp": 21,
    "ftps": 990,
    "ssh": 22,
    "sheepdog": 7000,
}


@dataclass(frozen=True, slots=True)
class Export:
    """One export.

    Attributes:
        address: the strong key, such as `nbd://10.0.0.5:10809/vmstore`.
        protocol: its scheme.
        server: host name or address; empty where only the host's configuration knows it.
        port: 0 where the protocol needs none.
        name: what the server calls it.
        volume: a part of it, such as a LUN or an RBD image; empty: the export as a whole.
    """

    address: str
    protocol: str
    server: str
    port: int
    name: str
    volume: str = ""

    @property
    def key(self) -> str:
        """The record key of the export."""
        return f"export:{self.address}"


def disk_export(place: Place, source: ET.Element) -> Export:
    """Read `<source protocol= name=><host/></source>` of a network disk."""
    protocol = source.get("protocol", "unknown")
    name, volume = _split(protocol, source.get("name", "").strip("/"))
    hosts = source.findall("host")
    socket = next((h.get("socket", "") for h in hosts if h.get("transport") == "unix"), "")
    if socket:
        address = f"{protocol}+unix://{place.under(socket)}/{name}".rstrip("/")
        return Export(address, protocol, "", 0, name, volume)
    return _addressed(place, protocol, hosts, name, volume)


def pool_export(place: Place, pool: ET.Element) -> Export | None:
    """Read the `<source>` of a pool that lives on a server; None for a local one."""
    source = pool.find("source")
    kind = pool.get("type", "")
    if source is None or kind not in _POOLS:
        return None
    protocol = _POOLS[kind] or _attribute(source, "format", "type") or "nfs"
    protocol = {"auto": "nfs", "glusterfs": "gluster"}.get(protocol, protocol)
    if protocol == "iscsi":
        name = _attribute(source, "device", "path")
    else:
        name = source.findtext("name") or _attribute(source, "dir", "path")
    return _addressed(place, protocol, source.findall("host"), name.strip("/"), "")


# Pool type -> protocol; empty: its <format> tells.
_POOLS = {
    "netfs": "",
    "iscsi": "iscsi",
    "iscsi-direct": "iscsi",
    "rbd": "rbd",
    "gluster": "gluster",
}


def normalise_export(place: Place, export: Export) -> Iterator[Item]:
    """Yield the export, and the volume on it where one is named."""
    server = {"serverAddress": export.server} if export.server else {}
    port = {"port": export.port} if export.port else {}
    yield Record(
        export.key,
        "StorageExport",
        export.address,
        keys=(place.key("exportAddress", export.address),),
        props={"protocol": export.protocol, "exportName": export.name, **server, **port},
    )
    if export.volume:
        address = f"{export.address}/{export.volume}"
        yield Record(
            f"volume:{address}", "Volume", export.volume, keys=(place.key("volumeKey", address),)
        )
        yield RelationRecord(f"volume:{address}", "STORED_ON", export.key)


def storage_key(export: Export) -> str:
    """Return the record that a disk is stored on: the volume where one is named."""
    return f"volume:{export.address}/{export.volume}" if export.volume else export.key


def _split(protocol: str, name: str) -> tuple[str, str]:
    """Split what a disk names into export and volume."""
    if protocol in {"iscsi", "rbd", "gluster"}:  # target/LUN, pool/image, volume/file
        export, _, volume = name.partition("/")
    elif protocol == "nfs":
        export, _, volume = name.rpartition("/")
    else:
        export, volume = name, ""
    return export, volume


def _attribute(node: ET.Element, child: str, name: str) -> str:
    found = node.find(child)
    return found.get(name, "") if found is not None else ""


def _addressed(
    place: Place, protocol: str, hosts: list[ET.Element], name: str, volume: str
) -> Export:
    port = _PORTS.get(protocol, 0)
    reached = sorted(
        (
            host.get("name", "").lower().rstrip("."),
            whole(host.get("port") or str(port), place.uri, f"{protocol} port"),
        )
        for host in hosts
    )
    if protocol == "nfs":
        reached = [(server, 0) for server, _ in reached]
    where = ",".join(_authority(server, number) for server, number in reached)
    server, number = reached[0] if reached else ("", 0)
    address = f"{protocol}://{where}/{name}".rstrip("/")
    return Export(address, protocol, server, number, name, volume)


def _authority(server: str, port: int) -> str:
    bracketed = f"[{server}]" if ":" in server else server
    return f"{bracketed}:{port}" if port else bracketed
