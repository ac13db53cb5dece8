"""Which entities may be to blame: walk from the symptoms towards causes.

A 0-1 search: a hop onto something that was seen healthy costs one, any other hop nothing; what
costs two is out. Unknown is no alibi, nor is health of what was changed lately.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

from kgraph.schema import Severity
from kgraph.topology.walk import each_once, spans
from rca.evidence.likelihood import SPEAKS, Reading, Sort, alarms
from rca.region.edges import Mask
from rca.region.scene import Scene
from rca.region.terrain import CROSSED

Entities = npt.NDArray[np.int32]

FAR = 2  # healthy hops at which the walk ends
ALIBI = 0.7  # a healthy reading below this ratio counts
CHOICES = 10  # ways in which equal members may be those that failed; where there are more, none is


def suspects(scene: Scene, abnormal: Iterable[int]) -> list[int]:
    """Return the entities from which a fault could have reached a symptom, in index order.

    The walk follows dependencies alone. A dependent that hurts what it depends on is a suspect
    only where something is seen of it, or it was changed lately: blind spot, a silent guest that
    starves its host.
    """
    topology, frontier = scene.topology, np.array(sorted(set(abnormal)), np.int32)
    well = _well(scene, frontier.tolist())
    if scene.changed:  # that it answers is no alibi: what was set may be wrong all the same
        well = well.copy()
        well[sorted(scene.changed)] = False
    frontier = each_once(np.concatenate((frontier, _changed(scene, frontier))))
    crossed = np.array([name in CROSSED for name in topology.type_names], np.bool_)
    found, met = np.zeros(len(topology), np.bool_), []
    for _ in range(FAR):  # healthy hops on the way
        behind = [frontier[:0]]
        found[frontier] = True
        met.append(frontier)
        while len(frontier):
            gates = spans(topology.gate_start, frontier)
            gates = gates[crossed[topology.type_code[gates]]]
            causes = topology.member[spans(topology.member_start, gates)]
            causes = each_once(causes[~found[causes]])
            healthy = well[causes]
            behind.append(causes[healthy])
            frontier = causes[~healthy]
            found[frontier] = True
            met.append(frontier)
        frontier = each_once(np.concatenate(behind))
    suspected: list[int] = each_once(np.concatenate(met)).tolist()
    return suspected


def _changed(scene: Scene, abnormal: Entities) -> Entities:
    """Return what was changed lately, may hurt what it needs, and needs something abnormal."""
    kinds, some = scene.topology.kinds, frozenset(abnormal.tolist())
    return np.array(
        [
            entity
            for entity in sorted(scene.changed)
            if scene.compiled.burdens(kinds[entity])
            and not some.isdisjoint(scene.terrain.needs(entity))
        ],
        np.int32,
    )


def exhausted(
    scene: Scene, suspected: Sequence[int], abnormal: Iterable[int]
) -> dict[tuple[int, ...], list[int]]:
    """Return groups of members that would have to fail together, and whom each then stops.

    One feed of two hits nothing, so no single fault explains a dark rack: the pair is a suspect of
    its own. Only minimal sets: with d members to spare, d + 1; of many, those that look worst, and
    of equals each choice, unless there are too many.
    """
    topology = scene.topology
    symptoms = set(abnormal)
    well = _well(scene, symptoms)
    known = np.zeros(len(topology), np.bool_)
    known[list(suspected)] = True
    gates = spans(topology.gate_start, np.array(suspected, np.int64))
    sizes = topology.member_start[gates + 1] - topology.member_start[gates]
    spare = sizes - topology.need[gates]
    gates, sizes, spare = gates[spare > 0], sizes[spare > 0], spare[spare > 0]
    members = topology.member[spans(topology.member_start, gates)]
    held = known[members]
    members, many = (
        members[held],
        np.bincount(np.repeat(np.arange(len(gates)), sizes)[held], minlength=len(gates)),
    )
    ends = np.cumsum(many)
    at = np.flatnonzero(many > spare)
    told = (topology.owner[gates[at]], spare[at] + 1, ends[at] - many[at], ends[at])
    listed = members.tolist()

    def look(member: int) -> tuple[bool, bool, int]:
        return member not in symptoms, bool(well[member]), -scene.said(member)

    found: dict[tuple[int, ...], list[int]] = {}
    failed: dict[tuple[int, ...], list[list[int]]] = {}  # many need the same in the same way
    for owner, least, first, last in zip(*(column.tolist() for column in told), strict=True):
        asked = least, *listed[first:last]
        stopped = failed.get(asked)
        if stopped is None:
            worst = _worst(asked[1:], least, look)
            stopped = failed[asked] = [found.setdefault(some, []) for some in worst]
        for owners in stopped:
            owners.append(owner)
    return found


def _worst(
    group: Sequence[int], many: int, look: Callable[[int], tuple[bool, bool, int]]
) -> Iterator[tuple[int, ...]]:
    """Yield so many of a group that look worst: of equals any may be among them."""
    if len(group) == many:
        yield tuple(sorted(group))
        return
    looks = {member: look(member) for member in group}
    last = sorted(looks.values())[many - 1]
    sure = [member for member, its in looks.items() if its < last]
    equal = [member for member, its in looks.items() if its == last]
    left = many - len(sure)
    if comb(len(equal), left) <= CHOICES:
        for some in combinations(equal, left):
            yield tuple(sorted((*sure, *some)))


def _well(scene: Scene, abnormal: Collection[int]) -> Mask:
    """Return (n,) of which entities a probe saw well in the way that the symptoms are not.

    That a switch is up is no alibi where things are slow.
    """
    heard, shown = scene.heard, _shown(scene, abnormal)
    known = scene.well.get(shown)
    if known is not None:
        return known
    found = scene.well[shown] = np.zeros(len(scene.topology), np.bool_)
    has = np.flatnonzero(np.diff(heard.start))
    if len(has):
        speaks = np.array([[_speaks(sort, each) for each in shown] for sort in heard.looks])
        quiet = speaks[heard.look] & (heard.ratio < ALIBI)[:, None]
        well = np.logical_or.reduceat(quiet, heard.start[has]).all(axis=1)
        found[heard.entity[has]] = well & ~heard.alarming[has]
    return found


def _speaks(sort: Sort, severity: Severity) -> bool:
    modes = ("slow",) if severity is Severity.GRAY else ("down", "failing")
    return max(sort.bearing(mode) for mode in modes) >= SPEAKS


def _shown(scene: Scene, abnormal: Iterable[int]) -> tuple[Severity, ...]:
    """Return whether the symptoms are of stopping, of slowness, or of both."""
    rows = (r for e in abnormal for r in scene.readings.get(e, ()) if r.observation.abnormal)
    sorts = {r.sort for r in rows}
    found = [severity for severity in Severity if any(_speaks(s, severity) for s in sorts)]
    return tuple(found) or (Severity.HARD,)


def abnormal_entities(readings: Mapping[int, Sequence[Reading]]) -> list[int]:
    """Return the entities on which something was seen that is wrong, in index order."""
    return sorted(entity for entity, rows in readings.items() if alarms(rows))
