"""What a source of topology is written with: all that a module under `ingest` needs to know.

A source is one module. It declares its fields in the configuration (`SourceEntry`), asks (the only
I/O), and turns the answer into records (pure). `SOURCE = Source(...)` puts these together, and one
line in `ingest.catalogue`, or an entry point of another package, makes it known.
"""

from kgraph.schema.addresses import Url, UrlOrEmpty
from kgraph.sourcekit.command import run
from kgraph.sourcekit.declared import Found, Here, Listening, Source
from kgraph.sourcekit.entry import SourceEntry
from kgraph.sourcekit.files import content
from kgraph.sourcekit.looks import Look
from kgraph.sourcekit.machines import MACHINES, Alias, Machine, Place, Told
from kgraph.sourcekit.naming import (
    MANAGED_BY,
    identifies,
    is_here,
    local_name,
    own_name,
    spelled_uuid,
)
from kgraph.sourcekit.rows import folded
from kgraph.sourcekit.settling import Settled, settled
from kgraph.sourcekit.shapes import Node, parsed

__all__ = [
    "MACHINES",
    "MANAGED_BY",
    "Alias",
    "Found",
    "Here",
    "Listening",
    "Look",
    "Machine",
    "Node",
    "Place",
    "Settled",
    "Source",
    "SourceEntry",
    "Told",
    "Url",
    "UrlOrEmpty",
    "content",
    "folded",
    "identifies",
    "is_here",
    "local_name",
    "own_name",
    "parsed",
    "run",
    "settled",
    "spelled_uuid",
]
