"""A made-up alert: posted as Prometheus would, so that it takes the way of a real one.

Source: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from __future__ import annotations

from datetime import datetime, timedelta

from kgraph.signals import DRILL_LABEL
from kgraph.web import Credentials, Service

NAME = "KgraphDrill"
ENDS_AFTER = timedelta(minutes=2)  # by itself, should we be killed before we end it


def post_drill(
    url: str, drill: str, starts_at: datetime, ends_at: datetime, credentials: Credentials
) -> None:
    """Post the alert of a drill, or its end.

    Args:
        url: the Alertmanager's address.
        drill: what tells this drill from others.
        starts_at: since when it fires.
        ends_at: when it ends; in the past, it is over.
        credentials: where the token is.

    Raises:
        SourceError: unreachable, or it did not take the alert.
    """
    alert = {
        "labels": {"alertname": NAME, DRILL_LABEL: drill, "severity": "none"},
        "annotations": {
            "summary": "a drill of kgraph: nothing is wrong, and it ends by itself",
        },
        "startsAt": starts_at.isoformat(),
        "endsAt": ends_at.isoformat(),
    }
    with Service("Alertmanager", url, credentials).asking() as ask:
        ask.post_json("/api/v2/alerts", [alert])
