"""Why a cause is believed: witnesses for and against, what is unknown, and the paths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from kgraph.schema import Cause, Fault, Observation, Path, Step, Witness
from kgraph.topology import lack
from kgraph.topology.walk import each_once
from rca.answers.grounds import rule_of
from rca.answers.unobserved import unobserved
from rca.inference.posterior import Posterior
from rca.region.effects import Link
from rca.region.scene import Scene
from rca.suspects.units import Unit

SAYS = 0.05  # nats below which a reading is no witness
WORTH_A_WALK = 0.3  # posterior from which the unwatched are counted, of half an estate perhaps
WORTH_A_LOOK = 0.05  # posterior from which it is sought what it lacks
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
    worth = {
        best[entity]
        for entity, chance in sure.items()
        if chance >= WORTH_A_WALK or best[entity].faults in scene.spreads  # walked already
    }
    unknown = unobserved(scene, sorted(worth, key=lambda unit: unit.faults))
    told, rows = _told(scene, list(dict.fromkeys(best[entity] for entity in modes))), []
    for entity, chances in modes.items():
        unit = best[entity]
        cause = _cause(
            scene, entity, chances, told[unit.number], unknown.get(unit.faults, 0), alike
        )
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
    chances: Mapping[str, float],
    told: _Told,
    unknown: int,
    alike: Mapping[int, tuple[int, ...]],
) -> Cause:
    uids, sure = scene.topology.uids, sum(chances.values())
    modes = sorted(chances, key=lambda m: (-chances[m], m))
    return Cause(
        entity=uids[entity],
        kind=scene.topology.kinds[entity],
        mode=modes[0],
        posterior=min(1.0, sure),
        modes={m: chances[m] for m in modes},
        explains=told.alarms,
        supporting=told.supporting,
        contradicting=told.contradicting,
        unknown=unknown,
        same_as=tuple(uids[other] for other in alike.get(entity, ())),
        lacks=lack(scene.topology, entity) if sure >= WORTH_A_LOOK else None,
    )


class _Told(NamedTuple):
    supporting: tuple[Witness, ...]
    contradicting: tuple[Witness, ...]
    alarms: int  # of what supports


def _told(scene: Scene, units: Sequence[Unit]) -> Mapping[int, _Told]:
    """Return of each unit, by its number, what speaks for it and against it, strongest first.

    The breached objective, which has the last column of a scene, is no row.
    """
    if not units:
        return {}
    column = np.concatenate([unit.rows.column for unit in units])
    nats = np.concatenate([unit.nats for unit in units])
    of = np.repeat(np.arange(len(units)), [len(unit.rows) for unit in units])
    heard = scene.heard
    loud = np.flatnonzero((np.abs(nats) >= SAYS) & (column < scene.columns - 1))
    loud = loud[~heard.implied[column[loud]]]
    said = each_once(column[loud])
    signal = np.unique([sort.signal for sort in heard.looks], return_inverse=True)[1]
    by_name = signal[heard.look[said]], scene.topology.named[heard.owner[said]]
    rank = np.empty(scene.columns, np.int64)  # in which order equals are told
    rank[said[np.lexsort(by_name)]] = np.arange(len(said))
    side = 2 * of[loud] + (nats[loud] < 0)
    order = np.lexsort((rank[column[loud]], -np.round(np.abs(nats[loud]), 9), side))
    loud, side, column = loud[order], side[order], column[loud[order]]
    many = 2 * len(units)
    alarms = np.bincount(side[heard.abnormal[column]], minlength=many)[::2].tolist()
    seen = {at: heard.rows[at].observation for at in said.tolist()}
    pairs = zip(map(seen.__getitem__, column.tolist()), nats[loud].tolist(), strict=True)
    witnesses = [*map(_witness, pairs)]
    ends = np.searchsorted(side, np.arange(many + 1)).tolist()
    sides = [tuple(witnesses[a:b]) for a, b in pairwise(ends)]
    told = zip(units, sides[::2], sides[1::2], alarms, strict=True)
    return {unit.number: _Told(*each) for unit, *each in told}


# As `Witness._make` does, without its check: an answer has tens of thousands.
_witness: Callable[[tuple[Observation, float]], Witness] = partial(tuple.__new__, Witness)


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
