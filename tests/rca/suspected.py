"""What the engine weighs in a scene, for tests of how it weighs it."""

from __future__ import annotations

from collections.abc import Mapping

from rca.region.bounds import abnormal_entities, exhausted, suspects
from rca.region.scene import Scene
from rca.suspects.prospects import prospects
from rca.suspects.support import ReadingId, Support
from rca.suspects.units import Unit, units


def units_of(scene: Scene) -> list[Unit]:
    """Return all that may have failed by itself, as `rca.engine` finds it."""
    symptoms = abnormal_entities(scene.readings)
    suspected = suspects(scene, symptoms)
    groups = exhausted(scene, suspected, symptoms)
    return units(scene, prospects(scene, suspected, groups, None), None)


def support(unit: Unit) -> Mapping[ReadingId, Support]:
    """Return what a unit says of each reading."""
    rows = unit.rows
    keys = zip(rows.entity.tolist(), rows.position.tolist(), strict=True)
    told = zip(*rows.says.tolist(), rows.soft.tolist(), strict=True)
    return {
        key: Support(chance, ratio, soft, weight, bears)
        for key, (chance, ratio, weight, bears, soft) in zip(keys, told, strict=True)
    }
