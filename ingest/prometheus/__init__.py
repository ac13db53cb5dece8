"""Prometheus: what it scrapes, what its rules say, and where they look.

    fetch (the only I/O) -> Reading -> normalise (pure) -> Snapshot

A target creates no infrastructure: it is an alias of a machine that the graph knows already, and a
Probe of its own, since monitoring is part of the estate and can be the cause.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from ingest.prometheus.coverage import COVERS, Look, looks, questions
from ingest.prometheus.ending import Standing
from ingest.prometheus.fetch import DEFAULT_URL, fetch
from ingest.prometheus.normalise import SOURCE, Estate, Normalised, normalise, unreachable
from ingest.prometheus.origin import Origin
from ingest.prometheus.past import Firing, Stretch, fetch_alerts, read_alerts
from ingest.prometheus.reading import Question, Reading, Rule, RuleAlert, Target
from ingest.prometheus.targets import Alias, Vantage, vantage

__all__ = [
    "COVERS",
    "DEFAULT_URL",
    "SOURCE",
    "Alias",
    "Estate",
    "Firing",
    "Look",
    "Normalised",
    "Origin",
    "Question",
    "Reading",
    "Rule",
    "RuleAlert",
    "Standing",
    "Stretch",
    "Target",
    "Vantage",
    "fetch",
    "fetch_alerts",
    "looks",
    "normalise",
    "questions",
    "read_alerts",
    "unreachable",
    "vantage",
]
