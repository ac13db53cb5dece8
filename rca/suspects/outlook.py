"""What each prospect could explain and about how much, before it is walked."""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain
from typing import NamedTuple

import numpy as np

from kgraph.schema import Severity
from kgraph.topology.walk import spans
from rca.region.arrays import Region
from rca.region.edges import Floats, Ints, Mask
from rca.region.messages import ENTITY_RHO, Groups
from rca.region.scene import Scene
from rca.rules.compile import severity_of
from rca.suspects.promise import (
    AGAINST,
    ALARM,
    ALL,
    ALONE,
    FIRM,
    GRAY,
    HARD,
    PASSES,
    SHARED,
    TWICE,
    UNSEEN,
    WELL,
    Reach,
    callers_say,
    reaches,
    shown,
)
from rca.suspects.prospects import Prospects, Symptoms
from rca.suspects.regions import region_of


class _Wholes(NamedTuple):
    """What hits more than a suspect does: groups, and what hurts against the arrows.

    Attributes:
        prospect: (w,) which it is.
        whole, part, through: as of `Reach.joined`; parts are suspects.
        fault, suspect: whole and suspect of each of their faults.
    """

    prospect: Ints
    whole: Ints
    part: Ints
    through: Ints
    fault: Ints
    suspect: Ints


class Outlook:
    """What each prospect could explain, before it is walked.

    A row is a suspect, and stands for whatever may befall it; or a prospect that hits more.

    Attributes:
        symptoms: the alarms to be explained.
        rows: how many there are.
        row: (prospects,) of each.
        said: (prospects,) what the readings of the entities at fault say, in nats.
        weak: (prospects,) whether it merely weakens its entity, and shows.
        effects: (prospects,) about what its effects say, in nats.
        behind: (prospects,) what those may add who need it as one of several, where it is weak and
            shows it, and those who lose two of several by it.
    """

    def __init__(
        self, scene: Scene, prospects: Prospects, symptoms: Symptoms, *, shared: bool = False
    ) -> None:
        """Find what lies downstream of which prospect.

        Of a group, with what it stops. Who further down loses several of its needs by it is not
        foreseen: to promise a pair all that both lie upstream of had dozens walked for nothing.

        Args:
            scene: the estate and what was seen on it.
            prospects: all of them.
            symptoms: the alarms to be explained.
            shared: promise them that, to see what may belong together.
        """
        self.symptoms = symptoms
        self._region = region = region_of(scene, prospects.entities)
        node, alarming = region.places(prospects.entities), region.places(symptoms.entities)
        here = alarming >= 0
        alarming = alarming[here]
        self._alarming = np.zeros(len(region.nodes), np.bool_)
        self._alarming[alarming] = True
        self._nats = np.zeros(len(region.nodes))
        self._nats[alarming] = symptoms.nats[here]

        slot, own = _slots(region, prospects), shown(scene, region, alarming)
        self._called = callers_say(region, own, self._nats)
        known = reaches(region, node, own)
        more = _wholes(region, prospects, node, slot)
        joined = known.joined(more.whole, more.part, more.through, len(more.prospect))
        if shared:
            joined = _shared(joined, known, more)
        self.rows = len(node) + len(more.prospect)
        self.row = prospects.suspect[prospects.start[:-1]]
        self.row[more.prospect] = np.arange(len(node), self.rows)
        self._fault_row = np.concatenate((np.arange(len(node)), len(node) + more.fault))
        self._fault_node = np.concatenate((node, node[more.suspect]))
        self._reach = _but(known.and_(joined), self._fault_row, self._fault_node)

        hard = [severity_of(sort.kind, sort.mode) is Severity.HARD for sort in prospects.sorts]
        first = prospects.sort[prospects.start[:-1]]
        stops = np.array(hard, np.bool_)[first]
        self.said = _said(scene, region, prospects, node[prospects.suspect], slot)
        self.effects, self.behind = self._effects(stops)
        self.weak = ~stops & (self.said > 0)
        self.behind[~stops & ~self.weak] = 0.0  # no sign of its own: as good as its equals

    def _effects(self, stops: Mask) -> tuple[Floats, Floats]:
        of, how, many = self._reach.of, self._reach.how, self.rows
        felt = (how & (FIRM | UNSEEN)) > 0
        nats = self._nats[self._reach.node]
        says = PASSES * np.bincount(of[felt], nats[felt], many)
        says += np.bincount(self._fault_row, self._called[self._fault_node], many)
        hard, gray = (
            (says - AGAINST * np.bincount(of[(how & bit) > 0], minlength=many))[self.row]
            for bit in (HARD, GRAY)
        )
        spared = [
            PASSES * np.bincount(of[part], nats[part], many)[self.row]
            for part in (~felt & ((how & bits) > 0) for bits in (TWICE, SHARED | TWICE))
        ]
        return np.where(stops, hard, gray), np.where(stops, *spared)

    def left(self, explained: Collection[int]) -> tuple[Floats, Mask]:
        """Return what the symptoms of each that are not explained say, and if there are any."""
        open_, nodes = self._alarming.copy(), self._region.places(explained)
        open_[nodes[nodes >= 0]] = False
        could = ((self._reach.how & ALARM) > 0) & open_[self._reach.node]
        of, many = self._reach.of[could], self.rows
        says = np.bincount(of, self._nats[self._reach.node[could]], many).astype(np.float64)
        return says[self.row], (np.bincount(of, minlength=many) > 0)[self.row]

    def hits(self, ways: int) -> tuple[Ints, Ints]:
        """Return (row, entity) of the symptoms that are reached in some ways, or at fault."""
        kept = (self._reach.how & ways) > 0
        own = self._alarming[self._fault_node]
        row = np.concatenate((self._reach.of[kept], self._fault_row[own]))
        node = np.concatenate((self._reach.node[kept], self._fault_node[own]))
        return row, self._region.nodes[node]

    def surely(self, prospect: int) -> list[int]:
        """Return the symptoms that one prospect reaches behind no redundancy, or at fault."""
        return self.reached(prospect, ALONE | FIRM)

    def reached(self, prospect: int, ways: int) -> list[int]:
        """Return the same of one prospect: entities."""
        row = self.row[prospect]
        own = self._fault_node[self._fault_row == row]
        reach = self._reach.one(row)
        nodes = np.concatenate((reach.node[(reach.how & ways) > 0], own[self._alarming[own]]))
        found: list[int] = self._region.nodes[nodes].tolist()
        return found


def _slots(region: Region, prospects: Prospects) -> Ints:
    """Return the slot of the mode of each fault."""
    number = {name: i for i, name in enumerate(region.kinds)}
    slots = [region.slots[number[sort.kind]][sort.mode] for sort in prospects.sorts]
    return np.array(slots, np.int64)[prospects.sort]


def _wholes(region: Region, prospects: Prospects, node: Ints, slot: Ints) -> _Wholes:
    """Find what hits more than a suspect does, and with whom.

    Args:
        region: the arrays of the graph.
        prospects: all of them.
        node: of each suspect.
        slot: of each fault.
    """
    suspect = np.full(len(region.nodes) + 1, -1)  # the last is nobody
    suspect[node] = np.arange(len(node))
    sizes, of = np.diff(prospects.start), prospects.of
    presses = (region.pressing[node[prospects.suspect]] >> slot & 1) > 0
    larger = sizes > 1
    larger[of[presses]] = True
    whole = np.cumsum(larger) - 1
    faults = np.flatnonzero(larger[of])

    edges, hurting = region.edges, np.flatnonzero(presses)
    source = node[prospects.suspect[hurting]]
    edge = edges.back[spans(edges.back_start, source)]
    by = np.repeat(hurting, edges.back_start[source + 1] - edges.back_start[source])
    hurt = suspect[edges.target[edge]]
    brings = region.tables.causes[edges.table[edge]] >> slot[by] & 1
    kept = edges.press[edge] & (brings > 0) & (hurt >= 0)

    group = prospects.singles + np.arange(len(prospects.stops))
    stopping = np.repeat(whole[group], np.array([*map(len, prospects.stops)], np.int64))
    stopped = suspect[region.places([*chain.from_iterable(prospects.stops)])]
    there = stopped >= 0
    parts = (
        (whole[of[faults]], prospects.suspect[faults], ALL),
        (whole[of[by[kept]]], hurt[kept], ALL & ~WELL),
        (stopping[there], stopped[there], ALONE | FIRM | WELL),
    )
    return _Wholes(
        np.flatnonzero(larger),
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] for part in parts]),
        np.repeat([part[2] for part in parts], [len(part[0]) for part in parts]),
        *parts[0][:2],
    )


def _but(reach: Reach, of: Ints, node: Ints) -> Reach:
    """Return a reach without the symptoms of some pairs: what is at fault explains no effect."""
    at = reach.places(of, node)
    rows = reach.rows.copy()
    rows[at[at >= 0]] &= WELL
    return Reach(reach.start, rows)


def _shared(joined: Reach, known: Reach, wholes: _Wholes) -> Reach:
    """Return `joined`, as if a group hit alone what all of it lie upstream of."""
    at = spans(known.start, wholes.suspect)
    counts = known.start[wholes.suspect + 1] - known.start[wholes.suspect]
    alarm = (known.how[at] & ALARM) > 0
    place = joined.places(np.repeat(wholes.fault, counts)[alarm], known.node[at][alarm])
    times = np.bincount(place, minlength=len(joined.rows))
    sizes = np.bincount(wholes.fault, minlength=len(joined.start))
    common = (sizes[joined.of] > 1) & (times == sizes[joined.of])
    return Reach(joined.start, joined.rows | (ALONE | FIRM) * common)


def _said(scene: Scene, region: Region, prospects: Prospects, node: Ints, slot: Ints) -> Floats:
    """Return what the readings of the entities at fault say of each, in nats.

    Args:
        scene: what was seen.
        region: where.
        prospects: all of them.
        node: of each fault, of its entity.
        slot: of each fault, of its mode.
    """
    heard, seen = scene.heard, region.seen
    shows = np.zeros((len(heard.looks), region.width))
    number = {name: i for i, name in enumerate(region.kinds)}
    for i, sort in enumerate(heard.looks):
        if sort.kind in number:
            for mode, at in region.slots[number[sort.kind]].items():
                shows[i, at] = sort.at_cause(mode)
    row = spans(seen.start, node)
    fault = np.repeat(np.arange(len(node)), seen.start[node + 1] - seen.start[node])
    chance = shows[heard.look[seen.column[row]], slot[fault]]
    nats = seen.weight[row] * np.log1p(chance * (seen.ratio[row] - 1))
    said = Groups(fault, np.full(len(node), ENTITY_RHO)).tempered(nats)
    return np.bincount(prospects.of, said, len(prospects)).astype(np.float64)
