"""From observations to likelihood ratios.

One reading is one (entity, signal, direction): what was seen there, how much likelier that is when
the entity is hit than when it is not (`ratio`), and which modes it speaks of (`bearing`).

    ratio = P(seen | hit) / P(seen | not hit);   1 says nothing, > 1 abnormal, < 1 healthy

A symptom that everybody shows says little (`crowd`), and sizes have heavy tails: a robust z of 50
is not a hundred times surer than one of 5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import repeat
from typing import NamedTuple

import numpy as np

from kgraph.schema import (
    EVERY_DETECTOR,
    FILLING,
    REDUCED,
    UNOBSERVED,
    Channel,
    Direction,
    Incident,
    Observation,
    Severity,
    State,
    channel_of,
    kind_of,
    main_modes,
    mode_named,
)
from kgraph.topology import Topology
from kgraph.topology.walk import in_order, needs
from rca.compile import severity_of
from rca.last_words import LastWords, reports_as
from rca.rates import LEAST, Rates
from rca.roster import Roster
from rca.rules import Model, SignalRule

WATCHED_BY = "WATCHED_BY"
_ABNORMAL = State.ABNORMAL  # looking a member up takes ten times as long as a name
_ON_THE_WAY = "unreachable"  # about the way there, and not about the thing alone

# The constants of the evidence model, fixed on the development data and the simulator.
SPEAKS = 0.5  # a reading that bears on a mode at least so much corrects it
HEALTHY_RATIO = 0.4  # a probe looked and saw nothing
TARGET_RATIO = 100.0  # the objective whose breach raised the incident
LEAST_NOISE, MOST_NOISE = 0.15, 0.9  # P(abnormal | not hit) is held between these
STRAYS = 3.0  # alarms without meaning in one incident, however large the estate
OFTENER = 4.0  # a measurement that fired is likely one that often does: so much beyond the mean
TAIL = 3.0  # z at which a size halves the noise
SIZED = 300.0  # entities up to which every size is sent; of more, those that crossed a threshold

# P(signal | the entity itself is at fault) by channel.
AT_CAUSE = {
    Channel.MODE: 0.9,
    Channel.MAIN: 0.85,
    Channel.EVERY: 0.85,
    Channel.RESOURCE: 0.7,
    Channel.WORKLOAD: 0.2,
    Channel.CALL: 0.3,
    Channel.WAITING: 0.05,
}
_MEASURED_AS = {"slow": "latency", "failing": "errors"}  # generic modes, of which kinds have finer
_UNFELT = frozenset({FILLING.name, REDUCED.name})
_OF_ANY_MODE = frozenset({Channel.RESOURCE, Channel.WORKLOAD, Channel.CALL, Channel.WAITING})
AT_CAUSE_RULED = 0.97  # the rule's own detection is in the ratio already
OTHER = 0.05  # any signal, whatever the mode
WAITS = 0.5  # that it waits for what it calls, of what is slow because of that
LATE = 0.3  # slowness of something that has stopped: what still answers waits for time-outs
DROPS = 0.3  # errors of a line, a disk or a machine that is merely weak: software answers late
LOOKED_AT_GRAY = 0.1  # `down` and `unreachable` of something that is merely slow


@dataclass(frozen=True, slots=True, eq=False)
class Sort:
    """What is equal for the readings of one signal on entities of one kind.

    Attributes:
        rules: what the model says of this signal here, if anything.
    """

    kind: str
    channel: Channel
    signal: str
    rules: tuple[SignalRule, ...] = ()
    _bears: dict[str, float] = field(default_factory=dict, repr=False)
    _shows: dict[str, float] = field(default_factory=dict, repr=False)

    @property
    def foremost(self) -> SignalRule | None:
        """The rule that counts on it most surely, if there is any."""
        return max(self.rules, key=lambda rule: rule.detection, default=None)

    def at_cause(self, mode: str) -> float:
        """Return P(seen | this entity is at fault in `mode`), in [0, 1]."""
        known = self._shows.get(mode)
        if known is None:
            known = self._shows[mode] = self._shown_by(mode)
        return known

    def bearing(self, mode: str) -> float:
        """Return how much the signal speaks of `mode`, in [0, 1]; 1 for the mode that it shows."""
        known = self._bears.get(mode)
        if known is None:
            known = self._bears[mode] = self._speaks_of(mode)
        return known

    def _shown_by(self, mode: str) -> float:
        bearing = self.bearing(mode)
        if self.rules:
            return bearing * AT_CAUSE_RULED
        if mode in _UNFELT and self.channel is not Channel.EVERY:
            return max(OTHER, bearing * AT_CAUSE[self.channel])
        if self.channel in _OF_ANY_MODE:
            return AT_CAUSE[self.channel]
        return max(OTHER, bearing * AT_CAUSE[self.channel])

    def _speaks_of(self, mode: str) -> float:
        if self.rules:
            shown = [rule.detection for rule in self.rules if rule.mode == mode]
            return max(shown, default=0.0) / max(rule.detection for rule in self.rules)
        return _bearing(self.channel, self.kind, self.signal, mode)


class Reading(NamedTuple):
    """One witness: the loudest of the equal observations of one entity.

    A tuple and not a dataclass: an incident has thousands.

    Attributes:
        ratio: likelihood ratio, > 0.
        via: uid of the probe through which it was seen; empty where nothing says.
        implied: nobody looked: an alert list says it by its silence, see `rca.silence`; its
            observation names no entity.
        last: uid of the place from which it was a last word, see `rca.last_words`; empty: of none.
    """

    observation: Observation
    sort: Sort
    ratio: float
    via: str = ""
    implied: bool = False
    last: str = ""

    @property
    def channel(self) -> Channel:
        """How closely the signal speaks of the entity itself."""
        return self.sort.channel

    def at_cause(self, mode: str) -> float:
        """Return P(seen | this entity is at fault in `mode`), in [0, 1]."""
        return self.sort.at_cause(mode)

    def bearing(self, mode: str) -> float:
        """Return how much the signal speaks of `mode`, in [0, 1]; 1 for the mode that it shows."""
        return self.sort.bearing(mode)


@lru_cache(maxsize=65_536)
def _bearing(channel: Channel, kind: str, signal: str, mode: str) -> float:
    if mode == UNOBSERVED.name:  # it is well, for all that anybody knows
        return 1.0 if channel is Channel.EVERY and signal == "unreachable" else 0.0
    if mode in _UNFELT and channel is not Channel.EVERY:  # nothing is slow yet, nor fails
        return 1.0 if signal == mode else OTHER
    match channel:
        case Channel.MODE:
            return 1.0 if mode_named(kind, signal) == mode else _as_measured(kind, signal, mode)
        case Channel.MAIN:
            return _main(kind, signal, mode)
        case Channel.WAITING:
            return max(OTHER, WAITS * _main(kind, "latency", mode))
        case Channel.EVERY:
            gray = severity_of(kind, mode) is Severity.GRAY
            return LOOKED_AT_GRAY if gray and signal in {"down", "unreachable"} else 1.0
        case _:
            return OTHER


def _as_measured(kind: str, signal: str, mode: str) -> float:
    """Who says `slow` or `failing` says what a measurement would, and not which mode it is."""
    measured = _MEASURED_AS.get(signal)
    return max(OTHER, _main(kind, measured, mode)) if measured else OTHER


def _main(kind: str, signal: str, mode: str) -> float:
    gray = severity_of(kind, mode) is Severity.GRAY
    if "slow" in main_modes(signal):
        return 1.0 if gray else LATE
    if gray:
        software = kind_of(kind).effect[Severity.HARD] == "failing"
        return OTHER if software else DROPS
    return 1.0


def alarms(rows: Sequence[Reading]) -> bool:
    """Tell whether something is wrong with an entity, of its readings in the order of `read`."""
    return bool(rows) and rows[0].observation.state is _ABNORMAL


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
    paths = _paths(incident.observations, topology, roster, words)
    told = _loudest(incident.observations, topology, paths, words)
    crowd = _crowd(told, incident, len(topology))
    place = [*map(topology.index.__getitem__, [seen.entity for seen in told.rows])]
    looks, look = _looks(told, [*map(topology.kinds.__getitem__, place)], model)
    ratios = [*map([each.calm for each in looks].__getitem__, look)]
    for i in told.alarms:
        its = looks[look[i]]
        ratios[i] = _alarming(told.rows[i], its.rule, crowd, its.measured)
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
        calm: what it says where nothing is wrong.
        order: its place among the looks at one entity: signal, direction, caller and detector.
    """

    sort: Sort
    rule: SignalRule | None
    measured: Rates | None
    calm: float
    order: tuple[str, str, str, str]


def _looks(told: _Told, kinds: Sequence[str], model: Model) -> tuple[list[_Look], list[int]]:
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
    return _Look(sort, rule, measured, calm, order)


def _sort(model: Model, kind: str, signal: str, way: Direction | None, foreign: bool) -> Sort:  # noqa: FBT001
    rules = () if way is Direction.DOWN else model.signal_rules.get((kind, signal), ())
    return Sort(kind, channel_of(kind, signal, way, foreign_caller=foreign), signal, rules)


def _foreign(seen: Observation) -> bool:
    return seen.caller is not None and seen.caller != seen.entity


_Paths = Mapping[tuple[str, str], str]  # entity, detector -> the probe through which it speaks


def _paths(
    observations: Iterable[Observation], topology: Topology, roster: Roster, words: LastWords
) -> _Paths:
    """Return through which probe a detector speaks, of looks of which that matters.

    A probe says in its property `detector` under which name it reports; where several of one
    entity have that name, nothing says. That nothing answers on one way says nothing of the
    others: each is a witness of its own.
    """
    asked = dict.fromkeys(
        seen.entity
        for seen in observations
        if seen.signal == _ON_THE_WAY or seen.detector in words.known
    )
    uids, index = topology.uids, topology.index
    entities = [index[uid] for uid in asked if uid in index]
    by, probes = needs(topology, np.array(entities, np.int64), (WATCHED_BY,))
    names = {probe: reports_as(roster, uids[probe]) for probe in set(probes.tolist())}
    found: dict[tuple[str, str], str] = {}
    for place, probe in zip(by.tolist(), probes.tolist(), strict=True):
        if name := names[probe]:
            told = uids[entities[place]], name
            found[told] = uids[probe] if found.get(told, uids[probe]) == uids[probe] else ""
    return found


def _via(seen: Observation, paths: _Paths) -> str:
    """Return the probe of a look; empty where nothing says."""
    return paths.get((seen.entity, seen.detector), "")


def loudness(seen: Observation) -> float:
    """Return its size; an alert without a size is as loud as can be."""
    return math.inf if seen.score is None else seen.score


class _Told(NamedTuple):
    """The loudest observations, as columns.

    Attributes:
        foreign: whether on calls by others.
        via: uid of the probe through which it was seen; empty where nothing says.
        last: uid of the place of a last word; empty: it is none.
        alarms: which of them are abnormal.
    """

    rows: Sequence[Observation]
    foreign: Sequence[bool]
    via: Sequence[str]
    last: Sequence[str]
    alarms: Sequence[int]


def _loudest(
    observations: Sequence[Observation], topology: Topology, paths: _Paths, words: LastWords
) -> _Told:
    """Keep one row per (entity, signal, direction, foreign caller or not, probe): the loudest.

    Something wrong beats nothing seen: two detectors may look from different sides. A last word is
    kept where nobody else has said the same.
    """
    index = topology.index
    rows = [seen for seen in observations if seen.entity in index]
    via = [_via(seen, paths) if seen.signal == _ON_THE_WAY else "" for seen in rows]
    keys = [
        (seen.entity, seen.signal, seen.direction, _foreign(seen), probe)
        if seen.caller is not None
        else (seen.entity, seen.signal, seen.direction, False, probe)
        for seen, probe in zip(rows, via, strict=True)
    ]
    last = _last_words(rows, paths, words)
    best = _first_said(rows, keys, [i for i in range(len(rows)) if i not in last])
    late = _first_said(rows, keys, [*last])
    wrong = {
        (seen.entity, seen.signal, probe)
        for seen, probe in zip(rows, via, strict=True)
        if seen.state is _ABNORMAL
    }
    ill = {entity for entity, _, _ in wrong}
    kept = [
        i
        for key, i in best.items()
        if key[0] not in ill or rows[i].state is _ABNORMAL or (key[0], key[1], key[4]) not in wrong
    ]
    kept += [
        i for key, i in late.items() if key not in best and (key[0], key[1], key[4]) not in wrong
    ]
    chosen = [rows[i] for i in kept]
    return _Told(
        chosen,
        [keys[i][3] for i in kept],
        [via[i] for i in kept],
        [last.get(i, "") for i in kept],
        [i for i, seen in enumerate(chosen) if seen.state is _ABNORMAL],
    )


def _last_words(rows: Sequence[Observation], paths: _Paths, words: LastWords) -> Mapping[int, str]:
    """Return which rows are last words, and from which place."""
    if not words.known:
        return {}
    asked = ((i, seen) for i, seen in enumerate(rows) if seen.detector in words.known)
    told = ((i, words.place(seen, _via(seen, paths))) for i, seen in asked)
    return {i: place for i, place in told if place}


_Said = tuple[str, str, Direction | None, bool, str]  # what rows that say the same have in common


def _first_said(
    rows: Sequence[Observation], keys: Sequence[_Said], some: Sequence[int]
) -> Mapping[_Said, int]:
    """Return of some rows what is said, and which row says it: of several the loudest."""
    found = {keys[i]: i for i in some}
    if len(found) == len(some):  # mostly nothing is said twice
        return found
    found = {}
    for i in some:
        known = found.setdefault(keys[i], i)
        if known != i and _speaks_first(rows[i], rows[known]):
            found[keys[i]] = i
    return found


def _speaks_first(seen: Observation, known: Observation) -> bool:
    """Tell which of two equal rows is kept: what is wrong, the louder, the earlier."""
    one, other = (seen.abnormal, loudness(seen)), (known.abnormal, loudness(known))
    return one > other or (one == other and _by(seen) < _by(known))


def _by(seen: Observation) -> tuple[float, str, str]:
    at = seen.at.timestamp() if seen.at is not None else math.inf
    return at, seen.detector, seen.caller or ""


_Shown = tuple[str, bool, Direction | None]  # signal, whether on calls by others, which way


@dataclass(frozen=True, slots=True)
class _Crowd:
    sizes: Mapping[_Shown, Sequence[float]]  # falling
    least: int  # entities that could have shown a symptom, whatever it is
    observed: Mapping[tuple[str, bool], int]  # signal, on calls by others -> who was looked at
    told: frozenset[str]  # signals that somebody reports as healthy where they are
    floor: float  # share that shows it without meaning anything
    restless: float  # the same of an alert list, by how much of all that may alarm does
    tails: float  # share of the sizes that anybody would have sent

    def share(self, seen: Observation) -> float:
        """Return the share of others that show this symptom at least as loudly, in [0, 1].

        Only in alert lists: where health is told, it speaks for itself, and one more alarm must
        not lower its own cause. Where much alarms of all that may, what others do not show says
        less, too.
        """
        if seen.signal in self.told:
            return 0.0
        foreign = _foreign(seen)
        sizes = self.sizes[(seen.signal, foreign, seen.direction)]
        own = loudness(seen)
        others = sum(1 for size in sizes if size >= own) - 1
        among = max(self.least, self.observed[seen.signal, foreign])
        return max(self.restless, (0.5 + others) / (1 + among))


def _crowd(loudest: _Told, incident: Incident, size: int) -> _Crowd:
    sizes: dict[_Shown, dict[str, float]] = {}
    for i in loudest.alarms:
        seen = loudest.rows[i]
        by_entity = sizes.setdefault((seen.signal, loudest.foreign[i], seen.direction), {})
        by_entity[seen.entity] = max(by_entity.get(seen.entity, 0.0), loudness(seen))
    told = {
        seen.signal
        for seen in loudest.rows
        if seen.state is not _ABNORMAL and seen.detector != EVERY_DETECTOR
    }
    least = size if incident.candidates is None else len(incident.candidates)
    observed = _observed(loudest, {(signal, foreign) for signal, foreign, _ in sizes}, told)
    listed = {key: len(rows) for key, rows in sizes.items() if key[:2] in observed}
    looks = sum(max(least, observed[key[:2]]) for key in listed)
    return _Crowd(
        {key: sorted(rows.values(), reverse=True) for key, rows in sizes.items()},
        least,
        observed,
        frozenset(told),
        min(LEAST_NOISE, STRAYS / max(1, size)),
        min(LEAST_NOISE, OFTENER * sum(listed.values()) / max(1, looks)),
        min(1.0, SIZED / max(1, size)),
    )


def _observed(
    loudest: _Told, alarming: Collection[tuple[str, bool]], told: Collection[str]
) -> Mapping[tuple[str, bool], int]:
    """Return (signal, on calls by others) -> entities observed, where health is not told.

    What callers measure is a measurement of its own.
    """
    found: dict[tuple[str, bool], set[str]] = {
        look: set() for look in alarming if look[0] not in told
    }
    if found:
        for seen, foreign in zip(loudest.rows, loudest.foreign, strict=True):
            among = found.get((seen.signal, foreign))
            if among is not None:
                among.add(seen.entity)
    return {look: len(entities) for look, entities in found.items()}


def _alarming(
    seen: Observation, rule: SignalRule | None, crowd: _Crowd, measured: Rates | None
) -> float:
    if measured is not None:
        return _measured(seen, measured)
    sized = crowd.tails * TAIL / (TAIL + loudness(seen))
    if rule is not None:  # with known rates its noise does not depend on what others show
        return rule.detection / min(MOST_NOISE, rule.false_alarm + sized)
    return 1 / min(MOST_NOISE, max(crowd.floor, crowd.share(seen)) + sized)


def _measured(seen: Observation, rates: Rates) -> float:
    """A detector with a record: what it counts is how often it fires, and then by how much.

    Its size has tails as any has, but beyond where it begins to fire.
    """
    beyond = 1.0 if seen.score is None else 2 * TAIL / (TAIL + max(TAIL, seen.score))
    return rates.detection / max(LEAST, rates.false_alarm * beyond)
