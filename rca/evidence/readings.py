"""From the observations of an incident to its readings, entity by entity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import repeat
from typing import NamedTuple

import numpy as np

from kgraph.schema import Channel, Direction, Incident, Observation, channel_of
from kgraph.topology import Topology
from kgraph.topology.walk import in_order
from rca.evidence.crowd import Crowd, crowd_of
from rca.evidence.last_words import LastWords
from rca.evidence.likelihood import (
    HEALTHY_RATIO,
    MOST_NOISE,
    MOST_STRAY,
    TAIL,
    Reading,
    Sort,
)
from rca.evidence.loudest import Told, loudest, loudness, paths_of
from rca.evidence.roster import Roster
from rca.rules.model import Model, SignalRule
from rca.rules.rates import LEAST, Rates, plain_name


def read(
    incident: Incident, model: Model, topology: Topology
) -> Mapping[str, tuple[Reading, ...]]:
    """Return entity -> its readings, abnormal ones first, by signal.

    Args:
        incident: with its healthy rows spelled out already (`expand_healthy`).
        model: the causal rules.
        topology: the incident's graph.
    """
    roster = Roster(topology, incident.entities)
    words = LastWords.of(incident.observations, topology, roster)
    paths = paths_of(incident.observations, topology, roster, words)
    told = loudest(incident.observations, topology, paths, words)
    crowd = crowd_of(told, incident, len(topology))
    place = [*map(topology.index.__getitem__, [seen.entity for seen in told.rows])]
    looks, look = _looks(told, [*map(topology.kinds.__getitem__, place)], model)
    strayed = _strayed(incident)
    ratios = [*map([each.calm for each in looks].__getitem__, look)]
    for i in told.alarms:
        its = looks[look[i]]
        said = told.rows[i]
        noise = strayed.get((said.entity, said.signal), 0.0) if strayed else 0.0
        ratios[i] = _alarming(said, its, crowd, noise)
    sorts = map([each.sort for each in looks].__getitem__, look)
    looked = repeat(False)  # noqa: FBT003 - that nobody did is told of silence alone
    columns = zip(told.rows, sorts, ratios, told.via, looked, told.last, strict=False)
    return _by_entity([*map(_reading, columns)], place, told.alarms, looks, look)


# As `Reading._make` does, without its check: an incident has thousands.
_reading: Callable[[tuple[Observation, Sort, float, str, bool, str]], Reading] = partial(
    tuple.__new__, Reading
)


def _by_entity(
    readings: Sequence[Reading],
    place: Sequence[int],
    alarms: Sequence[int],
    looks: Sequence[_Look],
    look: Sequence[int],
) -> Mapping[str, tuple[Reading, ...]]:
    """Return the readings of each entity in order, entities as they come.

    Args:
        readings: of all.
        place: of each, the index of its entity.
        alarms: which of them are abnormal.
        looks: all that differ.
        look: of each, which it is.
    """
    orders = {order: i for i, order in enumerate(sorted({each.order for each in looks}))}
    rank = np.array([orders[each.order] for each in looks], np.int64)
    heeded = np.array([each.sort.channel is not Channel.IGNORED for each in looks], np.bool_)
    which, entity = np.array(look, np.int64), np.array(place, np.int64)
    calm = np.ones(len(which), np.int64)
    calm[alarms] = 0
    key = (2 * entity + calm) * len(orders) + rank[which]
    kept = np.flatnonzero(heeded[which])
    order = kept[in_order(key[kept])]
    begin = np.flatnonzero(np.diff(entity[order], prepend=-1))
    rows = [*map(readings.__getitem__, order.tolist())]
    ends = [*begin[1:].tolist(), len(rows)]
    spans = [*zip(begin.tolist(), ends, strict=True)] if rows else []
    first = np.minimum.reduceat(order, begin) if rows else begin
    found = [spans[i] for i in np.argsort(first).tolist()]
    return {rows[a].observation.entity: tuple(rows[a:b]) for a, b in found}


class _Look(NamedTuple):
    """What is equal for the observations of one signal on entities of one kind by one detector.

    Attributes:
        rule: the one that counts on the signal most surely, if there is any.
        measured: the record of the detector, if it has one.
        state: whether it names a state, of which there is no more or less.
        calm: what it says where nothing is wrong.
        order: its place among the looks at one entity: signal, direction, caller and detector.
    """

    sort: Sort
    rule: SignalRule | None
    measured: Rates | None
    state: bool
    calm: float
    order: tuple[str, str, str, str]


def _looks(told: Told, kinds: Sequence[str], model: Model) -> tuple[list[_Look], list[int]]:
    """Return the looks that differ, and which each row is."""
    number: dict[_Key, int] = {}
    look = [
        number.setdefault(
            (kind, seen.signal, seen.direction, foreign, seen.detector, seen.caller), len(number)
        )
        for seen, kind, foreign in zip(told.rows, kinds, told.foreign, strict=True)
    ]
    sorts: dict[tuple[object, ...], Sort] = {}  # what is equal, worked out once
    for key in number:
        if key[:4] not in sorts:
            sorts[key[:4]] = _sort(model, *key[:4])
    return [_look(sorts[key[:4]], model.rates.of(key[4]), key) for key in number], look


# Kind, signal, direction, whether on calls by others, detector and caller.
_Key = tuple[str, str, Direction | None, bool, str, str | None]


def _look(sort: Sort, measured: Rates | None, key: _Key) -> _Look:
    rule, calm = sort.foremost, HEALTHY_RATIO
    if known := measured or rule:
        calm = (1 - known.detection) / (1 - known.false_alarm)
    _, signal, way, _, detector, caller = key
    order = signal, way.value if way else "", caller or "", detector
    return _Look(sort, rule, measured, sort.is_state, calm, order)


def _sort(model: Model, kind: str, signal: str, way: Direction | None, foreign: bool) -> Sort:  # noqa: FBT001
    rules = () if way is Direction.DOWN else model.signal_rules.get((kind, signal), ())
    return Sort(kind, channel_of(kind, signal, way, foreign_caller=foreign), signal, rules)


def _strayed(incident: Incident) -> Mapping[tuple[str, str], float]:
    """Return (entity, signal) -> how often that alarms when nothing is wrong, in [0, 1).

    Of several who say the same now, the one that cries wolf least.
    """
    if not incident.strays:
        return {}
    known = {(row.entity, row.signal, row.detector): row.noise for row in incident.strays}
    found: dict[tuple[str, str], float] = {}
    for seen in incident.observations:
        if seen.abnormal:
            pair = seen.entity, seen.signal
            noise = known.get((*pair, plain_name(seen.detector)), 0.0)
            found[pair] = min(found.get(pair, 1.0), noise)
    return found


def _alarming(seen: Observation, look: _Look, crowd: Crowd, stray: float) -> float:
    """Return how much likelier an alarm is of what is hit; `stray` only ever makes it less so."""
    if look.measured is not None:
        return _measured(seen, look.measured)
    sized = crowd.tails * TAIL / (TAIL + loudness(seen))
    rule = look.rule
    if rule is None:
        detection, noise = 1.0, max(crowd.floor, crowd.share(seen)) + sized
    else:  # with known rates its noise does not depend on what others show
        detection = rule.detection
        noise = rule.false_alarm + (0.0 if look.state else sized)
    return detection / max(min(MOST_NOISE, noise), min(detection * MOST_STRAY, stray))


def _measured(seen: Observation, rates: Rates) -> float:
    """A detector with a record: what it counts is how often it fires, and then by how much.

    Its size has tails as any has, but beyond where it begins to fire.
    """
    beyond = 1.0 if seen.score is None else 2 * TAIL / (TAIL + max(TAIL, seen.score))
    return rates.detection / max(LEAST, rates.false_alarm * beyond)
