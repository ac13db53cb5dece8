"""The detectors: one explicit list, one module each, loaded when one is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ingest.detect.declared import Detector, Reads


@dataclass(frozen=True, slots=True)
class Listed:
    """One detector: its module under `ingest.detect`, and what it reads."""

    module: str
    reads: Reads


DETECTORS: Mapping[str, Listed] = {
    "threshold": Listed("metrics.threshold", Reads.METRICS),
    "deviation": Listed("metrics.deviation", Reads.METRICS),
    "trend": Listed("metrics.trend", Reads.METRICS),
    "shift": Listed("metrics.shift", Reads.METRICS),
    "stuck": Listed("metrics.stuck", Reads.METRICS),
    "missing": Listed("metrics.missing", Reads.METRICS),
    "log_new": Listed("logs.new", Reads.LOGS),
    "log_burst": Listed("logs.burst", Reads.LOGS),
    "log_vanished": Listed("logs.vanished", Reads.LOGS),
    "call_latency": Listed("calls.latency", Reads.CALLS),
    "call_errors": Listed("calls.errors", Reads.CALLS),
}


def names(reads: Reads) -> tuple[str, ...]:
    """Return the detectors that look at one sort of input."""
    return tuple(name for name, listed in DETECTORS.items() if listed.reads is reads)


def declared(name: str) -> Detector[Any, Any]:
    """Return the declaration of a detector; KeyError: there is none of that name."""
    detector: Detector[Any, Any] = import_module(
        f"ingest.detect.{DETECTORS[name].module}"
    ).DETECTOR
    return detector
