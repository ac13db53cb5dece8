"""From the labels of an alert to an entity and a signal."""

from kgraph.signals.index import EstateIndex
from kgraph.signals.packs import Alert, Mapping, Packs, lint, load_packs
from kgraph.signals.resolve import Resolution, resolve

__all__ = [
    "Alert",
    "EstateIndex",
    "Mapping",
    "Packs",
    "Resolution",
    "lint",
    "load_packs",
    "resolve",
]
