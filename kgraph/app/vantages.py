"""How much each vantage point sees now, by what the store holds."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from ingest.prometheus import SOURCE, Vantage
from kgraph.store import GraphStore


def vantages(store: GraphStore, now: datetime) -> list[Vantage]:
    """Return what every Prometheus watches and how much of that is silent, by name.

    One that does not answer itself is silent as a whole: its targets may be well or not. What
    nobody has looked at lately counts as watched, not as silent.
    """
    graph = store.graph()
    names = {entity.uid: entity.name for entity in graph.entities if entity.kind == "Probe"}
    behind: dict[str, list[str]] = defaultdict(list)
    for relation in graph.relations:
        ours = relation.source == SOURCE and relation.type == "DEPENDS_ON"
        if ours and relation.dependent in names and relation.dependency in names:
            behind[relation.dependency].append(relation.dependent)
    rows = store.evidence(names, now=now).observations
    down = {row.entity for row in rows if row.abnormal and row.signal == "down"}
    gone = {row.entity for row in rows if row.abnormal and row.signal == "unreachable"}
    found = [
        Vantage(
            names[server],
            len(targets),
            len(targets) if server in gone else sum(target in down for target in targets),
        )
        for server, targets in behind.items()
    ]
    return sorted(found)
