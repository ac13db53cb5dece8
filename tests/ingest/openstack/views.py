"""What a furnished cloud must look like, recorded or real."""

from __future__ import annotations

from collections.abc import Iterable

from kgraph.sourcekit.machines import Told
from tests.ingest.readings import machines, records, relations

GUEST_MIB, GUEST_VCPUS = 512, 2


def assert_furnished(told: Iterable[Told]) -> None:
    """Four servers over two hosts, each on a volume and on a port of one network."""
    items = list(told)
    rows, links = records(items), relations(items)
    servers = {r.name: key for key, r in rows.items() if r.kind == "VirtualMachine"}
    assert sorted(servers) == ["vm1", "vm2", "vm3", "vm4"]
    networks = {r.name: key for key, r in rows.items() if r.kind == "Network"}
    assert sorted(networks) == ["dmz", "lan", "shop"]
    pools = {key for key, r in rows.items() if r.kind == "StoragePool"}
    assert len(pools) == 1
    for name, server in servers.items():
        assert rows[server].props["memoryBytes"] == GUEST_MIB << 20
        assert rows[server].props["vcpus"] == GUEST_VCPUS
        below = {type_: other for one, type_, other in links if one == server}
        assert below["RUNS_ON"] == f"hypervisor:h{1 + int(name[-1]) % 2}"
        assert rows[below["STORED_ON"]].name == f"disk{name[-1]}"
        assert (below["STORED_ON"], "STORED_ON", *pools) in links
        assert (below["USES"], "ATTACHED_TO", networks["shop"]) in links
    for host in machines(items).values():
        assert host.props == {
            "memoryBytes": 8192 << 20,
            "reservedMemoryBytes": 512 << 20,
            "cpus": 10,
            "cpuOvercommit": 4.0,
        }
    services = {r.name for r in rows.values() if r.kind == "ServiceInstance"}
    assert {"h1/nova-compute", "store1@fake/cinder-volume", "h2/ovn-controller"} <= services
    assert ("service:h1/ovn-controller", "RUNS_ON", "hypervisor:h1") in links
