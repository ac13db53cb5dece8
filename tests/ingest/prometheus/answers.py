"""Answers of a small Prometheus, written by hand as the real one (2.42) writes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ingest.prometheus import (
    Estate,
    Normalised,
    Origin,
    Reading,
    Standing,
    normalise,
    questions,
)
from ingest.prometheus.answers import read_rules, read_targets
from kgraph.schema import Coverage, Entity, Key, Observation, Relation, Subgraph
from kgraph.signals import EstateIndex, load_packs

NOW = datetime(2026, 11, 23, 4, 5, tzinfo=UTC)
PACKS = load_packs()
ORIGIN = Origin("http://127.0.0.1:9090")
H1_TARGET = "target:http://127.0.0.1:9090 libvirt 127.0.0.1:9171"
H2_TARGET = "target:http://127.0.0.1:9090 libvirt 127.0.0.1:9172"
ENTITIES = (
    Entity("host-1", "Host", "h1"),
    Entity("host-2", "Host", "h2"),
    Entity("vm-web", "VirtualMachine", "web", keys=(Key("ip", "10.0.0.7"),)),
    Entity("vm-mail", "VirtualMachine", "mail"),
)
RELATIONS = (
    Relation("vm-web", "RUNS_ON", "host-1"),
    Relation("vm-mail", "RUNS_ON", "host-2"),
)
INDEX = EstateIndex.of(Subgraph(ENTITIES, RELATIONS))
INSTANCES = {"h1": "127.0.0.1:9171", "h2": "127.0.0.1:9172"}
PAUSED = "libvirt_domain_state_code == 3"


def stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def target(
    host: str = "h1", health: str = "up", job: str = "libvirt", **fields: Any
) -> dict[str, Any]:
    """One active target, labelled with its host."""
    instance = fields.pop("instance", INSTANCES[host])
    return {
        "discoveredLabels": {"__address__": instance},
        "labels": {"host": host, "instance": instance, "job": job},
        "scrapePool": job,
        "scrapeUrl": f"http://{instance}/metrics",
        "lastError": "" if health != "down" else "context deadline exceeded",
        "lastScrape": stamp(NOW - timedelta(seconds=2)),
        "health": health,
        "scrapeInterval": "15s",
    } | fields


def series(domain: str, host: str) -> dict[str, str]:
    """The labels of a guest's series."""
    return {"domain": domain, "host": host, "instance": INSTANCES[host], "job": "libvirt"}


def alert(name: str, state: str = "firing", **labels: str) -> dict[str, Any]:
    return {
        "labels": {"alertname": name, "severity": "critical", **labels},
        "annotations": {"summary": "it is so"},
        "state": state,
        "activeAt": stamp(NOW - timedelta(minutes=1)),
        "value": "3e+00",
    }


def rule(
    name: str, query: str = PAUSED, *alerts: Mapping[str, Any], **fields: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "query": query,
        "duration": 2,
        "labels": {"severity": "critical"},
        "annotations": {},
        "alerts": list(alerts),
        "health": "ok",
        "lastEvaluation": stamp(NOW - timedelta(seconds=3)),
        "type": "alerting",
    } | fields


def reading(
    targets: Iterable[Mapping[str, Any]],
    rules: Iterable[Mapping[str, Any]] = (),
    seen: Mapping[str, Iterable[Mapping[str, str]]] | None = None,
    interval: float = 15,
) -> Reading:
    """A reading; `seen` has the series of each expression, of which only those asked are told."""
    read = read_rules(_data({"groups": [{"interval": interval, "rules": list(rules)}]}), "test")
    asked = questions(read, PACKS)
    found = {q: tuple((seen or {}).get(q.expression, ())) for q in asked}
    return Reading(NOW, read_targets(_data({"activeTargets": list(targets)}), "test"), read, found)


def _data(data: object) -> bytes:
    return json.dumps({"status": "success", "data": data}).encode()


def normalised(
    answers: Reading,
    observations: Iterable[Observation] = (),
    coverage: Iterable[Coverage] = (),
    watched: Iterable[tuple[str, str]] = (),
    spelled: Mapping[str, str] | None = None,
    origin: Origin = ORIGIN,
) -> Normalised:
    standing = Standing.of(observations, coverage, spelled or {})
    return normalise(answers, Estate(INDEX, PACKS, tuple(watched), standing), origin, NOW)
