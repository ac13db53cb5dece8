"""The sources of topology: one explicit list, one module each; others come by entry points.

A source here is one module with `SOURCE = Source(...)`; see `kgraph.sourcekit`. It is loaded when
such a source is configured: nobody waits for the others. Those that hold on to the store between
two readings, or listen, are wired in `kgraph.app.sources`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from kgraph.schema import ConfigurationError
from kgraph.schema.errors import one_line
from kgraph.sourcekit import Source

GROUP = "kgraph.sources"  # entry points of other packages: `type = "package.module:SOURCE"`


_TABLE = """\
id,kind,rel.RUNS_ON,any.RUNS_ON,rel.STORED_ON,label.owner
nas,StorageExport,,,,
hv1,Host,,,,
hv2,Host,,,,
web1,VirtualMachine,hv1,,nas,
web2,VirtualMachine,hv2,,nas,
shop,Service,,web1;web2,,team-shop"""


@dataclass(frozen=True, slots=True)
class Listed:
    """One type of source: its module under `ingest`, and what it reads, in a phrase.

    `example` is the smallest of what a person writes for it, where people do.
    """

    module: str
    about: str
    example: str = ""


SHIPPED: Mapping[str, Listed] = {
    "csv": Listed("tables", "tables of entities and relations from CSV files", _TABLE),
    "ansible": Listed("ansible", "machines and services from an Ansible inventory"),
    "haproxy": Listed("haproxy", "front ends, back ends and checks of a HAProxy"),
    "systemd": Listed("systemd", "units of a machine, what they require and which failed"),
    "pacemaker": Listed("pacemaker", "what a Pacemaker cluster takes care of, so that we do not"),
    "kubernetes": Listed("kubernetes", "nodes, pods, services and volumes of a cluster"),
    "docker": Listed("docker", "containers, networks and volumes of a Docker engine"),
    "lldp": Listed("lldp", "switches and ports that a machine or switch hears on its wires"),
    "ovs": Listed("ovs", "bridges of an Open vSwitch, and what is plugged into them"),
    "ovn": Listed("ovn", "logical switches, routers and ports of an OVN, and who binds them"),
    "storage": Listed("storage", "disks, paths, arrays, volumes and file systems of a machine"),
    "ceph": Listed("ceph", "monitors, OSDs, pools and health of a Ceph cluster"),
    "netbox": Listed("netbox", "racks, power, devices, cables and guests that NetBox documents"),
    "redfish": Listed("redfish", "systems, power supplies and health that a BMC tells"),
    "ipmi": Listed("ipmi", "power, supplies and sensors that a BMC tells by IPMI"),
    "snmp": Listed("snmp", "ports of a switch, and who is heard on them, by SNMP"),
    "openstack": Listed("openstack", "hypervisors, servers, ports, networks and volumes"),
    "otel": Listed("otel", "who calls whom, from spans or from Jaeger"),
}


@cache
def others() -> Mapping[str, EntryPoint]:
    """Return the sources that other installed packages bring; ours are never replaced."""
    found = entry_points(group=GROUP)
    return {point.name: point for point in found if point.name not in SHIPPED}


def names() -> tuple[str, ...]:
    """Return all types, ours first."""
    return (*SHIPPED, *sorted(others()))


def about(name: str) -> str:
    """Return what a type reads, in a phrase."""
    return SHIPPED[name].about if name in SHIPPED else f"by {others()[name].value}"


def example(name: str) -> str:
    """Return the smallest of what a person writes for a type; empty where people write nothing."""
    return SHIPPED[name].example if name in SHIPPED else ""


def declared(name: str) -> Source[Any]:
    """Return the declaration of a type.

    Raises:
        ConfigurationError: another package's source cannot be loaded, or is none.
        KeyError: no such type.
    """
    if name in SHIPPED:
        source: Source[Any] = import_module(f"ingest.{SHIPPED[name].module}").SOURCE
        return source
    point = others()[name]
    where, mend = f"source {name} ({point.value})", "mend or remove the package that brings it"
    try:
        loaded = point.load()
    except Exception as error:  # another's code may fail in any way
        what = f"can't be loaded: {type(error).__name__}: {one_line(error)}"
        raise ConfigurationError(what, where=where, mend=mend) from error
    if not isinstance(loaded, Source) or loaded.name != name:
        raise ConfigurationError(f"is no Source named {name!r}", where=where, mend=mend)
    return loaded
