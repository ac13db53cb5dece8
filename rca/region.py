"""Which entities may be to blame: walk from the symptoms towards causes.

A 0-1 search: a hop onto something that was seen healthy costs one, any other hop nothing; what
costs two is out. Unknown is no alibi.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from kgraph.schema import Severity
from kgraph.topology.walk import spans
from rca.likelihood import Reading, alarms
from rca.scene import SPEAKS, Scene

FAR = 2  # healthy hops at which the walk ends
ALIBI = 0.7  # a healthy reading below this ratio counts


def suspects(scene: Scene, abnormal: Iterable[int]) -> list[int]:
    """Return the entities from which a fault could have reached a symptom, in index order.

    The walk follows dependencies alone. A dependent that hurts what it depends on is a suspect
    only where something is seen of it: blind spot, a silent guest that starves its host.
    """
    cost = dict.fromkeys(abnormal, 0)
    well = _Well(scene, _shown(scene, cost))
    queue = deque(sorted(cost))
    scene.learn()
    needs = scene.terrain.needs
    while queue:
        entity = queue.popleft()
        for cause in needs(entity):
            step = 1 if well[cause] else 0
            reached = cost[entity] + step
            if reached < FAR and reached < cost.get(cause, FAR):
                cost[cause] = reached
                (queue.append if step else queue.appendleft)(cause)
    return sorted(cost)


def exhausted(
    scene: Scene, suspected: Sequence[int], abnormal: Iterable[int]
) -> dict[tuple[int, ...], list[int]]:
    """Return groups of members that would have to fail together, and whom each then stops.

    One feed of two hits nothing, so no single fault explains a dark rack: the pair is a suspect of
    its own. Only minimal sets: with d members to spare, d + 1; of many, those that look worst.
    """
    topology = scene.topology
    known = set(suspected)
    symptoms = set(abnormal)
    well = _Well(scene, _shown(scene, symptoms))
    gates = spans(topology.gate_start, np.fromiter(suspected, np.int64, len(suspected)))
    sizes = topology.member_start[gates + 1] - topology.member_start[gates]
    spare = sizes - topology.need[gates]
    found: dict[tuple[int, ...], list[int]] = {}
    gates, spare = gates[spare > 0], spare[spare > 0]
    owners = topology.owner[gates].tolist()
    for gate, owner, lost in zip(gates.tolist(), owners, spare.tolist(), strict=True):
        members = [m for m in topology.members(gate) if m in known]
        if len(members) > lost:
            members.sort(key=lambda m: (m not in symptoms, well[m], topology.uids[m]))
            found.setdefault(tuple(sorted(members[: lost + 1])), []).append(owner)
    return found


class _Well(dict[int, bool]):
    """Entity -> whether it is healthy in the way that matters; asked once of each."""

    def __init__(self, scene: Scene, shown: Collection[Severity]) -> None:
        super().__init__()
        self._readings, self._shown = scene.readings, shown

    def __missing__(self, entity: int) -> bool:
        readings = self._readings.get(entity)
        found = self[entity] = readings is not None and _healthy(readings, self._shown)
        return found


def _healthy(readings: Sequence[Reading], shown: Collection[Severity]) -> bool:
    """Whether a probe looked for what the symptoms show, and nothing at all was wrong.

    That a switch is up is no alibi where things are slow.
    """
    if alarms(readings):
        return False
    return all(
        any(reading.ratio < ALIBI and _speaks(reading, severity) for reading in readings)
        for severity in shown
    )


def _speaks(reading: Reading, severity: Severity) -> bool:
    modes = ("slow",) if severity is Severity.GRAY else ("down", "failing")
    return max(reading.bearing(mode) for mode in modes) >= SPEAKS


def _shown(scene: Scene, abnormal: Iterable[int]) -> set[Severity]:
    """Return whether the symptoms are of stopping, of slowness, or of both."""
    rows = [r for e in abnormal for r in scene.readings.get(e, ()) if r.observation.abnormal]
    found = {severity for severity in Severity if any(_speaks(r, severity) for r in rows)}
    return found or {Severity.HARD}


def abnormal_entities(readings: Mapping[int, Sequence[Reading]]) -> list[int]:
    """Return the entities on which something was seen that is wrong, in index order."""
    return sorted(entity for entity, rows in readings.items() if alarms(rows))
