"""Blast radius: who is hit now, who will be, and who has nothing left to lose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from kgraph.schema import HARMLESS, BlastRadius, Hit, Severity
from kgraph.topology.walk import spans
from rca.evidence.likelihood import alarms
from rca.region.scene import Scene
from rca.rules.compile import severity_of
from rca.suspects.signature import reach as everything_hit

_UNHURT = frozenset(mode.name for mode in HARMLESS)
LIKELY = 0.05  # an effect less likely than this is not listed
DOWN = 0.5  # a member that so surely has stopped is counted as lost


def blast_radius(scene: Scene, faults: Sequence[tuple[int, str]]) -> BlastRadius:
    """Return what the faults do, all at once.

    `now`: predicted and seen abnormal; `next`: predicted, and nobody has seen it healthy.
    Ordered by probability, then hops, then index.
    """
    reach = everything_hit(scene, tuple(faults))
    now: list[tuple[float, int, int, Hit]] = []
    later: list[tuple[float, int, int, Hit]] = []
    down: list[int] = []
    at_fault = {entity for entity, _ in faults}
    for entity, believed in reach.believed.items():
        hurt = {mode: p for mode, p in believed.items() if mode not in _UNHURT and p >= LIKELY}
        if not hurt:
            continue
        mode = max(hurt, key=lambda m: (hurt[m], m))
        kind = scene.topology.kinds[entity]
        if any(p >= DOWN and severity_of(kind, m) is Severity.HARD for m, p in hurt.items()):
            down.append(entity)
        if entity in at_fault:
            continue
        uid = scene.topology.uids[entity]
        hit = Hit(uid, mode, hurt[mode], reach.hops[entity])
        (now if _abnormal(scene, entity) else later).append(
            (-hit.probability, hit.hops, entity, hit)
        )
    return BlastRadius(
        tuple([hit for *_, hit in sorted(now)]),
        tuple([hit for *_, hit in sorted(later)]),
        tuple(scene.topology.uids[entity] for entity in _on_the_edge(scene, down)),
    )


def _abnormal(scene: Scene, entity: int) -> bool:
    return alarms(scene.readings.get(entity, ()))


def _on_the_edge(scene: Scene, hit: list[int]) -> Iterable[int]:
    """Entities that still work, but whose next loss in some group would stop them."""
    topology = scene.topology
    lost = np.zeros(len(topology), np.bool_)
    lost[hit] = True
    gates = topology.in_gate[spans(topology.in_start, np.array(sorted(hit), np.int64))]
    start = topology.member_start
    gates = gates[start[gates + 1] - start[gates] > 1]
    gates = gates[~lost[topology.owner[gates]]]
    if not len(gates):
        return []
    sizes = start[gates + 1] - start[gates]
    works = (~lost[topology.member[spans(start, gates)]]).astype(np.int64)
    left = np.add.reduceat(works, np.cumsum(sizes) - sizes)
    return sorted(set(topology.owner[gates[left == topology.need[gates]]].tolist()))
