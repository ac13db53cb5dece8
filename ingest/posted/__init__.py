"""What is posted to us: any JSON by a mapping, CloudEvents 1.0, PagerDuty's webhooks. Pure.

    bytes -> JSON -> alerts, as the mapping finds them -> reports for `kgraph.signals`

Sources: https://www.rfc-editor.org/rfc/rfc6901 (JSON pointers),
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

from ingest.posted.changes import ChangePlaces, PostedChange, changes
from ingest.posted.cloudevents import Event, parse_events
from ingest.posted.mapped import Places, parse_json, reports
from ingest.posted.pagerduty import Act, PagerEvent, parse_pagerduty

__all__ = [
    "Act",
    "ChangePlaces",
    "Event",
    "PagerEvent",
    "Places",
    "PostedChange",
    "changes",
    "parse_events",
    "parse_json",
    "parse_pagerduty",
    "reports",
]
