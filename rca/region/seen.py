"""What was seen in a region, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from kgraph.schema import State
from kgraph.topology.walk import spans
from rca.evidence.likelihood import SPEAKS, Reading, Sort
from rca.region.edges import Floats, Ints, Mask

UNKNOWN = -2  # probe of a reading of which nobody knows it


@dataclass(frozen=True, slots=True)
class Seen:
    """The readings of the nodes: rows start[node]:start[node + 1].

    Attributes:
        position: among the readings of its entity.
        column: among all readings of the scene.
        ratio, weight: of each reading.
        bearing: (slots, r) how much it speaks of each mode of its node.
        probe: node of the probe that it was made through; -1 not among them, UNKNOWN nobody knows.
        last: of each reading that is a last word, node of its place; -1 of others.
        ratios: (slots, n) what all readings of a node together say of a mode.
        place: (n,) node of the place from which last words are of a node; -1: none are.
        since: (slots, n) `ratios`, without last words.
    """

    start: Ints
    position: Ints
    column: Ints
    ratio: Floats
    weight: Floats
    bearing: Floats
    probe: Ints
    last: Ints
    ratios: Floats
    place: Ints
    since: Floats

    @property
    def over(self) -> bool:
        """Whether there are last words at all; in most incidents there are none."""
        return self.since is not self.ratios


def seen_by(
    heard: Heard,
    many: int,
    local: npt.NDArray[np.int32],
    kinds: Sequence[str],
    slots: Sequence[Mapping[str, int]],
    width: int,
) -> Seen:
    """Find what was seen of some nodes.

    Args:
        heard: all that was seen.
        many: nodes.
        local: 1 + the node of each entity of the topology; 0: it is not among them.
        kinds: name of each kind.
        slots: by kind: mode -> slot.
        width: the most slots of any kind.
    """
    place = local[heard.entity].astype(np.int64) - 1
    known = np.flatnonzero(place >= 0)
    rows = spans(heard.start, known).astype(np.int64)
    counts = np.zeros(many, np.int64)
    counts[place[known]] = np.diff(heard.start)[known]
    start = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    bears = np.zeros((width, len(heard.looks)))
    of_kind = dict(zip(kinds, slots, strict=True))
    for i, sort in enumerate(heard.looks):
        for mode, slot in of_kind.get(sort.kind, {}).items():
            bears[slot, i] = sort.bearing(mode)
    says, of = heard.ratio[rows], bears.take(heard.look[rows], axis=1)
    ratios = since = _together(says, of, start, many)
    probe = heard.probe[rows]
    probe = np.where(probe >= 0, local[np.maximum(probe, 0)].astype(np.int64) - 1, UNKNOWN)
    last, place_of = np.full(len(rows), -1), np.full(many, -1)
    over = np.flatnonzero(heard.last[rows] >= 0)
    if len(over):
        last[over] = local[heard.last[rows[over]]].astype(np.int64) - 1
        place_of[np.repeat(np.arange(many), counts)[over]] = last[over]
        since = _together(np.where(last >= 0, 1.0, says), of, start, many)
    weight = heard.weight[rows]
    position = heard.position[rows]
    return Seen(
        start=start,
        position=position,
        column=rows,
        ratio=says,
        weight=weight,
        bearing=of,
        probe=probe,
        last=last,
        ratios=ratios,
        place=place_of,
        since=since,
    )


def _together(says: Floats, of: Floats, start: Ints, many: int) -> Floats:
    """Return (slots, n) what readings of each node together say of a mode: the loudest of each."""
    found = np.ones((len(of), many))
    if len(says):
        has = np.flatnonzero(np.diff(start))
        voiced = np.where(of >= SPEAKS, says, 1.0)
        loud = np.maximum.reduceat(np.maximum(voiced, 1.0), start[has], axis=1)
        quiet = np.minimum.reduceat(np.minimum(voiced, 1.0), start[has], axis=1)
        found[:, has] = loud * quiet
    return found


@dataclass(frozen=True, slots=True)
class Heard:
    """All readings of a scene: rows start[i]:start[i + 1] are those of entity[i].

    Attributes:
        entity: (m,) indices, rising.
        alarming: (m,) whether something is wrong with it.
        position, ratio, weight: of each reading, as in `Seen`.
        look: (r,) which of `looks` it says the same as, of every mode.
        probe: (r,) index of the probe that it was made through; UNKNOWN: nobody knows.
        last: (r,) index of the place of each last word; -1: it is none; see
            `rca.evidence.last_words`.
        looks: of each sort one.
        rows: the readings themselves.
        abnormal, implied: (r,) whether something is wrong, and whether nobody looked.
        rose: (r + 1,) when each alarm rose, seconds since 1970; NaN where it is not told, and for
            the breached objective, which comes last.
    """

    entity: Ints
    alarming: Mask
    start: Ints
    position: Ints
    ratio: Floats
    weight: Floats
    look: Ints
    probe: Ints
    last: Ints
    looks: Sequence[Sort]
    rows: Sequence[Reading]
    abnormal: Mask
    implied: Mask
    rose: Floats

    @property
    def owner(self) -> Ints:
        """(r,) the entity of each reading."""
        return self.entity.repeat(np.diff(self.start))

    def columns(self, entity: Ints) -> Ints:
        """Return where the readings of entities begin."""
        found: Ints = self.start[np.searchsorted(self.entity, entity)]
        return found


def hear(
    index: Mapping[str, int],
    seen: Mapping[int, Sequence[Reading]],
    weights: Mapping[tuple[int, int], float],
) -> Heard:
    """Return all readings of a scene as arrays.

    Args:
        index: uid -> entity.
        seen: entity -> its readings.
        weights: (entity, position) -> how much of a witness a reading is, where not 1.
    """
    entities = sorted(seen)
    readings = [*map(seen.__getitem__, entities)]
    rows = [*chain.from_iterable(readings)]
    said, sort, ratio, via, implied, last = zip(*rows, strict=True) if rows else ((),) * 6
    sorts = {each: i for i, each in enumerate(dict.fromkeys(sort))}
    counts = np.array([*map(len, readings)], np.int64)
    start = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    place = dict(zip(entities, start.tolist(), strict=False))
    weight = np.ones(len(rows))
    weight[[place[entity] + i for entity, i in weights]] = list(weights.values())
    probe = np.full(len(rows), UNKNOWN)
    through = [i for i, uid in enumerate(via) if uid]
    probe[through] = [index.get(via[i], UNKNOWN) for i in through]
    over = np.full(len(rows), -1)
    late = [i for i, uid in enumerate(last) if uid]
    over[late] = [index[last[i]] for i in late]
    wrong = State.ABNORMAL
    abnormal = np.array([seen.state is wrong for seen in said], np.bool_)
    alarming = counts > 0
    alarming[alarming] = abnormal[start[:-1][alarming]]  # those that are wrong come first
    return Heard(
        entity=np.array(entities, np.int64),
        alarming=alarming,
        start=start,
        position=np.arange(len(rows)) - np.repeat(start[:-1], counts),
        ratio=np.array(ratio, np.float64),
        weight=weight,
        look=np.array([*map(sorts.__getitem__, sort)], np.int64),
        probe=probe,
        last=over,
        looks=list(sorts),
        rows=rows,
        abnormal=abnormal,
        implied=np.array(implied, np.bool_),
        rose=_rose(rows, abnormal),
    )


def _rose(rows: Sequence[Reading], abnormal: Mask) -> Floats:
    """Return `Heard.rose`; what is renewed at each look tells when it was last seen."""
    found = np.full(len(rows) + 1, np.nan)
    for i in np.flatnonzero(abnormal).tolist():
        seen, _, ratio, *_ = rows[i]
        if ratio > 1 and seen.at is not None and seen.expires_at is None:
            found[i] = seen.at.timestamp()
    return found
