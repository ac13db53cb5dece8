"""Walking only what could matter: the promising suspects first, until no other comes near.

See `rca.suspects.prospects` for what bounds the rest.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

import numpy as np

from kgraph.topology.walk import spans
from rca.inference.search import EQUAL, EQUALS, best_explanation
from rca.region.edges import Floats, Mask
from rca.region.goal import Goal
from rca.region.scene import Scene
from rca.region.terrain import FELT
from rca.suspects.outlook import Outlook
from rca.suspects.prospects import Prospects
from rca.suspects.units import Unit, units

FAR = 7.0  # nats below the best: together such suspects weigh less than a per cent
SLACK = 20  # so many more where equals compete for the last place
LEAST, MOST = 24, 60  # faults walked in the first round
ROOM = 2_500  # that these may hit together, for so many to be walked:
MANY = 72
ADDS = 0.0  # nats that a second fault may at most cost to be looked at
MORE = 8  # suspects walked in the second
BEHIND = 3  # hops from the members of a group to what all of them stand on
FOREMOST = 24  # faults walked of what alarms itself, and of what stands behind groups
SPARED = 12  # faults walked of what hurts through redundancy alone
GROUPS = 4  # groups that are walked whatever promises more; with equals, up to twice as many
ALARMED = 5.0  # nats that the readings of an entity at fault say, for that
SAYS = 0.05  # nats from which an alarm is explained


def worth(
    scene: Scene, prospects: Prospects, outlook: Outlook, goal: Goal | None
) -> tuple[list[Unit], list[Unit]]:
    """Return the prospects that could matter, walked, in their order; and the best explanation."""
    own = prospects.log_prior + outlook.said
    walked = _Walked(scene, prospects, goal)
    promises = own + scene.coarse * outlook.effects
    could = promises + scene.coarse * outlook.behind
    walked.all_of(_expected(scene, prospects, outlook, own, promises, could))
    found = dict.fromkeys(_first(promises, walked))
    found |= dict.fromkeys(_foremost(outlook.said, promises, found))
    found |= dict.fromkeys(_spared(could, outlook, promises, found, walked))
    found |= dict.fromkeys(_behind(scene, prospects, promises, found))
    found |= dict.fromkeys(_groups(prospects, promises))
    suspects = walked.all_of(sorted(found))
    best = best_explanation(suspects)
    explained = {entity for unit in best for entity, nats in unit.alarms.items() if nats > SAYS}
    if more := _more(scene, own, outlook, found, explained):
        suspects = walked.all_of(sorted([*found, *more]))
        best = best_explanation(suspects)
    return suspects, best


class _Walked:
    """The prospects that were walked."""

    def __init__(self, scene: Scene, prospects: Prospects, goal: Goal | None) -> None:
        self._scene, self._prospects, self._goal = scene, prospects, goal
        self._known: dict[int, Unit] = {}

    def all_of(self, which: Iterable[int]) -> list[Unit]:
        """Return some of them, in the same order; walks those that are not yet, all at once."""
        asked = list(which)
        due = [i for i in dict.fromkeys(asked) if i not in self._known]
        walks = units(self._scene, [self._prospects[i] for i in due], self._goal)
        self._known.update(zip(due, walks, strict=True))
        return [self._known[i] for i in asked]


def most(values: Floats, among: Mask, many: int, slack: int = SLACK) -> list[int]:
    """Return where the highest values of some are, highest first; see `search.taken`."""
    at = np.flatnonzero(among)
    if len(at) > many:
        last = np.partition(values[at], len(at) - many)[len(at) - many]
        equal = at[values[at] >= last - EQUAL]
        at = equal if len(equal) <= many + slack else at[values[at] > last + EQUAL]
    found: list[int] = at[np.argsort(-values[at], kind="stable")].tolist()
    return found


def _best(some: Iterable[Unit]) -> float:
    return max((unit.strength for unit in some), default=-math.inf)


def _expected(
    scene: Scene,
    prospects: Prospects,
    outlook: Outlook,
    own: Floats,
    promises: Floats,
    could: Floats,
) -> list[int]:
    """Return about those that will be asked for, so that they are walked together.

    A walk takes as many steps as it has levels, for however many suspects: of an ordinary incident
    they are what costs. Who is asked for follows from those that were walked before, and not from
    what is expected here. In a storm the best scores far more than anything promises, and what
    would be walked for nothing is half of an estate. Otherwise what promises most will explain
    about what it surely reaches, which tells who could add to that.
    """
    found = dict.fromkeys(most(promises, promises > -math.inf, LEAST))
    if scene.coarse == 1:
        near = promises.max(initial=-math.inf) - FAR
        found |= dict.fromkeys(most(promises, (promises > -math.inf) & (promises >= near), MOST))
        found |= dict.fromkeys(most(could, (outlook.behind > 0) & (could >= near), SPARED))
    found |= dict.fromkeys(_foremost(outlook.said, promises, found))
    found |= dict.fromkeys(_groups(prospects, promises))
    if scene.coarse == 1 and len(promises):
        likely = outlook.surely(int(promises.argmax()))
        found |= dict.fromkeys(_more(scene, own, outlook, found, likely))
    return list(found)


def _first(promises: Floats, walked: _Walked) -> list[int]:
    """Return the most promising, without those that promise too little beside the best.

    All that may befall one promising host promises about as much, and takes the place of other
    suspects. Where faults hit few, walking more of them costs little.
    """
    some = promises > -math.inf
    found = most(promises, some, LEAST)
    if sum(len(unit.tree) for unit in walked.all_of(found)) < ROOM:
        found = most(promises, some, MANY)
    best = _best(walked.all_of(found))
    near = some & (promises >= best - FAR)
    order = most(promises, near, MOST, EQUALS)
    if len(order) < LEAST:  # of a crowd that is too large some are better than nobody
        at = np.flatnonzero(near)
        order = at[np.argsort(-promises[at], kind="stable")[:MOST]].tolist()
    due = [i for i in order if i not in found]
    strengths = [unit.strength for unit in walked.all_of(due)]
    best = max(strengths, default=best)
    told = zip(due, strengths, strict=True)
    return [*found, *(i for i, its in told if max(promises[i], its) >= best - FAR)]


def _foremost(said: Floats, promises: Floats, but: Iterable[int]) -> list[int]:
    """Return what alarms loudly itself.

    One fault that explains a storm alone promises more than each of the three that made it.
    """
    loud = said > ALARMED
    loud[list(but)] = False
    return most(promises, loud, FOREMOST)


def _spared(
    could: Floats, outlook: Outlook, promises: Floats, found: Iterable[int], walked: _Walked
) -> list[int]:
    """Return the most promising of those that hurt somebody through a redundancy.

    A switch that loses packets slows whoever is bonded over it and another; one that is down stops
    whose two cards both end there. Many promise that and few do it: they displace nobody. Who is
    weak and shows it is held against what others promise: in the end all score more than that.
    """
    best = np.where(outlook.weak, promises.max(initial=-math.inf), _best(walked.all_of(found)))
    among = (outlook.behind > 0) & (could >= best - FAR)
    among[list(found)] = False
    return most(could, among, SPARED)


def _groups(prospects: Prospects, promises: Floats) -> list[int]:
    """Return the most promising groups, however many single faults promise more.

    Sixty guests that might each block what sees them crowd out the two switches under all of
    them: promises of many equals are wrong together.
    """
    among = np.arange(len(promises)) >= prospects.singles
    return most(promises, among, GROUPS, slack=GROUPS)


def _behind(
    scene: Scene, prospects: Prospects, promises: Floats, found: Collection[int]
) -> list[int]:
    """Return the single faults that would stop all of a group that was found, a few of many.

    Both controllers of an array go with it. Of what one fault does to a group through its members
    nothing was promised (see `Outlook`), so the group alone would be walked.
    """
    groups = [prospects[which] for which in found if which >= prospects.singles]
    needed = {member: _needed(scene, member) for one in groups for member, _ in one.faults}
    common = {
        entity
        for one in groups
        for entity in set.intersection(*(needed[member] for member, _ in one.faults))
    }
    if not common:
        return []
    suspect = prospects.suspect[prospects.start[: prospects.singles]]
    behind = [at for at, entity in enumerate(prospects.entities) if entity in common]
    among = np.zeros(len(promises), np.bool_)
    among[: prospects.singles] = np.isin(suspect, behind)
    among[list(found)] = False
    return most(promises, among, FOREMOST)


def _needed(scene: Scene, entity: int) -> set[int]:
    """Return what something cannot do without, a few hops far, itself left out."""
    topology, found, frontier = scene.topology, set[int](), [entity]
    felt = np.array([name in FELT for name in topology.type_names], np.bool_)
    for _ in range(BEHIND):
        gates = spans(topology.gate_start, np.array(frontier, np.int64))
        sizes = topology.member_start[gates + 1] - topology.member_start[gates]
        gates = gates[(topology.need[gates] == sizes) & felt[topology.type_code[gates]]]
        members = topology.member[spans(topology.member_start, gates)].tolist()
        frontier = [one for one in dict.fromkeys(members) if one not in found]
        found.update(frontier)
        if not frontier:
            break
    return found - {entity}


def _more(
    scene: Scene,
    own: Floats,
    outlook: Outlook,
    found: Iterable[int],
    explained: Collection[int],
) -> list[int]:
    """Return those that could add to what explains the alarms of some entities."""
    says, adds = outlook.left(explained)
    could = own + scene.coarse * says
    adds &= could > ADDS
    adds[list(found)] = False
    return most(could, adds, MORE)
