"""Single calls from spans as they come, a line of OTLP in JSON at a time. Pure but for its memory.

A span whose parent is another service's is a call by that service, as long as the span took. Spans
of one trace come from several exporters, in any order, so children wait for their parents for a
round, and clients for whoever answers them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median_high
from typing import Any, NamedTuple

from ingest.otel.spans import CLIENT, attributes, batches, moment, outside
from kgraph.sourcekit.shapes import loaded

_ERROR = frozenset({2, "STATUS_CODE_ERROR"})
_REMEMBERED = 300_000  # spans, twice: those of the last requests and those before
_WAITING = 100_000  # children and clients
_PATIENCE = 60 * 10**9  # nanoseconds
# What a line that is no OTLP makes.
_NONE = (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError)


class Call(NamedTuple):
    """One call.

    Attributes:
        caller, called: names of services; of a database or queue, its address and name.
        at: when it ended, seconds since 1970.
        seconds: how long it took, >= 0.
        failed: whether it ended with an error.
    """

    caller: str
    called: str
    at: float
    seconds: float
    failed: bool


class _Child(NamedTuple):
    parent: str
    service: str
    start: int
    end: int
    failed: bool


@dataclass(slots=True)
class Calls:
    """Takes lines in, gives calls out; remembers which service each of the last spans was of."""

    _owner: dict[str, str] = field(default_factory=dict)
    _before: dict[str, str] = field(default_factory=dict)
    _children: list[_Child] = field(default_factory=list)
    _clients: dict[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    _newest: dict[str, int] = field(default_factory=dict)  # of each service that has just spoken
    _now: int = 0  # by the clock that most of them have

    def take(self, lines: Iterable[bytes]) -> tuple[list[Call], int]:
        """Return the calls that are complete by now, and how many lines were no OTLP.

        O(spans). A line that is none is left out; it stops no other.
        """
        garbage = 0
        self._newest.clear()
        for line in lines:
            if not line.strip():
                continue
            try:
                self._request(loaded(line))
            except _NONE:
                garbage += 1
        if self._newest:  # a single clock that is ahead makes nobody late
            self._now = median_high(self._newest.values())
        return self._matched(), garbage

    def _request(self, request: Mapping[str, Any]) -> None:
        for batch in batches(request):
            service = attributes(batch.get("resource", {})).get("service.name", "")
            if not service:
                continue
            for scope in batch.get("scopeSpans", ()):
                for span in scope.get("spans", ()):
                    self._span(span, service)

    def _span(self, span: Mapping[str, Any], service: str) -> None:
        trace = span["traceId"]
        me = trace + span["spanId"]
        end = moment(span, "endTimeUnixNano")
        start = moment(span, "startTimeUnixNano")
        self._owner[me] = service
        if end > self._newest.get(service, 0):
            self._newest[service] = end
        if span.get("kind") in CLIENT:
            self._clients[me] = service, span
        parent = span.get("parentSpanId")
        if parent:
            status = span.get("status")
            failed = status is not None and status.get("code") in _ERROR
            self._children.append(_Child(trace + parent, service, start, end, failed))

    def _matched(self) -> list[Call]:
        found, waiting = [], []
        owner, before, clients = self._owner, self._before, self._clients
        oldest = self._now - _PATIENCE
        for child in self._children:
            caller = owner.get(child.parent) or before.get(child.parent)
            if caller is None:
                if child.end >= oldest:
                    waiting.append(child)
            elif caller != child.service:
                clients.pop(child.parent, None)  # who was called sends spans itself
                found.append(_call(caller, child.service, child.start, child.end, child.failed))
        self._children = waiting[-_WAITING:]
        found += self._unanswered(oldest)
        if len(owner) > _REMEMBERED:
            self._before, self._owner = owner, {}
        return found

    def _unanswered(self, oldest: int) -> list[Call]:
        """Return calls of clients whose other end has had the time to tell, and did not."""
        found = []
        over = [
            key
            for key, (_, span) in self._clients.items()
            if int(span["endTimeUnixNano"]) < oldest
        ]
        over += list(self._clients)[: max(0, len(self._clients) - len(over) - _WAITING)]
        for key in dict.fromkeys(over):
            service, span = self._clients.pop(key)
            what = outside(attributes(span), service, message=False)
            if what is not None:
                start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
                failed = (span.get("status") or {}).get("code") in _ERROR
                found.append(_call(service, what.title, start, end, failed))
        return found


def _call(caller: str, called: str, start: int, end: int, failed: bool) -> Call:  # noqa: FBT001 - a field
    return Call(caller, called, end / 1e9, max(0, end - start) / 1e9, failed)
