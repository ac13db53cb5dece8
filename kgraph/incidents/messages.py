"""The notice in the form that a receiver speaks: PagerDuty's, CloudEvents, e-mail. Pure.

Sources: https://developer.pagerduty.com/docs/events-api-v2-overview,
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kgraph.incidents.notice import News

_SUMMARY, _KEY, _EVENT = 1_024, 255, 512_000  # PagerDuty's limits: characters, characters, bytes
_OURS = "kgraph-"  # before the id of an incident
_SEVERITY = {"critical": "critical", "error": "error", "warning": "warning", "info": "info"}


def pagerduty(document: Mapping[str, Any], routing_key: str) -> dict[str, Any]:
    """Return an event of the Events API v2; the incident's end resolves its alert.

    Who acknowledges the incident here does so there.
    """
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": _action(document),
        "dedup_key": f"{_OURS}{document['incident']}"[:_KEY],
        "client": "kgraph",
    }
    text = document["text"]
    lead = text["lead"]
    event["payload"] = {
        "summary": _cut(f"{text['summary']} · {text['cause']}", _SUMMARY),
        "source": lead,
        "severity": _SEVERITY.get(document["level"], "info"),
        "timestamp": document["updatedAt"],
        "component": lead,
        "group": document["incident"],
        "class": document["causes"][0]["mode"] if document["causes"] else "unexplained",
        "custom_details": {k: v for k, v in document.items() if k not in {"format", "text"}},
    }
    if document["url"]:
        event["client_url"] = document["url"]
        event["links"] = [{"href": document["url"], "text": document["incident"]}]
    if len(json.dumps(event).encode()) > _EVENT:  # an alert with less in it is better than none
        cut = {"cut": "too much for one event", "url": document["url"]}
        event["payload"]["custom_details"] = cut
    return event


def pagerduty_incident(dedup_key: str) -> str:
    """Return which incident of ours a `dedup_key` is of; empty: none."""
    found = dedup_key.removeprefix(_OURS)
    return "" if found == dedup_key else found


def _action(document: Mapping[str, Any]) -> str:
    if document["level"] == "clear":
        return "resolve"
    return "acknowledge" if document["news"] == News.ACKNOWLEDGED else "trigger"


def cloudevent(document: Mapping[str, Any], source: str, event_id: str) -> dict[str, Any]:
    """Return a CloudEvent 1.0 in its structured form.

    Args:
        document: the notice.
        source: the URI of this service.
        event_id: the same whenever this very message is sent again.
    """
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": f"kgraph.incident.{document['status']}.v1",
        "subject": document["incident"],
        "time": document["updatedAt"],
        "datacontenttype": "application/json",
        "correlationid": document["incident"],
        "data": {name: value for name, value in document.items() if name != "text"},
    }


def email(document: Mapping[str, Any]) -> tuple[str, str]:
    """Return subject and text of a mail."""
    text = document["text"]
    rows = [
        ("WHO", text["acknowledged"]),
        ("CAUSE", text["cause"]),
        ("FOR", text["evidence"]),
        ("AGAINST", text["against"]),
        ("IMPACT", text["hit"]),
        ("CHECK", text["check"]),
        ("PLAN", text["plan"]),
        ("NOTE", text["warnings"]),
        ("LINK", text["link"]),
    ]
    lines = [
        f"{label if number == 0 else '':<9}{line}"
        for label, value in rows
        if value != "-"
        for number, line in enumerate(value.splitlines())
    ]
    over = document["level"] == "clear"
    opened = f"opened {text['opened']}" + (f", over {text['updated']}" if over else "")
    return _cut(text["summary"], 200), "\n".join([text["summary"], opened, "", *lines, ""])


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
