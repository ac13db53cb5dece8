"""How many entities a fault should have hit by now at which nobody looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rca.effects import Faults
from rca.region_arrays import region_over
from rca.scene import Scene
from rca.signature import reach
from rca.waves import walk

EXPECTED = 0.5  # an effect at least so likely should have been seen by somebody
AT_ONCE = 10_000  # entities of a graph in which all suspects are walked at once


def unobserved(scene: Scene, suspects: Sequence[Faults]) -> Mapping[Faults, int]:
    """Return for each suspect how many entities it should have hit that nobody looks at.

    All of a graph is walked, and not only what was looked at. Where that is the vicinity of an
    incident, arrays of it are soon made; those of a whole estate would take longer than the walks.
    """
    if len(suspects) < 2 or len(scene.topology) > AT_ONCE:
        return {faults: _alone(scene, faults) for faults in suspects}
    region = region_over(scene, set(range(len(scene.topology))))
    rows = walk(region, [region.located(faults) for faults in suspects])
    hidden = np.array([_hidden(scene, entity) for entity in region.nodes.tolist()], np.bool_)
    missed = hidden[rows.node] & (rows.predicted.max(axis=1) >= EXPECTED)
    counts = np.bincount(rows.suspect[missed], minlength=len(suspects)).tolist()
    return dict(zip(suspects, counts, strict=True))


def _alone(scene: Scene, faults: Faults) -> int:
    predicted = reach(scene, faults).predicted
    return sum(
        1
        for entity, modes in predicted.items()
        if max(modes.values()) >= EXPECTED and _hidden(scene, entity)
    )


def _hidden(scene: Scene, entity: int) -> bool:
    return all(reading.implied for reading in scene.readings.get(entity, ()))
