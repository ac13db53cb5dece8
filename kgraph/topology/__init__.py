"""The graph in memory: arrays both ways, for walks and inference.

    entity -> its gates -> their members      (towards causes)
    member -> gates that it is in             (towards who is hit)

A gate is one redundancy group of one dependent, or one ungrouped relation (a gate of one that
needs one). The dependent needs all of its gates; a gate works while `need` members work. The same
member set told by two sources is one gate.
"""

from __future__ import annotations

from kgraph.topology.arrays import Node, Topology, build
from kgraph.topology.customs import lack, unlisted
from kgraph.topology.files import DamagedError, pack, unpack
from kgraph.topology.patch import OutdatedError, patched
from kgraph.topology.vicinity import Vicinity, vicinity
from kgraph.topology.walk import Found, dependencies, dependents

__all__ = [
    "DamagedError",
    "Found",
    "Node",
    "OutdatedError",
    "Topology",
    "Vicinity",
    "build",
    "dependencies",
    "dependents",
    "lack",
    "pack",
    "patched",
    "unlisted",
    "unpack",
    "vicinity",
]
