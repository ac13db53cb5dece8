"""The bundled estate and storm of `kgraph demo`.

An NBD server dies at 03:07:14. Nothing watches it: eleven guests on six hosts pause, one of them
without an alarm; the shop answers with errors; the hosts are well; ten other alerts come along.
"""

from __future__ import annotations

import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from kgraph.schema import Fault, Key, Record, RelationRecord
from kgraph.schema.safe_yaml import safe_yaml

ROOT_CAUSE = Fault("nbd1", "down")
_DATA = files("kgraph.simulation") / "data"


def demo_estate_file() -> Traversable:
    """Return the bundled estate, a `kgraph.topology/v1` document in YAML."""
    return _DATA / "demo-estate.yaml"


def demo_storm_file() -> Traversable:
    """Return the bundled storm, a version 4 payload of Alertmanager in JSON."""
    return _DATA / "demo-storm.json"


def demo_storm() -> dict[str, Any]:
    """Return the bundled storm as Alertmanager would post it."""
    payload: dict[str, Any] = json.loads(demo_storm_file().read_bytes())
    return payload


def demo_estate() -> list[Record | RelationRecord]:
    """Return the bundled estate: what is in it, then how it depends on itself."""
    document = safe_yaml(demo_estate_file().read_bytes())
    return [
        *(_record(row) for row in document["entities"]),
        *(_relation(row) for row in document["relations"]),
    ]


def _record(row: dict[str, Any]) -> Record:
    return Record(
        key=row["id"],
        kind=row["kind"],
        name=row.get("name", row["id"]),
        keys=tuple(Key(namespace, value) for namespace, value in row.get("keys", {}).items()),
        labels=row.get("labels", {}),
        props=row.get("props", {}),
        watched=tuple(row.get("watched", ())),
    )


def _relation(row: dict[str, Any]) -> RelationRecord:
    ends = row["from"], row["type"], row["to"]
    return RelationRecord(*ends, group=row.get("group"), need=row.get("need"))
