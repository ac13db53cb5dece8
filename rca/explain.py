"""Why a cause is believed: witnesses for and against, what is unknown, and the paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from kgraph.schema import Cause, Fault, Observation, Path, Step, Witness
from rca.grounds import rule_of
from rca.posterior import Posterior
from rca.region_edges import Mask
from rca.scene import Scene
from rca.score import score
from rca.units import Unit
from rca.unobserved import unobserved

SAYS = 0.05  # nats below which a reading is no witness
WORTH_A_WALK = 0.05  # posterior from which the unwatched are counted too
SAME = 1e-3  # chances that differ by less look the same


def causes(
    scene: Scene,
    best: Mapping[int, Unit],
    alike: Mapping[int, tuple[int, ...]],
    result: Posterior,
) -> tuple[Cause, ...]:
    """Return one row per entity that has any support, likeliest first; ties stable by index.

    Args:
        scene: the estate and what was seen on it.
        best: of `best_units`.
        alike: of `alike_among`.
        result: what is believed.
    """
    modes: dict[int, dict[str, float]] = {}
    for (entity, mode), chance in result.marginals().items():
        modes.setdefault(entity, {})[mode] = chance
    sure = {entity: sum(chances.values()) for entity, chances in modes.items()}
    worth = (best[entity] for entity, chance in sure.items() if chance >= WORTH_A_WALK)
    unknown = unobserved(scene, sorted(dict.fromkeys(worth), key=lambda unit: unit.faults))
    rows = []
    for entity, chances in modes.items():
        unit = best[entity]
        mode = max(chances, key=lambda m: (chances[m], m))
        told = unknown[unit.faults] if sure[entity] >= WORTH_A_WALK else 0
        cause = _cause(scene, entity, unit, mode, chances, told, alike)
        rows.append((-float(f"{sure[entity]:.9g}"), entity, cause))  # equals by index
    return tuple(row for _, _, row in sorted(rows, key=lambda r: r[:2]))


def best_units(suspects: Sequence[Unit]) -> Mapping[int, Unit]:
    """Return entity -> the unit that it is in which explains most."""
    found: dict[int, tuple[float, Unit]] = {}
    for unit in suspects:
        value = score([unit])
        for entity in unit.entities:
            if entity not in found or value > found[entity][0]:
                found[entity] = (value, unit)
    return {entity: unit for entity, (_, unit) in found.items()}


def _cause(
    scene: Scene,
    entity: int,
    unit: Unit,
    mode: str,
    chances: Mapping[str, float],
    unknown: int,
    alike: Mapping[int, tuple[int, ...]],
) -> Cause:
    uids = scene.topology.uids
    seen = witnesses(scene, unit)
    supporting = tuple(w for w in seen if w.weight > 0)
    return Cause(
        entity=uids[entity],
        kind=scene.topology.kinds[entity],
        mode=mode,
        posterior=min(1.0, sum(chances.values())),
        modes={m: chances[m] for m in sorted(chances, key=lambda m: (-chances[m], m))},
        explains=sum(1 for w in supporting if w.observation.abnormal),
        supporting=supporting,
        contradicting=tuple(w for w in seen if w.weight < 0),
        unknown=unknown,
        same_as=tuple(uids[other] for other in alike.get(entity, ())),
    )


def witnesses(scene: Scene, unit: Unit) -> list[Witness]:
    """Return what bears on a unit, strongest first; the breached objective is not a row."""
    found = [
        Witness(scene.readings[entity][i].observation, nats)
        for entity, i, nats in _telling(unit, np.abs(unit.nats) >= SAYS)
        if not scene.readings[entity][i].implied
    ]
    return sorted(
        found,
        key=lambda w: (-round(abs(w.weight), 9), w.observation.entity, w.observation.signal),
    )


def _telling(unit: Unit, which: Mask) -> Iterator[tuple[int, int, float]]:
    """Yield (entity, position, nats) of some rows, the breached objective left out."""
    rows = unit.rows
    which = which & (rows.position >= 0)
    columns = rows.entity[which], rows.position[which], unit.nats[which]
    return zip(*(column.tolist() for column in columns), strict=True)


def alike_among(best: Mapping[int, Unit]) -> Mapping[int, tuple[int, ...]]:
    """Group entities whose faults nothing that was seen can tell apart."""
    groups: dict[tuple[bytes, bytes], list[int]] = {}
    for entity, unit in best.items():
        if len(unit.faults) == 1 and len(unit.rows):
            order = np.argsort(unit.rows.column)
            chance = np.rint(unit.rows.chance[order] / SAME)
            look = unit.rows.column[order].tobytes(), chance.tobytes()
            groups.setdefault(look, []).append(entity)
    return {
        entity: tuple(other for other in sorted(group) if other != entity)
        for group in groups.values()
        if len(group) > 1
        for entity in group
    }


def paths(scene: Scene, chosen: Sequence[Unit]) -> tuple[Path, ...]:
    """Return the likeliest way from each chosen unit to every symptom that it explains."""
    return tuple(path for unit in chosen for path in _paths(scene, unit))


def _paths(scene: Scene, unit: Unit) -> Iterator[Path]:
    rules: dict[tuple[int, str], str] = {}
    for entity, i, _ in sorted(_telling(unit, unit.nats >= SAYS)):
        reading = scene.readings[entity][i]
        if not reading.observation.abnormal:
            continue
        predicted = unit.spread.predicted[entity]
        mode = max(predicted, key=lambda m: (predicted[m] * reading.bearing(m), m))
        yield _path(scene, unit, entity, mode, reading.observation, rules)


def _path(
    scene: Scene,
    unit: Unit,
    entity: int,
    mode: str,
    symptom: Observation,
    rules: dict[tuple[int, str], str],
) -> Path:
    uids, reach = scene.topology.uids, unit.spread
    steps = []
    at, current = entity, mode
    visited = {(at, current)}
    while (link := reach.links.get((at, current))) is not None and (
        at,
        current,
    ) not in unit.faults:
        rule = rules.get((at, current))
        if rule is None:
            rule = rules[at, current] = rule_of(scene, at, current, link)
        steps.append(Step(uids[at], current, link.relation, reach.believed[at][current], rule))
        at, current = link.entity, link.mode
        if (at, current) in visited:
            break
        visited.add((at, current))
    steps.append(Step(uids[at], current, "", reach.believed[at][current]))
    return Path(Fault(uids[at], current), symptom, tuple(reversed(steps)))
