"""What objects say of their own health, and where they say nothing."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.schema import Observation
from kgraph.sourcekit import Look, Node

# A container that waits for these waits for somebody to mend something.
_STUCK = frozenset(
    {
        *("CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "InvalidImageName"),
        *("CreateContainerConfigError", "CreateContainerError", "RunContainerError"),
    }
)
_PRESSURES = {"MemoryPressure": "memory", "DiskPressure": "disk", "NetworkUnavailable": "network"}


def of_node(key: str, node: Node, look: Look) -> Iterator[Observation]:
    """Yield what a node reports: a kubelet that is silent, or one that is unwell."""
    told = _conditions(node)
    status, detail = told.get("Ready", ("", ""))
    if status == "Unknown":
        yield look.sees(key, "unreachable", f"its kubelet is silent: {detail}")
        yield look.withdraws(key, "anomaly")
        for signal in _PRESSURES.values():  # they are as old as the silence
            yield look.withdraws(key, signal)
        return
    if status in {"True", "False"}:
        yield look.sees(key, "unreachable", "")
        yield look.sees(key, "anomaly", "" if status == "True" else f"not ready: {detail}")
    for condition, signal in _PRESSURES.items():
        if condition in told:
            status, detail = told[condition]
            yield look.sees(key, signal, f"{condition}: {detail}" if status == "True" else "")


def of_pod(key: str, pod: Node, look: Look, hindrance: str) -> Iterator[Observation]:
    """Yield what a pod reports; one that starts or is being ended is unknown.

    Args:
        key: its record.
        pod: the object.
        look: who looks.
        hindrance: what keeps it from starting, as events tell.
    """
    status = pod.at("status")
    evicted = status.text("reason") == "Evicted"
    killed = "OOMKilled" in set(_endings(status))
    yield look.sees(key, "evicted", status.text("message") or "evicted" if evicted else "")
    yield look.sees(key, "killed", "a container ran out of memory" if killed else "")
    ending = pod.text("metadata", "deletionTimestamp")
    ready = _conditions(pod).get("Ready", ("", ""))[0] == "True"
    trouble = _trouble(pod) or ("" if ready else hindrance)
    if ending or (not trouble and not ready):
        yield look.withdraws(key, "down")
    else:
        yield look.sees(key, "down", trouble)


def of_workload(key: str, kind: str, node: Node, look: Look) -> Iterator[Observation]:
    """Yield whether a workload has the pods that it wants."""
    status = node.at("status")
    if kind == "DaemonSet":
        wanted, there = status.whole("desiredNumberScheduled"), status.whole("numberAvailable")
    else:
        asked = node.at("spec", "replicas")
        wanted = 1 if asked.value is None else asked.whole()
        # Before 1.22, a StatefulSet tells of ready ones alone.
        ready = "readyReplicas" if status.at("availableReplicas").value is None else ""
        there = status.whole(ready or "availableReplicas")
    lacking = f"{there} of {wanted} pods are available" if there < wanted else ""
    yield look.sees(key, "degraded", lacking)


def _conditions(node: Node) -> dict[str, tuple[str, str]]:
    """Return type -> (status, why)."""
    return {
        c.needed("type"): (c.text("status"), c.text("message") or c.text("reason"))
        for c in node.at("status", "conditions").each()
    }


def _trouble(pod: Node) -> str:
    """Return why a pod does not serve, "" where it does or only just starts."""
    status, told = pod.at("status"), _conditions(pod)
    scheduled, detail = told.get("PodScheduled", ("", ""))
    if scheduled == "False":
        return f"no node takes it: {detail}"
    if status.text("phase") == "Failed":
        return status.text("message") or status.text("reason") or "failed"
    for container in _containers(status):
        reason = container.text("state", "waiting", "reason")
        if reason in _STUCK:
            said = container.text("state", "waiting", "message") or reason
            return f"container {container.text('name')}: {reason}: {said}".removesuffix(
                f": {reason}"
            )
    containers = list(status.at("containerStatuses").each())
    running = containers and all(c.at("state", "running").value is not None for c in containers)
    if running and told.get("Ready", ("", ""))[0] == "False":
        return f"runs and is not ready: {told['Ready'][1]}"
    return ""


def _containers(status: Node) -> Iterator[Node]:
    """Yield all, and first those without whose end the others do not begin."""
    yield from status.at("initContainerStatuses").each()
    yield from status.at("containerStatuses").each()


def _endings(status: Node) -> Iterator[str]:
    """Yield why containers ended last, those that have not come back well since."""
    for container in _containers(status):
        yield container.text("state", "terminated", "reason")
        if not container.flag("ready"):
            yield container.text("lastState", "terminated", "reason")
