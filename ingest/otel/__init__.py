"""Who calls whom, from traces: OTLP spans in files, or the dependencies that Jaeger has gathered.

    file or Jaeger's API (the only I/O) -> spans -> Service, instances, CALLS

Source: https://opentelemetry.io/docs/specs/otlp/; https://opentelemetry.io/docs/specs/semconv/
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ingest.otel.edges import Call, Calls
from ingest.otel.jaeger import dependencies
from ingest.otel.normalise import from_jaeger, normalise
from ingest.otel.spans import read_spans
from kgraph.sourcekit import Found, Here, Source, SourceEntry, UrlOrEmpty, content, folded
from kgraph.web import Credentials, Service

__all__ = ["SOURCE", "Call", "Calls", "Entry", "read"]

NAME = "otel"
_MILLISECOND = timedelta(milliseconds=1)


class Entry(SourceEntry):
    """A file of spans, or a Jaeger."""

    type: Literal["otel"]
    path: Path | None = None  # OTLP in JSON, one request a line, as the collector's file exporter
    jaeger: UrlOrEmpty = ""  # address of its query service
    window: Annotated[float, Field(gt=0, le=30 * 86_400)] = (
        3600  # seconds: older calls don't count
    )
    token_env: str = ""
    token_file: Path | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Entry:
        if (self.path is None) == (self.jaeger == ""):
            raise ValueError("give either path or jaeger")
        return self

    @property
    def subject(self) -> str:
        """The file or the Jaeger."""
        return self.jaeger or str(self.path)


def read(entry: Entry, here: Here) -> Found:
    """Read one source of traces.

    Raises:
        SourceError: it cannot be read, or holds no spans; with the line.
    """
    window = timedelta(seconds=entry.window)
    if entry.path is not None:
        path = here.resolve(entry.path)
        traffic = read_spans(content(path), str(path), here.now - window)
        items = folded(normalise(traffic, here))
        return Found(str(path), items, findings=traffic.findings)
    token = here.given(entry.token_file)
    with Service("Jaeger", entry.jaeger, Credentials(entry.token_env, token)).asking() as ask:
        end = round(here.now.timestamp() * 1000)
        asked = {"endTs": str(end), "lookback": str(round(window / _MILLISECOND))}
        calls = dependencies(ask.get("/api/dependencies", asked), entry.jaeger)
    return Found(entry.jaeger, folded(from_jaeger(calls, here)))


SOURCE = Source(NAME, Entry, read)
