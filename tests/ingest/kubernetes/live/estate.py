"""What the cluster is furnished with, and what is to be read of it, live or recorded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kgraph.sourcekit.machines import Told
from tests.ingest.kubernetes.live.cluster import Cluster
from tests.ingest.readings import keys, machines, records, relations, wrong

UUIDS = {
    "n1": "5f2c3ad2-7e0d-4f44-9d3c-0a1b2c3d4e5f",
    "n2": "5f2c3ad2-7e0d-4f44-9d3c-0a1b2c3d4e60",
}
Object = dict[str, Any]
_LABELS = {"app": "web"}
_CONTAINER = {"name": "c", "image": "web:1"}
_SINCE = "2026-11-28T06:00:00Z"


def _condition(type_: str, status: str, reason: str = "Told") -> Object:
    when = {"lastTransitionTime": _SINCE}
    return {"type": type_, "status": status, "reason": reason, "message": reason, **when}


def node(name: str, ready: str = "True") -> Object:
    """Return a node as its kubelet would describe it."""
    info = dict.fromkeys(
        ("kernelVersion", "osImage", "containerRuntimeVersion", "kubeletVersion",
         "kubeProxyVersion", "operatingSystem", "architecture", "bootID"), "x",
    )  # fmt: skip
    status = {
        "conditions": [
            _condition("Ready", ready, "KubeletReady" if ready == "True" else "NodeStatusUnknown"),
            _condition("MemoryPressure", "False"),
        ],
        "addresses": [
            {"type": "InternalIP", "address": f"10.9.0.{name[1:]}"},
            {"type": "Hostname", "address": name},
        ],
        "nodeInfo": {**info, "systemUUID": UUIDS[name], "machineID": "0" * 31 + name[1:]},
    }
    metadata = {"name": name, "labels": {"topology.kubernetes.io/zone": "z1"}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": status}


def pod(name: str, on: str, owner: Object, *, ready: bool, volumes: list[Object]) -> Object:
    """Return a pod that runs, ready or crashing again and again."""
    state = {"running": {"startedAt": _SINCE}}
    if not ready:
        state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
    container = {
        "name": "c", "ready": ready, "restartCount": 0 if ready else 9, "image": "web:1",
        "imageID": "x", "state": state,
    }  # fmt: skip
    status = {
        "phase": "Running",
        "conditions": [
            _condition("PodScheduled", "True"),
            _condition("Ready", "True" if ready else "False", "ContainersNotReady"),
        ],
        "containerStatuses": [container],
    }
    metadata = {"name": name, "namespace": "shop", "labels": _LABELS, "ownerReferences": [owner]}
    spec = {
        "nodeName": on, "containers": [_CONTAINER], "volumes": volumes,
        "automountServiceAccountToken": False,
    }  # fmt: skip
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": spec,
        "status": status,
    }


def _owner(kind: str, name: str, uid: str) -> Object:
    return {
        "apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": True,
    }  # fmt: skip


def furnish(cluster: Cluster) -> None:
    """Make two nodes, a workload of two pods of which one crashes, its service and its volume."""
    cluster.make({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    for name in UUIDS:
        cluster.make(node(name))
    cluster.make(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": "pv1"},
            "spec": {
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteMany"],
                "nfs": {"server": "stor1", "path": "/srv/shop"},
            },
        }
    )
    cluster.make(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "namespace": "shop"},
            "spec": {
                "accessModes": ["ReadWriteMany"],
                "resources": {"requests": {"storage": "1Gi"}},
                "volumeName": "pv1",
                "storageClassName": "",
            },
        }
    )
    template = {"metadata": {"labels": _LABELS}, "spec": {"containers": [_CONTAINER]}}
    kept = {"selector": {"matchLabels": _LABELS}, "template": template, "replicas": 2}
    meta = {"namespace": "shop", "labels": {"owner": "team-shop", **_LABELS}}
    deployed = cluster.make(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", **meta},
            "spec": kept,
            "status": {"replicas": 2, "readyReplicas": 1, "availableReplicas": 1},
        }
    )
    owner = _owner("Deployment", "web", deployed)
    replicas = cluster.make(
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": "web-5d8f", **meta, "ownerReferences": [owner]},
            "spec": kept,
        }
    )
    owner = _owner("ReplicaSet", "web-5d8f", replicas)
    data = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    cluster.make(pod("web-a", "n1", owner, ready=True, volumes=data))
    cluster.make(pod("web-b", "n2", owner, ready=False, volumes=[]))
    cluster.make(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"selector": _LABELS, "ports": [{"port": 80}]},
        }
    )
    ends = [
        {
            "addresses": [f"10.1.0.{n}"],
            "targetRef": {"kind": "Pod", "name": name, "namespace": "shop"},
        }
        for n, name in enumerate(("web-a", "web-b"), 1)
    ]
    cluster.make(
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "web-x1",
                "namespace": "shop",
                "labels": {"kubernetes.io/service-name": "web"},
            },
            "addressType": "IPv4",
            "endpoints": ends,
        }
    )
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    cluster.make(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": "edge", "namespace": "shop"},
            "spec": {"rules": [{"host": "shop.example", "http": {"paths": [path]}}]},
        }
    )


def assert_furnished(told: Iterable[Told]) -> None:
    """Hold a reading of the cluster `prod` to what it was furnished with."""
    items = list(told)
    rows = records(items)
    kinds = {key: row.kind for key, row in rows.items() if "/default/" not in key}
    assert kinds == {
        "cluster:prod": "Cluster",
        "node:prod/n1": "Host",
        "node:prod/n2": "Host",
        "volume:prod/pv1": "Volume",
        "export:nfs://stor1/srv/shop": "StorageExport",
        "pod:prod/shop/web-a": "Pod",
        "pod:prod/shop/web-b": "Pod",
        "workload:prod/Deployment/shop/web": "Application",
        "service:prod/shop/web": "Service",
        "ingress:prod/shop/edge": "Endpoint",
    }
    assert {node.uuid for node in machines(items).values()} == set(UUIDS.values())
    assert "podUid" in {namespace for namespace, _ in keys(rows["pod:prod/shop/web-a"])}
    assert {
        ("pod:prod/shop/web-a", "RUNS_ON", "node:prod/n1"),
        ("pod:prod/shop/web-b", "RUNS_ON", "node:prod/n2"),
        ("pod:prod/shop/web-a", "STORED_ON", "volume:prod/pv1"),
        ("volume:prod/pv1", "STORED_ON", "export:nfs://stor1/srv/shop"),
        ("workload:prod/Deployment/shop/web", "RUNS_ON", "pod:prod/shop/web-a"),
        ("service:prod/shop/web", "RUNS_ON", "pod:prod/shop/web-b"),
        ("ingress:prod/shop/edge", "CALLS", "service:prod/shop/web"),
    } <= relations(items)
    assert wrong(items) == {
        ("pod:prod/shop/web-b", "down"): "container c: CrashLoopBackOff: back-off",
        ("workload:prod/Deployment/shop/web", "degraded"): "1 of 2 pods are available",
    }
