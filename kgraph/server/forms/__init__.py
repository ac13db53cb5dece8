"""The documents of the API, as OpenAPI shows them."""

from kgraph.server.forms.commands import CommandAsked
from kgraph.server.forms.estate import (
    DependentForm,
    EntityForm,
    EntityRow,
    EventForm,
    FaultAsked,
    HistoryForm,
    HitForm,
    ImpactForm,
    PredictionAsked,
    PredictionForm,
    RelationForm,
    SpanForm,
)
from kgraph.server.forms.incidents import (
    IncidentForm,
    IncidentRow,
    ReportForm,
    SectionForm,
    VerdictAsked,
    VerdictForm,
)
from kgraph.server.forms.operations import DeadLetterForm, DeedForm, SourceForm
from kgraph.server.forms.plans import HaltForm, JournalForm, PlanForm, PlanRow, ReasonAsked
from kgraph.server.forms.reports import ReportRow

__all__ = [
    "CommandAsked",
    "DeadLetterForm",
    "DeedForm",
    "DependentForm",
    "EntityForm",
    "EntityRow",
    "EventForm",
    "FaultAsked",
    "HaltForm",
    "HistoryForm",
    "HitForm",
    "ImpactForm",
    "IncidentForm",
    "IncidentRow",
    "JournalForm",
    "PlanForm",
    "PlanRow",
    "PredictionAsked",
    "PredictionForm",
    "ReasonAsked",
    "RelationForm",
    "ReportForm",
    "ReportRow",
    "SectionForm",
    "SourceForm",
    "SpanForm",
    "VerdictAsked",
    "VerdictForm",
]
