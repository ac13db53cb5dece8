"""Ceph and Proxmox speak of all their parts at the address of one machine that is not meant."""

from __future__ import annotations

import pytest

from kgraph.schema import Entity, Key, Relation, Subgraph
from kgraph.signals import Alert, EstateIndex, Resolution, load_packs, resolve
from tests.kgraph.signals.estates import entity

MANAGER = {"instance": "10.0.0.1:9283", "host": "pve1", "node": "pve1", "job": "ceph"}
FSID = "4b1a3b52-1f0e-4f5e-9c35-0b7c0f4d2a11"
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
    # As the source `ceph` names them.
    Entity("pool-read", "StoragePool", "ceph/fast", props={"alertName": "fast"}),
    Entity("cluster", "Cluster", "ceph-a", props={"alertName": FSID}),
    entity("vg", "StoragePool", "pve2/fast"),
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
        ("CephOSDFull", {"ceph_daemon": "osd.3", "hostname": "pve2"}, "saturation", "osd-3"),
        ("CephOsdDown", {"osd": "osd.4"}, "down", "osd-4"),
        ("CephOSDFlapping", {"ceph_daemon": "osd.4", "hostname": "pve2"}, "anomaly", "osd-4"),
        ("CephOSDHostDown", {"hostname": "pve2"}, "down", "pve2"),
        ("CephMonDown", {"ceph_daemon": "mon.pve2"}, "down", "mon-2"),
        ("CephPGsInactive", {"name": "rbd", "pool_id": "2"}, "offline", "pool"),
        ("CephPGsUnclean", {"name": "fast"}, "degraded", "pool-read"),
        ("CephPGsUnclean", {"name": "fast", "cluster": "ceph-a"}, "degraded", "pool-read"),
        ("CephPoolNearFull", {"name": "fast", "cluster": FSID}, "filling", "pool-read"),
        ("CephPoolFull", {"name": "rbd"}, "full", "pool"),
        ("CephPoolNearFull", {"pool": "rbd"}, "filling", "pool"),
        ("CephHealthWarning", {"cluster": "ceph-a"}, "degraded", "cluster"),
        ("CephHealthWarning", {"cluster": FSID}, "degraded", "cluster"),
        ("CephHealthError", {"fsid": FSID}, "degraded", "cluster"),
        ("CephSlowOps", {"cluster": "ceph-a"}, "anomaly", "cluster"),
        ("CephDaemonSlowOps", {"ceph_daemon": "osd.4"}, "latency", "osd-4"),
        ("CephDaemonDown", {"ceph_daemon": "osd.4"}, "down", "osd-4"),
        ("CephPGUnavailableBlockingIO", {"name": "rbd"}, "offline", "pool"),
        ("CephPgsUnavailable", {"name": "rbd"}, "offline", "pool"),
        ("ceph_pg_down", {"name": "rbd"}, "offline", "pool"),
        ("CephPGsHighPerOSD", {"name": "rbd"}, "anomaly", "pool"),
        ("CephPGNotScrubbed", {"name": "rbd"}, "degraded", "pool"),
        ("CephNodeDown", {"instance": "pve1:9283", "node": "pve2"}, "down", "pve2"),
    ],
)
def test_what_a_ceph_cluster_tells_is_of_the_part_that_it_names(
    name: str, labels: dict[str, str], signal: str, uid: str
) -> None:
    said, found = _asked(name, **(MANAGER | labels))
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


def test_a_pool_of_one_machine_is_not_the_pool_of_a_cluster_that_is_called_alike() -> None:
    assert _asked("StoragePoolFull", pool="fast", instance="pve2:9100")[1].uid == "vg"


@pytest.mark.parametrize("value", [["osd.4"], 7, None])
def test_what_alerts_call_a_thing_counts_as_a_text_and_of_software_and_storage_alone(
    value: object,
) -> None:
    odd = Entity("odd", "StoragePool", "a", props={"alertName": value})
    other = Entity("other", "Volume", "b", props={"alertName": "osd.4"})
    index = EstateIndex.of(Subgraph((odd, other), ()))
    assert set(index.names) == {"odd", "a", "other", "b"}


def test_of_an_osd_that_two_clusters_have_the_machine_of_the_manager_says_nothing() -> None:
    for name in ("CephOSDDown", "CephOSDFull", "CephOSDFlapping", "CephDaemonSlowOps"):
        found = _asked(name, **MANAGER, ceph_daemon="osd.3")[1]
        assert found.uids == ("osd-3", "osd-3-too"), name


def test_an_osd_that_only_the_text_names_is_found() -> None:
    text = "2 OSDs are down.\n\nThe following OSDs are down:\n- osd.3 on pve2\n- osd.4 on x"
    said, found = _asked("CephOSDDown", text, **MANAGER, name="OSD_DOWN")
    assert (said, found.uid) == ("down", "osd-3")


def test_a_monitor_or_a_machine_that_only_the_text_names_is_found() -> None:
    assert _asked("CephMonDown", "down:\n- mon.pve2 on pve2", **MANAGER)[1].uid == "mon-2"
    assert _asked("CephOSDHostDown", "down:\n- pve2 : osd.3", **MANAGER)[1].uid == "pve2"


def test_a_text_on_one_line_names_as_well() -> None:
    osds = "The following OSDs are down: - osd.9 on x - osd.3 on pve2"
    assert _asked("CephOSDDown", osds, **MANAGER)[1].uid == "osd-3"
    monitors = "The following monitors are down: - mon.pve2 on pve2"
    assert _asked("CephMonDown", monitors, **MANAGER)[1].uid == "mon-2"
    hosts = "The following OSDs are down: - x : osd.9 - pve2 : osd.3"
    assert _asked("CephOSDHostDown", hosts, **MANAGER)[1].uid == "pve2"


def test_what_a_node_of_the_cluster_reports_is_of_that_node() -> None:
    found = _asked("CephNodeNetworkPacketDrops", instance="pve2:9100", device="eno1")[1]
    assert found.uid == "pve2"


@pytest.mark.parametrize("name", ["PVEGuestDown", "ProxmoxVmStopped", "GuestNotRunning"])
def test_a_guest_of_proxmox_is_not_the_node_that_was_asked(name: str) -> None:
    said, found = _asked(name, id="qemu/101", name="web", instance="pve1")
    assert (said, found.uid) == ("down", "guest")


def test_a_member_of_proxmox_is_no_memory() -> None:
    labels = {"id": "qemu/101", "name": "web", "instance": "pve1"}
    assert _asked("PveGuestMemberMissing", **labels)[0] == "anomaly"
    assert _asked("PveGuestMemHigh", **labels)[0] == "memory"


def test_a_guest_of_proxmox_that_nobody_knows_is_nobody() -> None:
    assert _asked("PVEGuestDown", id="lxc/9", name="x", instance="pve1")[1].uids == ()
    assert _asked("PVENodeDown", **NODE)[1].uid == "pve1"
