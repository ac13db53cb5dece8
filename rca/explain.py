"""Why a cause is believed: witnesses for and against, what is unknown, and the paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from kgraph.schema import Cause, Fault, Path, Step, Witness
from kgraph.topology import lack
from rca.effects import Link
from rca.grounds import rule_of
from rca.posterior import Posterior
from rca.region_edges import Floats, Ints
from rca.scene import Scene
from rca.units import Unit
from rca.unobserved import unobserved

SAYS = 0.05  # nats below which a reading is no witness
WORTH_A_WALK = 0.05  # posterior from which the unwatched are counted too, and what it lacks
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
    voices, rows = _Voices(scene, (best[entity] for entity in modes)), []
    for entity, chances in modes.items():
        unit = best[entity]
        told = unknown[unit.faults] if sure[entity] >= WORTH_A_WALK else None
        cause = _cause(scene, entity, unit, chances, told, alike, voices)
        rows.append((-float(f"{sure[entity]:.9g}"), entity, cause))  # equals by index
    return tuple(row for _, _, row in sorted(rows, key=lambda r: r[:2]))


def best_units(suspects: Sequence[Unit]) -> Mapping[int, Unit]:
    """Return entity -> the unit that it is in which explains most."""
    found: dict[int, Unit] = {}
    for unit in suspects:
        for entity in unit.entities:
            if entity not in found or unit.strength > found[entity].strength:
                found[entity] = unit
    return found


def _cause(
    scene: Scene,
    entity: int,
    unit: Unit,
    chances: Mapping[str, float],
    unknown: int | None,
    alike: Mapping[int, tuple[int, ...]],
    voices: _Voices,
) -> Cause:
    uids = scene.topology.uids
    supporting, contradicting, explains = voices.about(unit)
    return Cause(
        entity=uids[entity],
        kind=scene.topology.kinds[entity],
        mode=max(chances, key=lambda m: (chances[m], m)),
        posterior=min(1.0, sum(chances.values())),
        modes={m: chances[m] for m in sorted(chances, key=lambda m: (-chances[m], m))},
        explains=explains,
        supporting=supporting,
        contradicting=contradicting,
        unknown=unknown or 0,
        same_as=tuple(uids[other] for other in alike.get(entity, ())),
        lacks=None if unknown is None else lack(scene.topology, entity),
    )


class _Voices:
    """What bears on any of some units, by the columns of the scene: each may have thousands."""

    def __init__(self, scene: Scene, units: Iterable[Unit]) -> None:
        told = np.zeros(scene.columns, np.bool_)
        for unit in units:
            told[unit.rows.column[np.abs(unit.nats) >= SAYS]] = True
        told[-1] = False  # the breached objective, which is no row
        readings = scene.readings
        rows = [row for entity in sorted(readings) for row in readings[entity]]
        self._seen = {
            at: rows[at].observation
            for at in np.flatnonzero(told).tolist()
            if not rows[at].implied
        }
        order = sorted(self._seen, key=lambda at: (self._seen[at].entity, self._seen[at].signal))
        self._rank = np.full(scene.columns, -1)  # in which order equals are told; -1: not at all
        self._rank[order] = np.arange(len(order))
        self._wrong = np.zeros(scene.columns, np.bool_)
        self._wrong[order] = [self._seen[at].abnormal for at in order]

    def about(self, unit: Unit) -> tuple[tuple[Witness, ...], tuple[Witness, ...], int]:
        """Return what speaks for a unit and against it, strongest first, and its alarms."""
        rank, loud = self._rank[unit.rows.column], np.abs(unit.nats)
        told = np.flatnonzero((loud >= SAYS) & (rank >= 0))
        told = told[np.lexsort((rank[told], -np.round(loud[told], 9)))]
        column, nats = unit.rows.column[told], unit.nats[told]
        speak = nats > 0
        supporting, contradicting = (
            self._witnesses(column[which], nats[which]) for which in (speak, ~speak)
        )
        return supporting, contradicting, int(np.count_nonzero(self._wrong[column] & speak))

    def _witnesses(self, column: Ints, nats: Floats) -> tuple[Witness, ...]:
        rows = zip(column.tolist(), nats.tolist(), strict=True)
        return tuple([Witness(self._seen[at], said) for at, said in rows])


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
    known: dict[tuple[int, str], tuple[Step, ...]] = {}
    rows = unit.rows
    which = (unit.nats >= SAYS) & (rows.position >= 0)  # the breached objective has no path
    told = zip(rows.entity[which].tolist(), rows.position[which].tolist(), strict=True)
    for entity, i in sorted(told):
        reading = scene.readings[entity][i]
        if not reading.observation.abnormal:
            continue
        predicted = unit.spread.predicted[entity]
        mode = max(predicted, key=lambda m: (predicted[m] * reading.bearing(m), m))
        steps = _steps(scene, unit, (entity, mode), known)
        yield Path(Fault(steps[0].entity, steps[0].mode), reading.observation, steps)


def _steps(
    scene: Scene,
    unit: Unit,
    at: tuple[int, str],
    known: dict[tuple[int, str], tuple[Step, ...]],
) -> tuple[Step, ...]:
    """Return the way to an entity in a mode; that to what lies before it is the same for all."""
    links, behind = unit.spread.links, []
    while at not in known and at not in unit.faults and (link := links.get(at)) is not None:
        behind.append((at, link))
        at = link.entity, link.mode
    steps = known.get(at) or (_step(scene, unit, at, None),)
    for after, link in reversed(behind):
        steps = known[after] = (*steps, _step(scene, unit, after, link))
    return steps


def _step(scene: Scene, unit: Unit, at: tuple[int, str], link: Link | None) -> Step:
    entity, mode = at
    sure = unit.spread.believed[entity][mode]
    relation, rule = (link.relation, rule_of(scene, *at, link)) if link else ("", "")
    return Step(scene.topology.uids[entity], mode, relation, sure, rule)
