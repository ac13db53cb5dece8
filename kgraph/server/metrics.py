"""What is measured: names in base units, labels with few values, never an entity's name.

Source: https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

from kgraph.app.service.standing import Standing

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


def _registry() -> CollectorRegistry:
    return CollectorRegistry(auto_describe=True)


@dataclass
class Metrics:
    """All that this process tells of itself."""

    registry: CollectorRegistry = field(default_factory=_registry)

    def __post_init__(self) -> None:
        """Make what is counted."""
        self._of_requests()
        self._of_the_watch()
        self._of_the_store()

    def _of_requests(self) -> None:
        by = self.registry
        self.requests = Counter(
            "kgraph_http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=by,
        )
        self.request_seconds = Histogram(
            "kgraph_http_request_duration_seconds",
            "How long requests took.",
            ("route",),
            buckets=_BUCKETS,
            registry=by,
        )
        self.in_flight = Gauge(
            "kgraph_http_requests_in_flight", "Requests being answered.", registry=by
        )
        self.refused = Counter(
            "kgraph_http_refused", "Requests refused, by why.", ("reason",), registry=by
        )
        self.deliveries = Counter(
            "kgraph_hook_deliveries", "Posts to hooks.", ("hook", "outcome"), registry=by
        )
        self.alerts = Counter(
            "kgraph_hook_alerts", "Alerts that were taken in.", ("hook",), registry=by
        )
        self.truncated = Counter(
            "kgraph_hook_truncated_alerts", "Alerts that senders left out.", ("hook",), registry=by
        )

    def _of_the_watch(self) -> None:
        by = self.registry
        self.leading = Gauge(
            "kgraph_watch_leading", "1 while this process is the watch of the store.", registry=by
        )
        self.round_at = Gauge(
            "kgraph_watch_last_round_timestamp_seconds",
            "When the loop went round.",
            registry=by,
        )
        self.inference_seconds = Histogram(
            "kgraph_inference_duration_seconds",
            "How long the engine took for one incident.",
            buckets=_BUCKETS,
            registry=by,
        )
        self.events = Counter(
            "kgraph_watch_events", "What the watch told, by what.", ("event",), registry=by
        )
        self.failing = Gauge(
            "kgraph_source_failing", "1 while a source does not answer.", ("source",), registry=by
        )
        self.sent = Counter(
            "kgraph_messages", "Messages to receivers.", ("receiver", "outcome"), registry=by
        )

    def _of_the_store(self) -> None:
        by = self.registry
        self.queued = Gauge(
            "kgraph_queue_documents",
            "What waits in the store.",
            ("drawer",),
            registry=by,
        )
        self.incidents = Gauge(
            "kgraph_incidents", "Incidents that are not closed.", ("status",), registry=by
        )
        self.plans = Gauge("kgraph_plans", "Plans that are not over.", ("state",), registry=by)
        self.synced_at = Gauge(
            "kgraph_sync_last_success_timestamp_seconds",
            "When a source was last read for a scope.",
            ("source", "scope"),
            registry=by,
        )
        self.interval = Gauge(
            "kgraph_sync_interval_seconds",
            "What usually lies between two readings of a source's scope; 0: it was read once.",
            ("source", "scope"),
            registry=by,
        )
        self.records = Gauge(
            "kgraph_sync_records", "Records of a scope.", ("source", "scope"), registry=by
        )
        self.halted = Gauge("kgraph_halted", "1 while the kill switch is on.", registry=by)
        self.judged = Gauge(
            "kgraph_judged_causes",
            "Causes that people have confirmed or refuted.",
            ("said",),
            registry=by,
        )
        self.expected = Gauge(
            "kgraph_judged_causes_expected",
            "How many of them were to be confirmed, by the probabilities that were said.",
            registry=by,
        )

    def show(self, standing: Standing) -> None:
        """Take over how the store stands."""
        for drawer, count in standing.drawers.items():
            self.queued.labels(drawer).set(count)
        for status, count in standing.incidents.items():
            self.incidents.labels(status).set(count)
        for state, count in standing.plans.items():
            self.plans.labels(state).set(count)
        self.synced_at.clear()
        self.interval.clear()
        self.records.clear()
        for scope in standing.scopes:
            at: datetime = scope.completed_at
            self.synced_at.labels(scope.source, scope.scope).set(at.timestamp())
            usual = scope.interval.total_seconds() if scope.interval else 0.0
            self.interval.labels(scope.source, scope.scope).set(usual)
            self.records.labels(scope.source, scope.scope).set(scope.records)
        self.halted.set(standing.halted)
        self.judged.labels("confirmed").set(standing.judged.confirmed)
        self.judged.labels("refuted").set(standing.judged.refuted)
        self.expected.set(standing.judged.expected)

    def text(self) -> tuple[bytes, str]:
        """Return everything as OpenMetrics, and what to call that."""
        content: bytes = generate_latest(self.registry)  # type: ignore[no-untyped-call]
        return content, CONTENT_TYPE_LATEST
