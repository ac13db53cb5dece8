"""OTLP in JSON: spans, gathered to who called whom while they are read.

Tens of thousands of spans a second are read here, so plain dictionaries are walked, and what has
another shape than expected is caught a line at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kgraph.schema import SourceError
from kgraph.schema.errors import one_line
from kgraph.sourcekit import is_here
from kgraph.sourcekit.shapes import loaded

CLIENT, _PRODUCER = frozenset({3, "SPAN_KIND_CLIENT"}), frozenset({4, "SPAN_KIND_PRODUCER"})
_RESOURCE = (
    "service.namespace",
    "service.instance.id",
    "host.name",
    "host.ip",
    "container.id",
    "container.name",
    "k8s.pod.uid",
    "k8s.pod.name",
    "k8s.namespace.name",
)
_PEERS = ("db.system", "db.system.name", "messaging.system", "peer.service")
_TARGETS = ("server.address", "net.peer.name", "peer.service")
_NAMES = ("db.namespace", "db.name", "messaging.destination.name")

_PRESENT = 15 * 60 * 10**9  # nanoseconds
_LATEST = 2**63  # what OTLP has room for, nearly; and what a number of seconds can be made of

Resource = tuple[tuple[str, str], ...]  # attributes that say where a service runs, sorted


@dataclass(frozen=True, slots=True)
class Outside:
    """What was called and sends no spans itself: a database, a queue, a service of others.

    Attributes:
        beside: who calls it on its own machine: each such caller means another one.
    """

    kind: str
    system: str
    address: str
    name: str
    beside: str = ""

    @property
    def title(self) -> str:
        """What to call it, and what it is known by."""
        if self.kind == "Service":
            return self.system
        return "/".join(filter(None, (self.beside, self.address, self.name))) or self.system


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a file of spans came to.

    Attributes:
        services: service -> where it was seen to run.
        calls: (caller, called).
        outside: (caller, what it called).
        spans: how many were read, those too old left out.
    """

    services: Mapping[str, frozenset[Resource]]
    calls: frozenset[tuple[str, str]]
    outside: frozenset[tuple[str, Outside]]
    spans: int
    findings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Gathering:
    since: int  # nanoseconds
    services: dict[str, dict[Resource, int]] = field(default_factory=dict)  # -> newest span
    owner: dict[str, str] = field(default_factory=dict)  # trace and span -> service
    waiting: list[tuple[str, str]] = field(default_factory=list)  # trace and parent, service
    clients: dict[str, tuple[str, Outside]] = field(default_factory=dict)  # trace and span
    spans: int = 0
    nameless: int = 0

    def take(self, request: Mapping[str, Any]) -> None:
        """Read one export request."""
        for batch in batches(request):
            resource = attributes(batch.get("resource", {}))
            service = resource.get("service.name", "")
            ends = [(moment(span, "endTimeUnixNano"), span) for span in _spans(batch)]
            fresh = [span for end, span in ends if end >= self.since]
            if not service or service.startswith("unknown_service"):
                self.nameless += len(fresh)
                continue
            if fresh:
                known = tuple((k, resource[k]) for k in _RESOURCE if resource.get(k))
                newest = max(end for end, _ in ends)
                places = self.services.setdefault(service, {})
                places[known] = max(newest, places.get(known, 0))
            for span in fresh:
                self._span(span, service)

    def _span(self, span: Mapping[str, Any], service: str) -> None:
        self.spans += 1
        trace = span["traceId"]
        me = f"{trace}{span['spanId']}"
        self.owner[me] = service
        if span.get("parentSpanId"):
            self.waiting.append((f"{trace}{span['parentSpanId']}", service))
        kind = span.get("kind")
        if kind in CLIENT or kind in _PRODUCER:
            called = outside(attributes(span), service, message=kind in _PRODUCER)
            if called is not None:
                self.clients[me] = (service, called)

    def traffic(self, where: str) -> Traffic:
        """Return who called whom: a child in another service was called by its parent's."""
        calls = set()
        for parent, service in self.waiting:
            caller = self.owner.get(parent)
            if caller is not None and caller != service:
                calls.add((caller, service))
                self.clients.pop(parent, None)  # who was called sends spans itself
        told = (f"{where}: {self.nameless} spans without service.name were left out",)
        return Traffic(
            {name: _present(places) for name, places in self.services.items()},
            frozenset(calls),
            frozenset(self.clients.values()),
            self.spans,
            told if self.nameless else (),
        )


def _present(places: Mapping[Resource, int]) -> frozenset[Resource]:
    """Return where a service runs: where it was seen at about the time that it was seen last.

    Pods are replaced long before a call counts as over.
    """
    newest = max(places.values())
    return frozenset(place for place, seen in places.items() if newest - seen <= _PRESENT)


def read_spans(text: str, where: str, since: datetime) -> Traffic:
    """Read a file of spans: one request, or one a line.

    Raises:
        SourceError: it holds something else, with the line.
    """
    gathering = _Gathering(since=round(since.timestamp() * 1e9))
    for number, request in _requests(text, where):
        try:
            gathering.take(request)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            said = one_line(error)
            lacks = isinstance(error, KeyError)
            told = f"{said} is missing" if lacks else f"{type(error).__name__}: {said}"
            what = f"no OTLP spans: {told}"
            place = f"{where}:{number}"
            raise SourceError(what, where=place, mend="is it OTLP in JSON?") from None
    return gathering.traffic(where)


def _requests(text: str, where: str) -> Iterator[tuple[int, Any]]:
    whole = text.lstrip()
    if whole.startswith("{") and "\n" in whole.strip() and not _is_json(whole.split("\n", 1)[0]):
        yield 1, _json(whole, f"{where}:1")  # one request over several lines
        return
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if number == len(lines) and not _is_json(line):
            return  # the last line is still being written
        yield number, _json(line, f"{where}:{number}")


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _json(text: str, where: str) -> Any:  # noqa: ANN401 - whatever it holds
    try:
        return loaded(text)
    except (ValueError, RecursionError) as error:
        what = f"not JSON: {one_line(error)}"
        raise SourceError(what, where=where, mend="is it OTLP in JSON?") from None


def _spans(batch: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for scope in batch.get("scopeSpans", ()):
        yield from scope.get("spans", ())


def moment(span: Mapping[str, Any], field: str) -> int:
    """Return when a span began or ended, in nanoseconds since 1970.

    Raises:
        KeyError, TypeError, ValueError, OverflowError: it does not say.
    """
    at = int(span[field])
    if not 0 <= at < _LATEST:
        raise ValueError(f"{field} is no time")
    return at


def attributes(holder: Mapping[str, Any]) -> dict[str, str]:
    """Return attributes as texts; of a list, the first."""
    told = {}
    for each in holder.get("attributes", ()):
        value = each["value"]
        if "arrayValue" in value:
            value = (value["arrayValue"].get("values") or [{}])[0]
        told[each["key"]] = str(next(iter(value.values()), ""))
    return told


def batches(request: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the batches of spans in one export request.

    A collector may write its metrics and logs into the same file.

    Raises:
        KeyError: it is none.
    """
    if "resourceMetrics" in request or "resourceLogs" in request:
        return ()
    found: Sequence[Mapping[str, Any]] = request["resourceSpans"]
    return found


def outside(told: Mapping[str, str], caller: str, *, message: bool) -> Outside | None:
    """Return what a client's span says of the other end, None where it says nothing."""
    system = next((told[key] for key in _PEERS if told.get(key)), "")
    address = next((told[key] for key in _TARGETS if told.get(key)), "")
    name = next((told[key] for key in _NAMES if told.get(key)), "")
    if not system or not (address or name):
        return None
    queue = message or "messaging.system" in told
    database = "db.system" in told or "db.system.name" in told
    kind = "Queue" if queue else "Database" if database else "Service"
    beside = caller if address and is_here(address) else ""
    return Outside(kind, system, address, name, beside)
