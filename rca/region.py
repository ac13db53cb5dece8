"""Which entities may be to blame: walk from the symptoms towards causes.

A 0-1 search: a hop onto something that was seen healthy costs one, any other hop nothing; what
costs two is out. Unknown is no alibi.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from kgraph.schema import Channel
from rca.likelihood import Reading
from rca.signature import Field

FAR = 2  # healthy hops at which the walk ends


def suspects(field: Field, abnormal: Iterable[int]) -> list[int]:
    """Return the entities from which a fault could have reached a symptom, in index order."""
    cost = dict.fromkeys(abnormal, 0)
    queue = deque(sorted(cost))
    burdens: set[int] = set()
    while queue:
        entity = queue.popleft()
        # What hurts against the arrows is a suspect, but where it stands is not walked from.
        burdens.update(field.burdens(entity))
        for cause in field.needs(entity):
            step = 1 if _healthy(field.readings.get(cause, ())) else 0
            reached = cost[entity] + step
            if reached < FAR and reached < cost.get(cause, FAR):
                cost[cause] = reached
                (queue.append if step else queue.appendleft)(cause)
    return sorted(cost.keys() | burdens)


def exhausted(
    field: Field, suspected: Sequence[int], abnormal: Iterable[int]
) -> list[tuple[int, ...]]:
    """Return groups of members that would have to fail together for a symptom to follow.

    One feed of two hits nothing, so no single fault explains a dark rack: the pair is a suspect of
    its own. Only minimal sets: with d members to spare, d + 1; of many, those that look worst.
    """
    topology = field.topology
    known = set(suspected)
    shown = set(abnormal)
    found: dict[tuple[int, ...], None] = {}
    for entity in suspected:
        for gate in topology.gates(entity):
            members = [m for m in topology.members(gate) if m in known]
            lost = len(topology.members(gate)) - int(topology.need[gate]) + 1
            if lost < 2 or len(members) < lost:
                continue
            members.sort(key=lambda m: (m not in shown, _healthy(field.readings.get(m, ())), m))
            found.setdefault(tuple(sorted(members[:lost])))
    return list(found)


def _healthy(readings: Sequence[Reading]) -> bool:
    """Whether a probe looked at what dependents feel, and nothing at all was wrong."""
    if any(reading.observation.abnormal for reading in readings):
        return False
    felt = {Channel.MODE, Channel.MAIN, Channel.EVERY}
    return any(reading.channel in felt and reading.ratio < 0.7 for reading in readings)


def abnormal_entities(readings: Mapping[int, Sequence[Reading]]) -> list[int]:
    """Return the entities on which something was seen that is wrong, in index order."""
    return sorted(
        entity for entity, rows in readings.items() if any(r.observation.abnormal for r in rows)
    )
