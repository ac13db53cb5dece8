"""What is posted to us: any JSON by a mapping, and CloudEvents 1.0. Pure.

    bytes -> JSON -> alerts, as the mapping finds them -> reports for `kgraph.signals`

Sources: https://www.rfc-editor.org/rfc/rfc6901 (JSON pointers),
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

from ingest.posted.changes import ChangePlaces, PostedChange, changes
from ingest.posted.cloudevents import Event, is_cloudevent, parse_events
from ingest.posted.mapped import Places, parse_json, reports

__all__ = [
    "ChangePlaces",
    "Event",
    "Places",
    "PostedChange",
    "changes",
    "is_cloudevent",
    "parse_events",
    "parse_json",
    "reports",
]
