"""One guest: where it runs, what it stands on, and how it is.

Where it runs. A definition may stay on hosts that a guest has left, and every reading knows its
own host only. So a guest RUNS_ON a host where it is active, or where it has died: what it died of
is there. Where it is merely defined (shut down, migrated away, never started, or arriving by live
migration) it is a MEMBER_OF the host, which carries no failure. A guest on two hosts thereby
follows its active domain.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from ingest.libvirt.exports import disk_export, normalise_export, storage_key
from ingest.libvirt.fetch import GuestReading
from ingest.libvirt.host import probe_key
from ingest.libvirt.networks import Networks, nic_key, normalise_bridge, normalise_nic
from ingest.libvirt.place import Place, guest_key, required, size_bytes, whole
from ingest.libvirt.pools import Pools, normalise_path, path_key
from ingest.libvirt.states import DomainState
from ingest.libvirt.verdicts import abnormal, guest_verdict, healthy, observe_guest, withdrawn
from kgraph.schema import Item, Observation, Record, RelationRecord

_WRITTEN = frozenset({"disk", "lun"})  # a guest survives the loss of its CD-ROM


def normalise_guest(
    place: Place, guest: GuestReading, domain: ET.Element, networks: Networks, pools: Pools
) -> Iterator[Item]:
    """Yield a guest, its virtual NICs, its disks, its relations and its state.

    Raises:
        SourceError: without the `<uuid>` and `<name>` that libvirt always writes.
    """
    uuid = required(domain, "uuid", place.uri)
    key = guest_key(uuid)
    blind = _blind(domain)
    yield _record(place, guest, domain, uuid, blind)
    verdict = guest_verdict(guest.state, guest.reason)
    here = guest.active or verdict.wrong
    yield RelationRecord(key, "RUNS_ON" if here else "MEMBER_OF", place.host)
    yield RelationRecord(key, "WATCHED_BY", probe_key(place))
    yield from observe_guest(key, verdict, place.look, blind=blind, disk_errors=guest.disk_errors)
    for disk in domain.iterfind("devices/disk"):
        if disk.get("device", "disk") in _WRITTEN:
            yield from _stored(place, key, disk, pools)
    for number, interface in enumerate(domain.iterfind("devices/interface")):
        yield from _virtual_nic(place, key, number, interface, networks)
        nic = _nic_key(key, number, interface)
        yield _link(place, nic, interface, active=guest.active)


def _record(
    place: Place, guest: GuestReading, domain: ET.Element, uuid: str, blind: frozenset[str]
) -> Record:
    name, kind = required(domain, "name", place.uri), domain.find("os/type")
    watched = (s for s in ("down", "paused", "ioError", "panic") if s not in blind)
    memory = size_bytes(domain, "memory", place.uri)
    huge = domain.find("memoryBacking/hugepages") is not None
    state = DomainState(guest.state).name.lower() if guest.state in set(DomainState) else ""
    return Record(
        guest_key(uuid),
        "VirtualMachine",
        name,
        keys=(place.key("vmUuid", uuid), place.key("name", name)),
        props={
            "memoryBytes": memory,
            **({"hugePagesBytes": memory} if huge else {}),
            "vcpus": whole(domain.findtext("vcpu") or "1", place.uri, f"domain {name}: <vcpu>"),
            "virtualisation": domain.get("type", ""),
            "arch": kind.get("arch", "") if kind is not None else "",
            "state": state,
            "stateReason": guest.reason,
        },
        watched=tuple(watched),
        volatile=frozenset({"state", "stateReason"}),
        where=f"libvirt {place.uri}: domain {name}",
    )


def _blind(domain: ET.Element) -> frozenset[str]:
    """Return the signals that would go unnoticed on this guest."""
    blind = set()
    if domain.find("devices/panic") is None:
        blind.add("panic")
    disks = [d for d in domain.iterfind("devices/disk") if d.get("device", "disk") in _WRITTEN]
    policies = [
        driver for disk in disks for driver in disk.iterfind("driver[@error_policy='stop']")
    ]
    if len(policies) < len(disks):
        # QEMU's own default stops on a full disk only; other errors go to the guest, unseen.
        blind.add("ioError")
    return frozenset(blind)


def _stored(place: Place, dependent: str, disk: ET.Element, pools: Pools) -> Iterator[Item]:
    """Yield what a disk is made of, down its chain of backing images."""
    key, items = _storage(place, disk, pools)
    if not key:
        return
    yield from items
    yield RelationRecord(dependent, "STORED_ON", key)
    backing = disk.find("backingStore")
    if backing is not None:
        yield from _stored(place, key, backing, pools)


def _storage(place: Place, disk: ET.Element, pools: Pools) -> tuple[str, Iterator[Item]]:
    """Return the record key of a disk's source, and the items that declare it; "" without one."""
    source = disk.find("source")
    if source is None:
        return "", iter(())
    if source.get("protocol"):
        export = disk_export(place, source)
        return storage_key(export), normalise_export(place, export)
    path = source.get("file") or source.get("dev") or source.get("dir") or ""
    if source.get("volume"):
        path = pools.volume_path(source.get("pool", ""), source.get("volume", ""))
    if not path:
        return "", iter(())
    form = disk.find("driver")
    kind = form.get("type", "") if form is not None else ""
    return path_key(place, path), normalise_path(place, pools, path, kind)


def _virtual_nic(
    place: Place, guest: str, number: int, interface: ET.Element, networks: Networks
) -> Iterator[Item]:
    key, address = _nic_key(guest, number, interface), _mac(interface)
    weak = (place.key("mac", address),) if address else ()
    yield Record(
        key,
        "VirtualNic",
        address or f"nic{number}",
        keys=(place.key("ownerInterface", key.removeprefix("vnic:")), *weak),
        watched=("unplugged",),
    )
    yield RelationRecord(guest, "USES", key)
    yield from _plugged(place, key, interface, networks)


def _link(place: Place, key: str, interface: ET.Element, *, active: bool) -> Observation:
    link = interface.find("link")
    if link is not None and link.get("state") == "down":
        return abnormal(key, "unplugged", place.look, "its link is set down")
    return (
        healthy(key, "unplugged", place.look)
        if active
        else withdrawn(key, "unplugged", place.look)
    )


def _nic_key(guest: str, number: int, interface: ET.Element) -> str:
    # The MAC stays when the order of the devices changes; the number does not.
    return f"vnic:{guest.removeprefix('vm:')}/{_mac(interface) or number}"


def _mac(interface: ET.Element) -> str:
    mac = interface.find("mac")
    return mac.get("address", "") if mac is not None else ""


def _plugged(place: Place, key: str, interface: ET.Element, networks: Networks) -> Iterator[Item]:
    """Yield what a virtual NIC is plugged into; nothing for user-mode and passed-through ones."""
    source = interface.find("source")
    if source is None:
        return
    network, bridge, device = (source.get(name, "") for name in ("network", "bridge", "dev"))
    if network in networks.by_name:
        yield RelationRecord(key, "ATTACHED_TO", networks.by_name[network].key)
    elif bridge:
        yield from normalise_bridge(place, networks, bridge)
        yield RelationRecord(key, "ATTACHED_TO", networks.bridge_key(place, bridge))
    elif device:
        yield from normalise_nic(place, device)
        yield RelationRecord(key, "CONNECTED_TO", nic_key(place, device))
