"""From the labels of an alert to an entity and a signal."""

from kgraph.signals.endings import Ending, Said, endings, said, withdrawn
from kgraph.signals.index import EstateIndex
from kgraph.signals.packs import DRILL_LABEL, Alert, Mapping, Packs, lint, load_packs
from kgraph.signals.resolve import Resolution, caller_of, labels_read, resolve
from kgraph.signals.silent import behind_silent
from kgraph.signals.translate import (
    AlertExplanation,
    Blind,
    Outcome,
    Report,
    Translation,
    nobody_blind,
    translate_reports,
)
from kgraph.signals.witness import relayed, witness

__all__ = [
    "DRILL_LABEL",
    "Alert",
    "AlertExplanation",
    "Blind",
    "Ending",
    "EstateIndex",
    "Mapping",
    "Outcome",
    "Packs",
    "Report",
    "Resolution",
    "Said",
    "Translation",
    "behind_silent",
    "caller_of",
    "endings",
    "labels_read",
    "lint",
    "load_packs",
    "nobody_blind",
    "relayed",
    "resolve",
    "said",
    "translate_reports",
    "withdrawn",
    "witness",
]
