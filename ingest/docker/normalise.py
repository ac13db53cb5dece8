"""From an engine's answers to records and states. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ingest.docker.fetch import Answers
from kgraph.schema import Observation, Record, RelationRecord
from kgraph.sourcekit import Here, Look, Machine, Node
from kgraph.sourcekit.machines import Told

_COMPOSE = "com.docker.compose"
_LABELS = frozenset({"owner", "tenant", "runbook", "contact"})
_NO_NETWORK = frozenset({"host", "null"})  # drivers that are the machine itself, or nothing
# What a container ends with when it was told to: done, interrupted, terminated.
_WANTED = frozenset({0, 130, 143})


def normalise(told: Answers, host: str, here: Here) -> Iterator[Told]:
    """Yield the machine, the engine as its probe, networks, volumes, containers, services."""
    machine, look = f"machine:{host}", here.look(f"docker/{host}")
    yield Machine(machine, host)
    probe = f"probe:docker/{host}"
    yield Record(
        probe,
        "Probe",
        f"docker {host}",
        (here.key("probeAddress", f"docker/{host}"),),
        props={"detector": look.detector},
    )
    yield RelationRecord(probe, "RUNS_ON", machine)
    yield look.sees(probe, "down", "")  # it has answered
    for network in told.networks:
        yield from _network(network, host, here)
    for volume in told.volumes:
        yield from _volume(volume, host, here)
    bridged = {n.needed("Id") for n in told.networks if n.text("Driver") not in _NO_NETWORK}
    volumes = {v.needed("Name") for v in told.volumes}
    services = {service for c in told.containers if (service := _service_key(c, host))}
    for container in told.containers:
        key = _key(container)
        yield _container(container, host, here)
        yield RelationRecord(key, "RUNS_ON", machine)
        yield RelationRecord(key, "WATCHED_BY", probe)
        for _, end in container.at("NetworkSettings", "Networks").pairs():
            if end.text("NetworkID") in bridged:
                yield RelationRecord(key, "ATTACHED_TO", f"network:{end.text('NetworkID')}")
        for mount in container.at("Mounts").each():
            if mount.text("Type") == "volume" and mount.text("Name") in volumes:
                yield RelationRecord(key, "STORED_ON", f"volume:{host}/{mount.text('Name')}")
        yield from _service(container, host, services, here)
        yield from _seen(key, container, look)


def _key(container: Node) -> str:
    return f"container:{container.needed('Id')}"


def _network(node: Node, host: str, here: Here) -> Iterator[Told]:
    driver, name = node.text("Driver"), node.needed("Name")
    if driver in _NO_NETWORK:
        return
    key = f"network:{node.needed('Id')}"
    bridge = node.text("Options", "com.docker.network.bridge.name")
    claims = [here.key("networkUuid", node.needed("Id"))]
    yield Record(
        key,
        "Network",
        f"{host}/{name}" if node.text("Scope") == "local" else name,
        tuple(claims),
        props={"driver": driver, **({"bridge": bridge} if bridge else {})},
    )
    if node.text("Scope") == "local":
        yield RelationRecord(key, "USES", f"machine:{host}")


def _volume(node: Node, host: str, here: Here) -> Iterator[Told]:
    name = node.needed("Name")
    key = f"volume:{host}/{name}"
    props = {"driver": node.text("Driver"), "path": node.text("Mountpoint")}
    yield Record(
        key, "Volume", name, (here.key("volumeKey", f"docker/{host}/{name}"),), props=props
    )
    address = _nfs(node.at("Options"))
    if address:
        export = f"export:{address}"
        yield Record(export, "StorageExport", address, (here.key("exportAddress", address),))
        yield RelationRecord(key, "STORED_ON", export)
    elif node.text("Driver") == "local":
        yield RelationRecord(key, "DEPENDS_ON", f"machine:{host}")


def _nfs(options: Node) -> str:
    """Return the address of the export that a volume mounts, "" where it mounts none."""
    if options.text("type") not in {"nfs", "nfs4"}:
        return ""
    words = dict(w.partition("=")[::2] for w in options.text("o").split(","))
    server, path = words.get("addr", "").lower(), options.text("device").lstrip(":").strip("/")
    return f"nfs://{f'[{server}]' if ':' in server else server}/{path}" if server else ""


def _container(node: Node, host: str, here: Here) -> Record:
    labels = {n: v.text() for n, v in node.at("Config", "Labels").pairs() if n in _LABELS}
    project = _label(node, "project")
    name = node.needed("Name").removeprefix("/")
    return Record(
        _key(node),
        "Container",
        name,
        (here.key("containerId", node.needed("Id")), here.key("name", f"{host}/{name}")),
        labels | ({"composeProject": project} if project else {}),
        {"image": node.text("Config", "Image"), "restarts": node.whole("RestartCount")},
        watched=("down", "killed", "errors"),
        volatile=frozenset({"restarts"}),
    )


def _service_key(node: Node, host: str) -> str:
    """Return the record key of a container's Compose service, "" where it has none."""
    project, name = _label(node, "project"), _label(node, "service")
    return f"service:{host}/{project}/{name}" if project and name else ""


def _service(node: Node, host: str, services: set[str], here: Here) -> Iterator[Told]:
    """Yield the Compose service of a container, and those that it was told to wait for."""
    key = _service_key(node, host)
    if not key:
        return
    project, name = _label(node, "project"), _label(node, "service")
    claims = (
        here.key("clusterService", f"{host}/{project}/{name}"),
        here.key("serviceName", name),
    )
    yield Record(key, "Service", f"{project}/{name}", claims)
    yield RelationRecord(key, "RUNS_ON", _key(node), "containers", 1)
    for each in filter(None, _label(node, "depends_on").split(",")):
        other = f"service:{host}/{project}/{each.partition(':')[0]}"
        if other in services:
            yield RelationRecord(key, "CALLS", other)


def _label(node: Node, name: str) -> str:
    return node.text("Config", "Labels", f"{_COMPOSE}.{name}")


def _seen(key: str, node: Node, look: Look) -> Iterator[Observation]:
    """Yield how a container is; one that ended as it was told to is unknown, and no fault."""
    state = node.at("State")
    status, code = state.text("Status"), state.whole("ExitCode")
    ended = status in {"exited", "dead"} and (code not in _WANTED or status == "dead")
    why = state.text("Error") or f"it ended with {code}"
    if status == "running":
        yield look.sees(key, "down", "")
        yield look.sees(key, "killed", "")
    elif status == "restarting":
        yield look.sees(key, "down", f"it restarts again and again: {why}")
    elif ended:
        yield look.sees(key, "down", why)
        # A kill for memory shows as 137 alone where the engine didn't see it.
        killed = state.flag("OOMKilled") or code == 137
        yield look.sees(key, "killed", f"it was killed: {why}" if killed else "")
    else:
        yield look.withdraws(key, "down")
        yield look.withdraws(key, "killed")
    health = state.text("Health", "Status")
    if health in {"healthy", "unhealthy"} and status == "running":
        yield look.sees(key, "errors", "its health check fails" if health == "unhealthy" else "")
    else:
        yield look.withdraws(key, "errors")
