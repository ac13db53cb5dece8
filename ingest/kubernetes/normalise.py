"""From objects to records. Pure.

A workload or service stands while one of its pods does; how many it wants is told by its own
condition. A node is a machine that the graph knows better: by the UUID of its firmware.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ingest.kubernetes.conditions import of_node, of_pod, of_workload
from ingest.kubernetes.events import hindered, is_past
from ingest.kubernetes.objects import WORKLOADS, Objects
from ingest.kubernetes.volumes import claimed, volume
from ingest.kubernetes.within import Within
from kgraph.schema import Record, RelationRecord
from kgraph.sourcekit import MANAGED_BY, Here, Look, Machine, Node
from kgraph.sourcekit.clocks import Clock
from kgraph.sourcekit.machines import Told

_ADDRESSES = frozenset({"InternalIP", "ExternalIP"})
_ZONES = {"topology.kubernetes.io/zone": "zone", "topology.kubernetes.io/region": "region"}
_KEPT = {MANAGED_BY: "Kubernetes"}
_OURS = frozenset({"owner", "tenant", "runbook", "contact"})


def normalise(
    told: Objects, cluster: str, here: Here, clock: Clock | None = None
) -> Iterator[Told]:
    """Yield the cluster, its nodes, volumes, pods, workloads, services and ingresses."""
    look = here.look(f"kubernetes/{cluster}")
    yield Record(f"cluster:{cluster}", "Cluster", cluster, (here.key("name", cluster),))
    for name, node in told.of("Node").items():
        yield from _node(name, node, cluster, look)
    for name, node in told.of("PersistentVolume").items():
        yield from volume(name, node, told, Within(cluster, here, look))
    hindrances = hindered(told, clock or Clock(cluster), here.now)
    pods = dict(_pods(told, here, clock))
    for name, pod in pods.items():
        yield from _pod(name, pod, told, Within(cluster, here, look))
        hindrance = hindrances.get(name, "")
        yield from of_pod(f"pod:{cluster}/{name}", pod, look, hindrance)
    for kind in sorted(WORKLOADS):
        for name, node in told.of(kind).items():
            yield from _workload(kind, name, node, Within(cluster, here, look))
    for name, node in told.of("Service").items():
        behind = [pod for pod in told.members.get(name, ()) if pod in pods]
        yield from _service(name, node, behind, Within(cluster, here, look))
    for name, node in told.of("Ingress").items():
        yield from _ingress(name, node, told, Within(cluster, here, look))


def _node(name: str, node: Node, cluster: str, look: Look) -> Iterator[Told]:
    addresses = [
        a.needed("address")
        for a in node.at("status", "addresses").each()
        if a.text("type") in _ADDRESSES
    ]
    info = node.at("status", "nodeInfo")
    labels = node.at("metadata", "labels")
    key = f"node:{cluster}/{name}"
    yield Machine(
        key,
        name,
        info.text("systemUUID"),
        tuple(addresses),
        info.text("machineID"),
        labels={
            ours: labels.text(theirs) for theirs, ours in _ZONES.items() if labels.text(theirs)
        },
        props={"kubelet": info.text("kubeletVersion")} if info.text("kubeletVersion") else {},
        watched=("unreachable",),
    )
    yield RelationRecord(key, "MEMBER_OF", f"cluster:{cluster}")
    yield from of_node(key, node, look)


def _pods(told: Objects, here: Here, clock: Clock | None) -> Iterator[tuple[str, Node]]:
    """Yield the pods that are there for something: not those that are done, or failed long ago."""
    for name, pod in told.of("Pod").items():
        done = pod.text("status", "phase") == "Succeeded"
        if not done and not (clock is not None and is_past(pod, clock, here.now)):
            yield name, pod


def _pod(name: str, pod: Node, told: Objects, within: Within) -> Iterator[Told]:
    key = within.of("pod", name)
    workload = told.workload(pod)
    # Whatever its workload has lost, its controllers make anew: for nobody else to repair.
    kept = {"workload": "/".join(workload), **_KEPT} if workload else {}
    labels = _labels(pod, within) | kept
    yield Record(
        key,
        "Pod",
        name,
        (within.key("podUid", pod.needed("metadata", "uid")), within.key("name", name)),
        labels,
        watched=("down", "killed", "evicted"),
    )
    node = pod.text("spec", "nodeName")
    if node and node in told.of("Node"):
        yield RelationRecord(key, "RUNS_ON", within.of("node", node))
    for volume_name in claimed(pod, told):
        yield RelationRecord(key, "STORED_ON", within.of("volume", volume_name))
    if workload and workload[1] in told.of(workload[0]):
        yield RelationRecord(within.of("workload", "/".join(workload)), "RUNS_ON", key, "pods", 1)


def _workload(kind: str, name: str, node: Node, within: Within) -> Iterator[Told]:
    key = within.of("workload", f"{kind}/{name}")
    # Every cluster has a `kube-system/coredns` of its own.
    claims = (within.key("name", f"{within.cluster}/{name}"),)
    labels = _labels(node, within) | _KEPT
    yield Record(key, "Application", name, claims, labels, watched=("degraded",))
    yield RelationRecord(key, "MEMBER_OF", f"cluster:{within.cluster}")
    yield from of_workload(key, kind, node, within.look)


def _service(name: str, node: Node, pods: Iterable[str], within: Within) -> Iterator[Told]:
    key = within.of("service", name)
    claims = (
        within.key("clusterService", f"{within.cluster}/{name}"),
        within.key("serviceName", node.needed("metadata", "name")),
    )
    yield Record(key, "Service", name, claims, _labels(node, within))
    for pod in pods:
        yield RelationRecord(key, "RUNS_ON", within.of("pod", pod), "endpoints", 1)


def _ingress(name: str, node: Node, told: Objects, within: Within) -> Iterator[Told]:
    namespace = node.text("metadata", "namespace")
    default = node.text("spec", "defaultBackend", "service", "name")
    key = within.of("ingress", name)
    hosts = [rule.text("host") for rule in node.at("spec", "rules").each()]
    host = next(filter(None, hosts), "")
    known = within.key("name", host or f"{within.cluster}/{name}")
    yield Record(key, "Endpoint", host or name, (known,))
    paths = (p for r in node.at("spec", "rules").each() for p in r.at("http", "paths").each())
    named = [default, *(path.text("backend", "service", "name") for path in paths)]
    for service in dict.fromkeys(filter(None, named)):
        if f"{namespace}/{service}" in told.of("Service"):
            yield RelationRecord(key, "CALLS", within.of("service", f"{namespace}/{service}"))


def _labels(node: Node, within: Within) -> dict[str, str]:
    """Return the labels that every entity may carry, the namespace, and the cluster."""
    metadata = node.at("metadata")
    told = {"namespace": metadata.text("namespace"), "cluster": within.cluster}
    for place in ("annotations", "labels"):
        told |= {n: v.text() for n, v in metadata.at(place).pairs() if n in _OURS}
    return {name: value for name, value in told.items() if value}
