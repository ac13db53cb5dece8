"""Incidents: which evidence belongs to which, and the report that a person reads. Pure."""

from kgraph.incidents.build import build
from kgraph.incidents.case import Case, Origin, SourceAge, View
from kgraph.incidents.grouping import groups, part
from kgraph.incidents.identity import Known, Symptom, Verdict, match, next_id, over, symptoms_of
from kgraph.incidents.report import BLAMING, Detail, Label, Report, Section, Tone
from kgraph.incidents.wording import headline, probability

__all__ = [
    "BLAMING",
    "Case",
    "Detail",
    "Known",
    "Label",
    "Origin",
    "Report",
    "Section",
    "SourceAge",
    "Symptom",
    "Tone",
    "Verdict",
    "View",
    "build",
    "groups",
    "headline",
    "match",
    "next_id",
    "over",
    "part",
    "probability",
    "symptoms_of",
]
