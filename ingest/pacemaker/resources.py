"""What `crm_mon --output-as xml` and `cibadmin --query` tell: nodes, and resources on them. Pure.

Parameters of resources may be secrets: of them only the one that names a guest is looked at.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from kgraph.schema import SourceError

_MEND = "is this what `crm_mon --output-as xml` and `cibadmin --query` print there?"


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource, or all instances of a clone.

    Attributes:
        agent: such as `ocf:heartbeat:VirtualDomain`, `systemd:nbd1`.
        nodes: where it is active.
        managed: Pacemaker acts on it; a person may have told it not to.
        failed: one of them is enough.
        defined_by: of a guest, the file that it is defined by; else empty.
    """

    id: str
    agent: str
    role: str
    nodes: tuple[str, ...]
    managed: bool
    failed: bool
    defined_by: str = ""
    active: bool = False


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster at one moment.

    Attributes:
        name: as corosync has it, where it is told.
        managed: no person has put the whole cluster into maintenance.
        nodes: name -> whether Pacemaker manages it: no person has put it into maintenance.
    """

    name: str
    managed: bool
    nodes: Mapping[str, bool]
    resources: tuple[Resource, ...]


def cluster(status: str, configuration: str, where: str) -> Cluster:
    """Read both documents.

    Raises:
        SourceError: one is no XML, or not of this kind; or the status tells of a failure.
    """
    told, kept = _parsed(status, where), _parsed(configuration, where)
    verdict = told.find("status")
    if told.tag != "pacemaker-result" or verdict is None:
        raise SourceError(f"<{told.tag}> is no status of a cluster", where=where, mend=_MEND)
    if verdict.get("code") != "0":
        raise SourceError(f"it says: {verdict.get('message')}", where=where)
    options = told.find("summary/cluster_options")
    at_work = options is None or options.get("maintenance-mode") != "true"
    files = {each.get("id", ""): _file(each) for each in kept.iter("primitive")}
    nodes = told.iterfind("nodes/node")
    return Cluster(
        options.get("cluster-name", "") if options is not None else "",
        at_work,
        {node.get("name", ""): node.get("maintenance") != "true" for node in nodes},
        _whole(_resource(each, files) for each in told.iterfind("resources//resource")),
    )


def _whole(rows: Iterable[Resource]) -> tuple[Resource, ...]:
    """Make one of the instances of a clone, which come in a row each, all under one id."""
    found: dict[str, Resource] = {}
    for row in rows:
        one = found.get(row.id)
        found[row.id] = row if one is None else _both(one, row)
    return tuple(found.values())


def _both(one: Resource, other: Resource) -> Resource:
    return replace(
        one,
        role=other.role if other.nodes and not one.nodes else one.role,
        nodes=tuple(dict.fromkeys((*one.nodes, *other.nodes))),
        managed=one.managed and other.managed,
        failed=one.failed or other.failed,
        active=one.active or other.active,
    )


def _resource(row: ET.Element, files: dict[str, str]) -> Resource:
    id_ = row.get("id", "")
    return Resource(
        id_,
        row.get("resource_agent", ""),
        row.get("role", ""),
        tuple(node.get("name", "") for node in row.iterfind("node")),
        row.get("managed") == "true",
        row.get("failed") == "true",
        files.get(id_.partition(":")[0], ""),
        row.find("node") is not None,
    )


def _file(primitive: ET.Element) -> str:
    """Return the file that defines a guest; anything else of a resource stays where it is."""
    if primitive.get("type") != "VirtualDomain":
        return ""
    pairs = primitive.iterfind("instance_attributes/nvpair")
    return next((pair.get("value", "") for pair in pairs if pair.get("name") == "config"), "")


def _parsed(text: str, where: str) -> ET.Element:
    try:
        return ET.fromstring(text)  # noqa: S314 - as above; it is our own tool that speaks
    except ET.ParseError as error:
        raise SourceError(f"no XML: {error}", where=where, mend=_MEND) from None
