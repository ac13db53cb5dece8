"""The part of a large estate that a question is about.

A switch in the core is needed by everything, so what symptoms may be due to reaches the whole
estate. But of a hundred thousand guests that are well the first few hundred have said all that
there is to say: so each possible cause brings its nearest dependents, and no more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kgraph.schema import RELATIONS, Carries
from kgraph.topology.arrays import Topology
from kgraph.topology.gates import Int
from kgraph.topology.walk import Found, Mask, dependencies, dependents, spans

CAUSES = 4_000  # possible causes, nearest first
SEEDS = 300  # symptoms that are asked what they share
SHARED = 40  # causes that most symptoms share: all dependents of each are wanted, up to TIGHT
TIGHT = 800
ALARMING = 1_600  # as TIGHT, of those that show symptoms themselves: they are blamed first
WITNESSES = 600  # dependents of all other causes together
SHARE = (5, 250)  # the least and the most that one of them may bring, nearest first
OWN = 15  # the least that one brings which shows symptoms itself: it may well be blamed
BLAMED = 20_000  # dependents of a cause that is blamed: the blast radius has to be whole
STRANGERS = 200  # that have nothing to do with it: is it the monitoring that fails?
REMEMBERED = 20_000  # walks from single entities, of a topology; then they are made anew
_LENGTHS = OWN, SHARE[1], ALARMING  # of walks that are remembered: of most causes few are asked
_CROSSED = frozenset(
    name for name, type_ in RELATIONS.items() if type_.carries is not Carries.NOTHING
)


@dataclass(frozen=True, slots=True)
class Vicinity:
    """A part of the graph.

    Attributes:
        inner: int32 indices of which all dependencies belong to it.
        rim: others, without their own dependencies: what stands beside a possible cause in a
            group, what inner ones run on, and strangers.
        partial: indices of possible causes of which more dependents may exist than it holds.
        truncated: whether possible causes were left out.
    """

    inner: Int
    rim: Int
    partial: frozenset[int]
    truncated: bool

    def lacking(self, topology: Topology, blamed: Collection[int]) -> frozenset[int]:
        """Return those of some causes of which only a look at them in full shows all dependents.

        Others may have brought in what a cause did not bring itself; and of what nearly everything
        needs not all can be looked at in any case.
        """
        return frozenset(
            cause for cause in self.partial & set(blamed) if self._lacks(topology, cause)
        )

    def _lacks(self, topology: Topology, cause: int) -> bool:
        hit = dependents(topology, [cause], types=_CROSSED, limit=BLAMED)
        inside = np.zeros(len(topology), np.bool_)
        inside[self.inner] = True
        return not hit.truncated and not inside[hit.entities].all()


def vicinity(topology: Topology, seeds: Collection[int], blamed: Collection[int] = ()) -> Vicinity:
    """Return what may have caused something at the seeds, and what can speak for or against it.

    Args:
        topology: the whole graph.
        seeds: where something is wrong.
        blamed: causes that have been found likely already.
    """
    causes = dependencies(topology, [*seeds, *blamed], types=_CROSSED, limit=CAUSES)
    inside = np.zeros(len(topology), np.bool_)
    inside[causes.entities] = True
    ranked = _most_shared(topology, causes.entities, seeds)
    whole = _take_whole(topology, dict.fromkeys(blamed, BLAMED), inside)
    if not blamed:
        whole = _take_shared(topology, ranked[:SHARED], frozenset(seeds), inside)
    rest = [cause for cause in ranked if cause not in whole]
    partial = _take_share(topology, rest, frozenset(seeds), inside)
    inner = np.flatnonzero(inside).astype(np.int32)
    outside = _with_groups(topology, inner, inside)
    outside[inner] = False
    rim = np.flatnonzero(outside).astype(np.int32)
    return Vicinity(inner, rim, partial, causes.truncated)


def _take_shared(
    topology: Topology, causes: Sequence[int], seeds: Collection[int], inside: Mask
) -> set[int]:
    """Bring in what depends on the causes that most symptoms share; return those it was done for.

    First for those that are symptoms themselves: they will be blamed, and what is blamed is looked
    at again where not all of it was seen.
    """
    before = int(np.count_nonzero(inside))
    alarming = {cause: ALARMING for cause in causes if cause in seeds}
    taken = _take_whole(topology, alarming, inside)
    room = max(TIGHT - int(np.count_nonzero(inside)) + before, 0)
    others = dict.fromkeys((cause for cause in causes if cause not in taken), room)
    return taken | (_take_whole(topology, others, inside) if room else set())


def _take_whole(topology: Topology, wanted: Mapping[int, int], inside: Mask) -> set[int]:
    """Bring all dependents of some causes in, the smallest first; return those that were.

    Args:
        topology: the graph.
        wanted: cause -> dependents that it may have at most.
        inside: what is in so far; written.
    """
    found = [(cause, _dependents(topology, cause, most)) for cause, most in wanted.items()]
    room = max(wanted.values(), default=0)
    taken = set()
    for cause, hit in sorted(found, key=lambda row: len(row[1].entities)):
        fresh = int(np.count_nonzero(~inside[hit.entities]))
        if not hit.truncated and fresh <= room:
            inside[hit.entities] = True
            room -= fresh
            taken.add(cause)
    return taken


def _take_share(
    topology: Topology, causes: Sequence[int], seeds: Collection[int], inside: Mask
) -> frozenset[int]:
    """Bring the nearest dependents of each cause in; return those that have more."""
    left, partial = WITNESSES, set()
    brought = []
    for cause in causes:
        least = OWN if cause in seeds else SHARE[0]
        hit = _dependents(topology, cause, min(max(left // 4, least), SHARE[1]))
        if hit.truncated:
            partial.add(cause)
        if left // 4 > SHARE[0]:
            left -= int(np.count_nonzero(~inside[hit.entities]))
            inside[hit.entities] = True
        else:  # how many are new matters no longer
            brought.append(hit.entities)
    if brought:
        inside[np.concatenate(brought)] = True
    return frozenset(partial)


def _most_shared(topology: Topology, causes: Int, seeds: Collection[int]) -> list[int]:
    """Return causes by how many of the seeds they may have hit, the most first, then nearest.

    What many symptoms share is what will be blamed: it gets its witnesses first.
    """
    shared = np.zeros(len(topology), np.int32)
    for seed in list(seeds)[:SEEDS]:
        shared[_needed(topology, seed)] += 1
    order: list[int] = causes[np.argsort(-shared[causes], kind="stable")].tolist()
    return order


def _dependents(topology: Topology, cause: int, most: int) -> Found:
    """Return the nearest dependents of a cause: of a longer walk that is known, its beginning."""
    if most > ALARMING:
        return dependents(topology, [cause], types=_CROSSED, limit=most)
    known = ((length, topology.walked.get((cause, length))) for length in _LENGTHS)
    enough = (length for length, found in known if found and (most <= length or not found[1]))
    length = next(enough, None) or next(length for length in _LENGTHS if most <= length)
    found = _remembered(topology, cause, length)
    return Found(found.entities[:most], found.truncated or len(found.entities) > most)


def _needed(topology: Topology, seed: int) -> Int:
    return _remembered(topology, seed, 0).entities


def _remembered(topology: Topology, entity: int, most: int) -> Found:
    """Walk to so many dependents of one entity, or, for 0, to what it needs; once.

    Alerts come one by one, and many share their causes.
    """
    walked = topology.walked
    known = walked.get((entity, most))
    if known is None:
        walk, limit = (dependents, most) if most else (dependencies, CAUSES)
        found = walk(topology, [entity], types=_CROSSED, limit=limit)
        if len(walked) >= REMEMBERED:
            walked.clear()
        known = walked[entity, most] = found.entities, found.truncated
    return Found(*known)


def _with_groups(topology: Topology, inner: Int, inside: Mask) -> Mask:
    """Return the vicinity with strangers, with what the inner ones run on, and with whole groups.

    Half a group would look like a group that has lost its other half.
    """
    gates = spans(topology.gate_start, inner)
    running = np.fromiter((name == "RUNS_ON" for name in topology.type_names), np.bool_)
    hosts = gates[running[topology.type_code[gates]]] if len(running) else gates
    found = inside.copy()
    found[_strangers(len(topology))] = True
    found[topology.member[spans(topology.member_start, hosts)]] = True
    sizes = topology.member_start[gates + 1] - topology.member_start[gates]
    groups, sizes = gates[sizes > 1], sizes[sizes > 1]
    members = topology.member[spans(topology.member_start, groups)]
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.intp)
    while len(groups):
        touched = np.logical_or.reduceat(found[members], starts)
        fresh = members[np.repeat(touched, sizes)]
        if found[fresh].all():
            break
        found[fresh] = True
    return found


def _strangers(size: int) -> Int:
    """Return some entities, evenly spread."""
    step = max(1, size // STRANGERS)
    return np.arange(0, size, step, dtype=np.int32)
