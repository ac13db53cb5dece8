"""Alerts that fire because their target fell silent.

When an exporter vanishes, a rule that compares with what was there a minute ago raises an alert
for every guest behind it. None of them was seen: all that is known is that the exporter is silent,
and that has its own evidence on its Probe and on the machine that it ran on.
"""

from __future__ import annotations

from collections.abc import Iterable

from kgraph.schema import GONE, Entity, Observation
from kgraph.signals.packs import Alert
from kgraph.signals.translate import Blind


def behind_silent(entities: Iterable[Entity], observations: Iterable[Observation]) -> Blind:
    """Tell blind alerts by the Probes that are known to be gone.

    An alert is blind where its `job` and `instance` are those of a Probe that is. One that names
    no target is taken at its word: only who reads the rule itself can tell.
    """
    gone = {row.entity for row in observations if row.abnormal and row.signal in GONE}
    silent = {
        (entity.labels["job"], entity.labels["instance"]): entity.name
        for entity in entities
        if entity.uid in gone
        and entity.kind == "Probe"
        and {"job", "instance"} <= entity.labels.keys()
    }

    def blind(alert: Alert) -> str:
        target = alert.labels.get("job", ""), alert.labels.get("instance", "")
        name = silent.get(target)
        return f"{name} does not answer, and that is evidence" if name is not None else ""

    return blind
