"""What was seen in a region, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rca.likelihood import Reading
from rca.region_edges import Floats, Ints
from rca.scene import SPEAKS, Scene

UNKNOWN = -2  # probe of a reading of which nobody knows it


@dataclass(frozen=True, slots=True)
class Seen:
    """The readings of the nodes: rows start[node]:start[node + 1].

    Attributes:
        position: among the readings of its entity.
        ratio, weight: of each reading.
        bearing: (r, slots) how much it speaks of each mode of its node.
        probe: node of the probe that it was made through; -1 not among them, UNKNOWN nobody knows.
        ratios: (n, slots) what all readings of a node together say of a mode.
    """

    start: Ints
    position: Ints
    ratio: Floats
    weight: Floats
    bearing: Floats
    probe: Ints
    ratios: Floats


def seen_by(
    scene: Scene,
    nodes: Ints,
    local: Ints,
    slots: Sequence[Mapping[str, int]],
    kind: Ints,
    width: int,
) -> Seen:
    index = scene.topology.index
    speaks: dict[object, list[float]] = {}
    counts = np.zeros(len(nodes), np.int64)
    position, ratio, weight, bearing, probe = [], [], [], [], []
    places = sorted(
        (int(local[entity]), entity) for entity in scene.readings if local[entity] >= 0
    )
    for node, entity in places:
        rows = scene.readings[entity]
        counts[node] = len(rows)
        known = slots[int(kind[node])]
        for i, reading in enumerate(rows):
            seen = reading.observation
            key = (reading.kind, reading.channel, seen.signal, id(reading.rules))
            row = speaks.get(key)
            if row is None:
                row = speaks[key] = _bearings(reading, known, width)
            position.append(i)
            ratio.append(reading.ratio)
            weight.append(scene.weights.get((entity, i), 1.0))
            bearing.append(row)
            at = index.get(reading.via)
            probe.append(UNKNOWN if at is None else int(local[at]))
    start = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    ratios = np.ones((len(nodes), width))
    says = np.array(ratio, np.float64)
    of = np.array(bearing, np.float64).reshape(len(says), width)
    if len(says):
        has = np.flatnonzero(counts)
        heard = np.where(of >= SPEAKS, says[:, None], 1.0)
        loud = np.maximum.reduceat(np.maximum(heard, 1.0), start[has], axis=0)
        quiet = np.minimum.reduceat(np.minimum(heard, 1.0), start[has], axis=0)
        ratios[has] = loud * quiet
    return Seen(
        start,
        np.array(position, np.int64),
        says,
        np.array(weight, np.float64),
        of,
        np.array(probe, np.int64),
        ratios,
    )


def _bearings(reading: Reading, slots: Mapping[str, int], width: int) -> list[float]:
    row = [0.0] * width
    for mode, slot in slots.items():
        row[slot] = reading.bearing(mode)
    return row
