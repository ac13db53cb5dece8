"""From a cluster to records that carry who takes care of them. Pure.

What a person has taken out of Pacemaker's hands (unmanaged, maintenance) carries no such label.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from ingest.pacemaker.resources import Cluster, Resource
from kgraph.schema import Record, RelationRecord
from kgraph.sourcekit import MANAGED_BY, Here, Look, Machine, local_name
from kgraph.sourcekit.machines import GUEST, Told

OWNER = "Pacemaker"
_UNITS = ("systemd", "service", "lsb")
_FENCING = "stonith"  # devices that fence: nothing that could fail for anybody


def normalise(told: Cluster, name: str, here: Here) -> Iterator[Told]:
    """Yield the nodes, and each resource as what it is elsewhere: a guest, a unit, a service."""
    look = here.look(f"pacemaker/{name}")
    for node, managed in told.nodes.items():
        yield Machine(f"machine:{node}", node, labels=_owned(by_us=told.managed and managed))
    for listed in told.resources:
        # What runs in a container of a bundle runs on no machine that is listed.
        resource = replace(listed, nodes=tuple(n for n in listed.nodes if n in told.nodes))
        standard = resource.agent.partition(":")[0]
        if standard == _FENCING:
            continue
        labels = _owned(by_us=told.managed and resource.managed)
        if resource.agent.endswith(":VirtualDomain"):
            guest = PurePosixPath(resource.defined_by).stem or resource.id
            yield Machine(f"guest:{guest}", guest, kind=GUEST, labels=labels)
        elif standard in _UNITS:
            yield from _unit(resource, labels, here)
        else:
            yield from _service(resource, labels, name, look, here)


def _owned(*, by_us: bool) -> dict[str, str]:
    return {MANAGED_BY: OWNER} if by_us else {}


def _unit(resource: Resource, labels: dict[str, str], here: Here) -> Iterator[Told]:
    """Name a unit as systemd's own source does; how it is, that one tells."""
    unit = resource.agent.rpartition(":")[2]
    unit = unit if unit.endswith(".service") else f"{unit}.service"
    for node in resource.nodes:
        key = here.key("name", local_name(node, unit))
        yield Record(f"unit:{node}/{unit}", "ServiceInstance", f"{node}/{unit}", (key,), labels)
        yield RelationRecord(f"unit:{node}/{unit}", "RUNS_ON", f"machine:{node}")


def _service(
    resource: Resource, labels: dict[str, str], cluster: str, look: Look, here: Here
) -> Iterator[Told]:
    key = f"resource:{cluster}/{resource.id}"
    yield Record(
        key,
        "ServiceInstance",
        f"{cluster}/{resource.id}",
        (here.key("name", f"{cluster}/{resource.id}"),),
        labels,
        {"agent": resource.agent, "role": resource.role},
        watched=("down",),
        volatile=frozenset({"role"}),
    )
    for node in resource.nodes:
        yield RelationRecord(key, "RUNS_ON", f"machine:{node}", "nodes", 1)
    if resource.failed:
        yield look.sees(key, "down", f"Pacemaker: {resource.id} has failed")
    elif resource.active:
        yield look.sees(key, "down", "")
    else:
        yield look.withdraws(key, "down")  # stopped, and a person may have wanted that
