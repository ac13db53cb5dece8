"""Persistent volumes, and the storage under them, addressed as everybody else addresses it."""

from __future__ import annotations

from collections.abc import Iterator

from ingest.kubernetes.objects import Objects
from ingest.kubernetes.within import Within
from kgraph.schema import Record, RelationRecord
from kgraph.sourcekit import Node
from kgraph.sourcekit.machines import Told


def claimed(pod: Node, told: Objects) -> Iterator[str]:
    """Yield the names of the volumes that a pod's claims are bound to."""
    namespace = pod.text("metadata", "namespace")
    for each in pod.at("spec", "volumes").each():
        claim = each.text("persistentVolumeClaim", "claimName")
        bound = told.of("PersistentVolumeClaim").get(f"{namespace}/{claim}") if claim else None
        name = bound.text("spec", "volumeName") if bound is not None else ""
        if name in told.of("PersistentVolume"):
            yield name


def volume(name: str, node: Node, told: Objects, within: Within) -> Iterator[Told]:
    """Yield a volume, and the export or machine that it is on, where it says."""
    spec, key = node.at("spec"), within.of("volume", name)
    driver, handle = spec.text("csi", "driver"), spec.text("csi", "volumeHandle")
    # Two clusters on one storage system name one volume by its handle.
    unique = f"csi/{driver}/{handle}" if handle else f"kubernetes/{within.cluster}/{name}"
    size = spec.text("capacity", "storage")
    # Alerts speak of the claim that it is bound to.
    claim = "/".join(spec.text("claimRef", part) for part in ("namespace", "name"))
    claims = (within.key("name", claim),) if claim != "/" else ()
    yield Record(
        key,
        "Volume",
        name,
        (within.key("volumeKey", unique), *claims),
        props={"storageClass": spec.text("storageClassName"), "capacity": size},
    )
    address = _export(spec)
    if address:
        export = f"export:{address}"
        yield Record(export, "StorageExport", address, (within.key("exportAddress", address),))
        yield RelationRecord(key, "STORED_ON", export)
    for machine in _local(spec):
        if machine in told.of("Node"):
            yield RelationRecord(key, "DEPENDS_ON", within.of("node", machine))


def _export(spec: Node) -> str:
    server, path = spec.text("nfs", "server"), spec.text("nfs", "path")
    if server:
        host = server.lower().rstrip(".")
        return f"nfs://{f'[{host}]' if ':' in host else host}/{path.strip('/')}".rstrip("/")
    portal, target = spec.text("iscsi", "targetPortal"), spec.text("iscsi", "iqn")
    if portal:
        authority = portal.lower()
        with_port = authority if authority.rpartition(":")[2].isdecimal() else f"{authority}:3260"
        return f"iscsi://{with_port}/{target}"
    return ""


def _local(spec: Node) -> Iterator[str]:
    """Yield the one node that a local volume is on."""
    if spec.at("local").value is None:
        return
    for term in spec.at("nodeAffinity", "required", "nodeSelectorTerms").each():
        for match in term.at("matchExpressions").each():
            if match.text("key") == "kubernetes.io/hostname":
                yield from (value.needed() for value in match.at("values").each())
