"""Ceph and Proxmox speak of all their parts at the address of one machine that is not meant."""

from __future__ import annotations

import pytest

from kgraph.schema import Key, Relation, Subgraph
from kgraph.signals import Alert, EstateIndex, Resolution, load_packs, resolve
from tests.kgraph.signals.estates import entity

MANAGER = {"instance": "10.0.0.1:9283", "job": "ceph", "severity": "warning"}
NODE = {"id": "node/pve1", "instance": "pve1"}
ENTITIES = (
    entity("pve1", "Host", "pve1", Key("ip", "10.0.0.1")),
    entity("pve2", "Host", "pve2", Key("ip", "10.0.0.2")),
    entity("osd-3", "Disk", "osd.3"),
    entity("osd-3-too", "Disk", "osd.3"),  # of another cluster
    entity("osd-4", "Disk", "osd.4"),
    entity("mon-1", "ServiceInstance", "mon.pve1"),
    entity("mon-2", "ServiceInstance", "mon.pve2"),
    entity("pool", "StoragePool", "rbd"),
    entity("pool-read", "StoragePool", "ceph-b/fast"),  # as the source `ceph` names it
    entity("cluster", "Cluster", "ceph-a"),
    entity("guest", "VirtualMachine", "web"),
)
RELATIONS = (
    Relation("osd-3", "ATTACHED_TO", "pve2"),
    Relation("osd-3-too", "ATTACHED_TO", "pve1"),
    Relation("mon-1", "RUNS_ON", "pve1"),
    Relation("mon-2", "RUNS_ON", "pve2"),
    Relation("guest", "RUNS_ON", "pve2"),
)
INDEX = EstateIndex.of(Subgraph(ENTITIES, RELATIONS))
PACKS = load_packs()


def _asked(name: str, description: str = "", /, **labels: str) -> tuple[str, Resolution]:
    alert = Alert({"alertname": name, **labels}, {"description": description})
    entry = PACKS.match(alert)
    return entry.signal, resolve(alert, entry, INDEX)


@pytest.mark.parametrize(
    ("name", "labels", "signal", "uid"),
    [
        ("CephOSDDown", {"ceph_daemon": "osd.4"}, "down", "osd-4"),
        ("CephOSDDown", {"ceph_daemon": "osd.3", "hostname": "pve2"}, "down", "osd-3"),
        ("CephOsdDown", {"osd": "osd.4"}, "down", "osd-4"),
        ("CephOSDFlapping", {"ceph_daemon": "osd.4", "hostname": "pve2"}, "anomaly", "osd-4"),
        ("CephOSDHostDown", {"hostname": "pve2"}, "down", "pve2"),
        ("CephMonDown", {"ceph_daemon": "mon.pve2"}, "down", "mon-2"),
        ("CephPGsInactive", {"name": "rbd", "pool_id": "2"}, "offline", "pool"),
        ("CephPGsUnclean", {"name": "fast", "cluster": "ceph-b"}, "degraded", "pool-read"),
        ("CephPoolFull", {"name": "rbd"}, "full", "pool"),
        ("CephPoolNearFull", {"pool": "rbd"}, "filling", "pool"),
        ("CephHealthWarning", {"cluster": "ceph-a"}, "degraded", "cluster"),
        ("CephSlowOps", {"cluster": "ceph-a"}, "anomaly", "cluster"),
        ("CephDaemonSlowOps", {"ceph_daemon": "osd.4"}, "latency", "osd-4"),
    ],
)
def test_what_a_ceph_cluster_tells_is_of_the_part_that_it_names(
    name: str, labels: dict[str, str], signal: str, uid: str
) -> None:
    said, found = _asked(name, **MANAGER, **labels)
    assert (said, found.uid) == (signal, uid)


@pytest.mark.parametrize(
    "name",
    [
        *("CephHealthWarning", "CephHealthError", "CephMonDown", "CephOSDDown", "CephSlowOps"),
        *("CephOSDHostDown", "CephPGsDamaged", "CephPoolFull", "CephDeviceFailurePredicted"),
    ],
)
def test_the_machine_of_the_manager_is_not_ill_because_its_cluster_is(name: str) -> None:
    assert _asked(name, **MANAGER)[1].uids == ()


def test_an_osd_that_only_the_text_names_is_found() -> None:
    text = "2 OSDs are down.\n\nThe following OSDs are down:\n- osd.3 on pve2\n- osd.4 on x"
    said, found = _asked("CephOSDDown", text, **MANAGER, name="OSD_DOWN")
    assert (said, found.uid) == ("down", "osd-3")


def test_a_monitor_or_a_machine_that_only_the_text_names_is_found() -> None:
    assert _asked("CephMonDown", "down:\n- mon.pve2 on pve2", **MANAGER)[1].uid == "mon-2"
    assert _asked("CephOSDHostDown", "down:\n- pve2 : osd.3", **MANAGER)[1].uid == "pve2"


def test_what_a_node_of_the_cluster_reports_is_of_that_node() -> None:
    found = _asked("CephNodeNetworkPacketDrops", instance="pve2:9100", device="eno1")[1]
    assert found.uid == "pve2"


@pytest.mark.parametrize("name", ["PVEGuestDown", "ProxmoxVmStopped", "GuestNotRunning"])
def test_a_guest_of_proxmox_is_not_the_node_that_was_asked(name: str) -> None:
    said, found = _asked(name, id="qemu/101", name="web", instance="pve1")
    assert (said, found.uid) == ("down", "guest")


def test_a_guest_of_proxmox_that_nobody_knows_is_nobody() -> None:
    assert _asked("PVEGuestDown", id="lxc/9", name="x", instance="pve1")[1].uids == ()
    assert _asked("PVENodeDown", **NODE)[1].uid == "pve1"
