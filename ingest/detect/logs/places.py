"""Which entity a program on a host is: its unit, its service, else its machine. Pure."""

from __future__ import annotations

import re

from ingest.detect.declared import Labels
from ingest.detect.logs.habits import Place
from kgraph.signals import Mapping
from kgraph.sourcekit import local_name

# The unit on its host comes first; a program that the graph does not know speaks for its machine.
ENTRY = Mapping(
    re.compile(".*"),
    kinds=(
        *("ServiceInstance", "Container", "Service", "Application", "Database", "LoadBalancer"),
        *("Queue", "VirtualMachine", "Host"),
    ),
    signal="behaviour",
    name=("part", "unit", "service", "host"),
    host=("host",),
    place="logs",
)


def labels_of(place: Place) -> Labels:
    """Return the labels that name a place."""
    host, program = place
    unit = local_name(host, program)
    # In full where another machine has the same short name.
    part = f"{host.lower()}/{program}" if unit else ""
    told = {"host": host, "service": program, "unit": unit, "part": part}
    return {name: value for name, value in told.items() if value}
