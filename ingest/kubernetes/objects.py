"""Objects of a cluster, by kind, with the references between them resolved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from kgraph.sourcekit import Node, parsed

RESOURCES = (
    "nodes",
    "pods",
    "replicasets.apps",
    "deployments.apps",
    "statefulsets.apps",
    "daemonsets.apps",
    "services",
    "endpointslices.discovery.k8s.io",
    "ingresses.networking.k8s.io",
    "persistentvolumes",
    "persistentvolumeclaims",
)
WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})


def place(node: Node) -> str:
    """Return `namespace/name`, or the name of what has no namespace."""
    namespace, name = node.text("metadata", "namespace"), node.needed("metadata", "name")
    return f"{namespace}/{name}" if namespace else name


@dataclass(frozen=True)
class Objects:
    """Kind -> `namespace/name` -> object."""

    by_kind: Mapping[str, Mapping[str, Node]]

    def of(self, kind: str) -> Mapping[str, Node]:
        """Return the objects of a kind."""
        return self.by_kind.get(kind, {})

    def workload(self, pod: Node) -> tuple[str, str] | None:
        """Return kind and `namespace/name` of what keeps a pod up; None for jobs and lone pods."""
        owner = _owner(pod)
        namespace = pod.text("metadata", "namespace")
        if owner is not None and owner[0] == "ReplicaSet":
            replicas = self.of("ReplicaSet").get(f"{namespace}/{owner[1]}")
            owner = _owner(replicas) if replicas is not None else None
        if owner is None or owner[0] not in WORKLOADS:
            return None
        return owner[0], f"{namespace}/{owner[1]}"

    @cached_property
    def members(self) -> Mapping[str, tuple[str, ...]]:
        """Service -> pods behind it, ready or not."""
        found: dict[str, dict[str, None]] = defaultdict(dict)
        for part in self.of("EndpointSlice").values():
            namespace = part.text("metadata", "namespace")
            service = part.text("metadata", "labels", "kubernetes.io/service-name")
            for end in part.at("endpoints").each():
                if end.text("targetRef", "kind") == "Pod":
                    pod = f"{namespace}/{end.needed('targetRef', 'name')}"
                    found[f"{namespace}/{service}"][pod] = None
        return {name: tuple(pods) for name, pods in found.items()}


def _owner(node: Node) -> tuple[str, str] | None:
    for owner in node.at("metadata", "ownerReferences").each():
        if owner.flag("controller"):
            return owner.needed("kind"), owner.needed("name")
    return None


def objects(text: str, where: str) -> Objects:
    """Read a `List` of objects.

    Raises:
        SourceError: it is none, or an object lacks its kind or name.
    """
    root = parsed(text, where)
    if root.text("kind") != "List":
        raise root.at("kind").wrong("List")
    found: dict[str, dict[str, Node]] = defaultdict(dict)
    for item in root.at("items").each():
        found[item.needed("kind")][place(item)] = item
    return Objects(found)
