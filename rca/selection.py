"""Walking only what could matter: the promising suspects first, until no other comes near.

See `rca.prospects` for what bounds the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from rca.goal import Goal
from rca.outlook import Outlook, Views
from rca.prospects import Prospects
from rca.region_edges import Floats, Ints
from rca.scene import Scene
from rca.score import score
from rca.search import best_explanation
from rca.units import Unit, units_of

FAR = 7.0  # nats below the best: together such suspects weigh less than a per cent
LEAST, MOST = 24, 60  # suspects walked in the first round
ADDS = 0.0  # nats that a second fault may at most cost to be looked at
ROUNDS, EACH = 1, 8  # further rounds, and suspects walked in each
FOREMOST = 24  # faults walked of what alarms itself
ALARMED = 5.0  # nats that the readings of an entity at fault say, for that
FEW = 3_000  # prospects of which all that may be asked for is walked at once: they hit little
SAYS = 0.05  # nats from which an alarm is explained


def worth(scene: Scene, prospects: Prospects, outlook: Outlook, goal: Goal | None) -> list[Unit]:
    """Return the prospects that could matter, walked, in the order of `prospects`."""
    views = outlook.views(prospects)
    walked = _Walked(scene, prospects, goal)
    first = _most(views.promises, MOST)
    loud = np.flatnonzero(views.said > ALARMED)
    if len(prospects) <= FEW:
        walked.all_of([*first, *_foremost(views, loud, first)])
    found = dict.fromkeys(_first(views, first, walked))
    found |= dict.fromkeys(_foremost(views, loud, found))
    for _ in range(ROUNDS):
        units = walked.all_of(sorted(found))
        more = [] if len(found) == len(prospects) else _more(scene, views, outlook, found, units)
        if not more:
            break
        found |= dict.fromkeys(more)
    return walked.all_of(sorted(found))


class _Walked:
    """The prospects that were walked."""

    def __init__(self, scene: Scene, prospects: Prospects, goal: Goal | None) -> None:
        self._scene, self._prospects, self._goal = scene, prospects, goal
        self._known: dict[int, Unit] = {}

    def all_of(self, which: Iterable[int]) -> list[Unit]:
        """Return some of them, in the same order; walks those that are not yet, all at once."""
        asked = list(which)
        due = [i for i in dict.fromkeys(asked) if i not in self._known]
        walks = units_of(self._scene, [self._prospects[i] for i in due], self._goal)
        self._known.update(zip(due, walks, strict=True))
        return [self._known[i] for i in asked]


def _most(values: Floats, many: int) -> list[int]:
    """Return where the highest values are, highest first; of equals the first."""
    if len(values) > many:
        last = np.partition(values, len(values) - many)[len(values) - many]
        at = np.flatnonzero(values >= last)
    else:
        at = np.arange(len(values))
    found: list[int] = at[np.argsort(-values[at], kind="stable")][:many].tolist()
    return found


def _first(views: Views, order: Sequence[int], walked: _Walked) -> list[int]:
    """Return the most promising, until the next promises too little."""
    best = float("-inf")
    found: list[int] = []
    due, rest = order[:LEAST], order[LEAST:]
    while due:
        for i, unit in zip(due, walked.all_of(due), strict=True):
            if len(found) >= LEAST and views.promises[i] < best - FAR:
                return found
            found.append(i)
            best = max(best, score([unit]))
        # The best only rises: some of these will turn out to promise too little.
        due, rest = [i for i in rest if views.promises[i] >= best - FAR], []
    return found


def _foremost(views: Views, loud: Ints, but: Iterable[int]) -> list[int]:
    """Return what alarms loudly itself.

    One fault that explains a storm alone promises more than each of the three that made it.
    """
    left = loud[~np.isin(loud, list(but))]
    return [int(left[i]) for i in _most(views.promises[left], FOREMOST)]


def _more(
    scene: Scene, views: Views, outlook: Outlook, found: Iterable[int], units: Sequence[Unit]
) -> list[int]:
    """Return those that could add to the best explanation."""
    explained = outlook.symptoms.bits(
        entity
        for unit in best_explanation(units)
        for entity, nats in unit.alarms.items()
        if nats > SAYS
    )
    left = [bits & ~explained for bits in views.sets]
    says = np.array([outlook.total(bits) for bits in left])[views.explains]
    most = views.own + scene.coarse * says
    adds = (np.array([bits != 0 for bits in left]))[views.explains] & (most > ADDS)
    adds[list(found)] = False
    at = np.flatnonzero(adds)
    return [int(at[i]) for i in _most(most[at], EACH)]
