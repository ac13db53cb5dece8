"""How many entities a fault should have hit by now at which nobody looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from kgraph.topology import dependents
from rca.region.arrays import Region
from rca.region.effects import Faults, Modes
from rca.region.scene import Scene
from rca.region.terrain import CROSSED
from rca.suspects.regions import region_over
from rca.suspects.signature import CUT, reach
from rca.suspects.units import Unit
from rca.suspects.waves import Rows, walk

EXPECTED = 0.5  # an effect at least so likely should have been seen by somebody
FEW = 100  # effects of all suspects together that are walked one by one


def unobserved(scene: Scene, suspects: Sequence[Unit]) -> Mapping[Faults, int]:
    """Return for each suspect how many entities it should have hit that nobody looks at.

    All of a graph is walked, and not only what was looked at: behind a core switch lies half an
    estate. What hits few things is walked by itself: that is sooner done than the arrays are made.
    """
    faults = [unit.faults for unit in suspects if unit.faults not in scene.spreads]
    if sum(len(unit.tree) for unit in suspects if unit.faults not in scene.spreads) > FEW:
        counts = _together(scene, faults)
    else:
        counts = {}
    return {
        unit.faults: counts[unit.faults] if unit.faults in counts else _alone(scene, unit.faults)
        for unit in suspects
    }


def _alone(scene: Scene, faults: Faults) -> int:
    return _count(scene, reach(scene, faults).predicted.items())


def _count(scene: Scene, hit: Iterable[tuple[int, Modes]]) -> int:
    return sum(
        1 for entity, modes in hit if max(modes.values()) >= EXPECTED and _hidden(scene, entity)
    )


def _together(scene: Scene, suspects: Sequence[Faults]) -> Mapping[Faults, int]:
    region, rows = _walked(scene, suspects)
    likely = np.flatnonzero(rows.predicted.max(axis=0) >= EXPECTED)
    hidden = np.ones(len(region.nodes), np.bool_)
    seen = np.flatnonzero(np.diff(region.seen.start))
    hidden[seen] = [_hidden(scene, entity) for entity in region.nodes[seen].tolist()]
    missed = rows.suspect[likely[hidden[rows.node[likely]]]]
    return dict(zip(suspects, np.bincount(missed, minlength=len(suspects)).tolist(), strict=True))


def _walked(scene: Scene, suspects: Sequence[Faults]) -> tuple[Region, Rows]:
    """Walk all that depends on the suspects, and on what these turn out to hurt as a burden."""
    begin = {entity for faults in suspects for entity, _ in faults}
    while True:
        inside = set(dependents(scene.topology, sorted(begin), types=CROSSED).entities.tolist())
        region = region_over(scene, inside)
        rows = walk(region, [region.located(faults) for faults in suspects])
        beyond = _pressed(scene, region, rows) - inside
        if not beyond:
            return region, rows
        begin |= beyond


def _pressed(scene: Scene, region: Region, rows: Rows) -> set[int]:
    """Return whom what is hit hurts against the arrows."""
    burdens = np.zeros(region.hard.shape, np.bool_)
    for kind, entity in dict(
        zip(region.kind.tolist(), region.nodes.tolist(), strict=True)
    ).items():
        modes = scene.compiled.burdens(scene.topology.kinds[entity])
        burdens[kind, [at for mode, at in region.slots[kind].items() if mode in modes]] = True
    felt = (rows.believed >= CUT) & burdens.T.take(region.kind[rows.node], axis=1)
    return {
        ahead.entity
        for entity in region.nodes[rows.node[felt.any(axis=0)]].tolist()
        for ahead in scene.terrain.presses(entity)
    }


def _hidden(scene: Scene, entity: int) -> bool:
    return all(reading.implied for reading in scene.readings.get(entity, ()))
