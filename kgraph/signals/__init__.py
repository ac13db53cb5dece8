"""From the labels of an alert to an entity and a signal."""

from kgraph.signals.index import EstateIndex
from kgraph.signals.packs import Alert, Mapping, Packs, lint, load_packs
from kgraph.signals.resolve import Resolution, resolve
from kgraph.signals.translate import (
    AlertExplanation,
    Blind,
    Outcome,
    Report,
    Translation,
    nobody_blind,
    translate_reports,
)

__all__ = [
    "Alert",
    "AlertExplanation",
    "Blind",
    "EstateIndex",
    "Mapping",
    "Outcome",
    "Packs",
    "Report",
    "Resolution",
    "Translation",
    "lint",
    "load_packs",
    "nobody_blind",
    "resolve",
    "translate_reports",
]
