"""From what is listed to records and states. Pure.

Servers of a host that is gone stay ACTIVE, so ACTIVE is no health. What is known for certain are
faults: a server in ERROR, a service that stopped reporting, a port that did not come up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from ingest.openstack import masakari
from ingest.openstack.fetch import Objects
from ingest.openstack.room import Room
from kgraph.schema import Record, RelationRecord
from kgraph.sourcekit import MANAGED_BY, Here, Look, Machine, Node, local_name, spelled_uuid
from kgraph.sourcekit.machines import Told

# A server that is none of these has no domain that runs.
_RUNNING = frozenset({"ACTIVE", "PAUSED", "REBOOT", "HARD_REBOOT", "PASSWORD", "RESIZE"})
_RUNNING |= {"VERIFY_RESIZE", "REVERT_RESIZE", "MIGRATING", "RESCUE"}


def normalise(told: Objects, region: str, here: Here) -> Iterator[Told]:
    """Yield hypervisors, services, networks, volumes, then servers and their ports."""
    look = here.look(f"openstack/{region}")
    hosts = {node.needed("hypervisor_hostname"): node for node in told.hypervisors}
    room = Room.of(told.providers)
    cordoned, recovered = _cordoned(told.services), masakari.recovered(told)
    by_service = {node.text("service", "host"): name for name, node in hosts.items()}
    for name, node in hosts.items():
        yield _hypervisor(name, node, room, cordoned, recovered)
    yield from _services(told, by_service, here, look)
    for network in told.networks:
        yield _network(network, here)
    for volume in told.volumes:
        yield from _volume(volume, region, here)
    networks = {network.needed("id") for network in told.networks}
    volumes = {volume.needed("id") for volume in told.volumes}
    servers = {server.needed("id"): server for server in told.servers}
    for server in servers.values():
        yield from _server(server, hosts, volumes, room, here, look)
    for port in told.ports:
        if port.text("device_id") in servers:
            yield from _port(port, servers[port.text("device_id")], networks, here, look)


def _cordoned(services: Iterable[Node]) -> set[str]:
    """Return the hosts where Nova places nothing, because somebody has disabled its service."""
    computes = (s for s in services if s.text("binary") == "nova-compute")
    return {s.text("host") for s in computes if s.text("status") == "disabled"}


def _hypervisor(
    name: str, node: Node, room: Room, cordoned: Collection[str], recovered: Collection[str]
) -> Machine:
    address, compute = node.text("host_ip"), node.text("service", "host")
    labels = {"cordoned": "true"} if compute in cordoned else {}
    labels |= {MANAGED_BY: masakari.OWNER} if compute in recovered else {}
    return Machine(
        f"hypervisor:{name}", name, "", (address,) if address else (),
        labels=labels, props=room.of_host(name), kind="Host",
    )  # fmt: skip


def _services(
    told: Objects, by_service: Mapping[str, str], here: Here, look: Look
) -> Iterator[Told]:
    """Yield what runs on hosts and reports to Nova, Cinder or Neutron."""
    for service in told.services:
        yield from _service(service, by_service, here, look)
    for service in told.volume_services:
        told_by = (service.needed("host"), service.needed("binary"), "Cinder")
        yield from _reporting(told_by, by_service, here, look, alive=service.text("state") == "up")
    # OVN's agents have a sentence for a host once their chassis has gone.
    for agent in (agent for agent in told.agents if " " not in agent.text("host")):
        binary = agent.text("binary") or agent.needed("agent_type")
        told_by = (agent.needed("host"), binary, "Neutron")
        yield from _reporting(told_by, by_service, here, look, alive=agent.flag("alive"))


def _service(node: Node, by_service: Mapping[str, str], here: Here, look: Look) -> Iterator[Told]:
    told_by = (node.needed("host"), node.needed("binary"), "Nova")
    state = node.text("state")
    alive = None if state not in {"up", "down"} else state == "up"
    yield from _reporting(told_by, by_service, here, look, alive=alive)


def _reporting(
    told_by: tuple[str, str, str],
    hosts: Mapping[str, str],
    here: Here,
    look: Look,
    *,
    alive: bool | None,
) -> Iterator[Told]:
    """Yield a service that reports, on which host, and to whom; and whether it does."""
    host, binary, to = told_by
    name = f"{host}/{binary}"
    key = f"service:{name}"
    # As systemd calls it on its machine, where its unit is named like the program.
    unit = local_name(host.partition("@")[0], f"{binary}.service")
    claims = (here.key("name", name), here.key("name", unit))
    yield Record(key, "ServiceInstance", name, claims, watched=("down",))
    if host in hosts:
        yield RelationRecord(key, "RUNS_ON", f"hypervisor:{hosts[host]}")
    if alive is not None:
        gone = f"{binary} on {host} has stopped reporting to {to}"
        yield look.sees(key, "down", "" if alive else gone)


def _network(node: Node, here: Here) -> Record:
    number, name = node.needed("id"), node.text("name")
    named = (here.key("name", name),) if name else ()
    claims = (here.key("networkUuid", number), *named)
    physical = node.text("provider:physical_network")
    props = {"physicalNetwork": physical} if physical else {}
    return Record(f"network:{number}", "Network", name or number, claims, props=props)


def _volume(node: Node, region: str, here: Here) -> Iterator[Told]:
    number = node.needed("id")
    key = f"volume:{number}"
    claims = (here.key("volumeKey", f"cinder/{number}"),)
    sizes = {"sizeBytes": node.whole("size") << 30}
    yield Record(key, "Volume", node.text("name") or number, claims, props=sizes)
    pool = node.text("os-vol-host-attr:host")
    if pool:
        place = f"pool:{region}/{pool}"
        # Every region that follows the same guide has a pool of the same name.
        unique = here.key("poolUuid", f"cinder/{region}/{pool}")
        yield Record(place, "StoragePool", pool, (unique, here.key("name", pool)))
        yield RelationRecord(key, "STORED_ON", place)


def _server(
    node: Node,
    hosts: Mapping[str, Node],
    volumes: set[str],
    room: Room,
    here: Here,
    look: Look,
) -> Iterator[Told]:
    number, name, status = node.needed("id"), node.text("name"), node.needed("status")
    key = f"server:{number}"
    claims = (here.key("vmUuid", number), *((here.key("name", name),) if name else ()))
    project = node.text("tenant_id")
    labels = ({"tenant": project} if project else {}) | masakari.of_server(node)
    host = node.text("OS-EXT-SRV-ATTR:hypervisor_hostname")
    props = {"status": status, **room.of_server(number, host)}
    yield Record(
        key,
        "VirtualMachine",
        name or number,
        claims,
        labels,
        props,
        volatile=frozenset({"status"}),
    )
    if host in hosts:
        relation = "RUNS_ON" if status in _RUNNING or status == "ERROR" else "MEMBER_OF"
        yield RelationRecord(key, relation, f"hypervisor:{host}")
    for each in node.at("os-extended-volumes:volumes_attached").each():
        if each.needed("id") in volumes:
            yield RelationRecord(key, "STORED_ON", f"volume:{each.text('id')}")
    if status == "ERROR":
        why = node.text("fault", "message") or "no reason given"
        yield look.sees(key, "anomaly", f"Nova says ERROR: {why}")
    else:
        yield look.withdraws(key, "anomaly")


def _port(node: Node, server: Node, networks: set[str], here: Here, look: Look) -> Iterator[Told]:
    number, mac = node.needed("id"), node.needed("mac_address").lower()
    key, owner = f"port:{number}", server.needed("id")
    claims = (
        here.key("ownerInterface", f"{spelled_uuid(owner)}/{mac}"),
        here.key("portId", number),
        here.key("mac", mac),
    )
    yield Record(key, "VirtualNic", mac, claims, watched=("unplugged",))
    yield RelationRecord(f"server:{owner}", "USES", key)
    if node.text("network_id") in networks:
        yield RelationRecord(key, "ATTACHED_TO", f"network:{node.text('network_id')}")
    status, running = node.text("status"), server.text("status") == "ACTIVE"
    if running and status == "DOWN":
        yield look.sees(key, "unplugged", "Neutron says DOWN, though its server is ACTIVE")
    elif running and status == "ACTIVE":
        yield look.sees(key, "unplugged", "")
    else:
        yield look.withdraws(key, "unplugged")
