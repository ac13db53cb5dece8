"""Walking only what could matter: the promising suspects first, until no other comes near.

See `rca.prospects` for what bounds the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kgraph.schema import Severity
from rca.compile import severity_of
from rca.goal import Goal
from rca.prospects import Outlook, Prospect
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
SAYS = 0.05  # nats from which an alarm is explained


@dataclass(slots=True)
class _Rest:
    """A prospect that was not walked yet.

    Attributes:
        said: what its own readings say, in nats.
        own: its prior and what its own readings say, in nats.
        promises: the same with about what its effects say.
        explains: the symptoms that it may explain.
    """

    prospect: Prospect
    said: float
    own: float
    promises: float
    explains: int


def worth(
    scene: Scene, prospects: Sequence[Prospect], outlook: Outlook, goal: Goal | None
) -> list[Unit]:
    """Return the prospects that could matter, walked, in the order of `prospects`."""
    rest = _outlooks(scene, prospects, outlook)
    found: dict[int, Unit] = {}
    _first(scene, rest, goal, found)
    _foremost(scene, rest, goal, found)
    for _ in range(ROUNDS):
        if len(found) == len(rest) or not _more(scene, rest, outlook, goal, found):
            break
    return [found[i] for i in sorted(found)]


def _outlooks(scene: Scene, prospects: Sequence[Prospect], outlook: Outlook) -> list[_Rest]:
    coarse, kinds = scene.coarse, scene.topology.kinds
    plain, of = None, -1
    rest = []
    for prospect in prospects:  # tens of thousands in a storm; those of one entity together
        said = outlook.own(prospect)
        own = prospect.log_prior + coarse * said
        ((entity, mode), *others) = prospect.faults
        if entity != of or plain is None:
            plain, of = outlook.plain(entity), entity
        if others or mode in plain.pressing:
            reach = outlook.reach(prospect)
            felt, explains = outlook.promises(prospect, reach), outlook.explains(prospect, reach)
        else:
            hard = severity_of(kinds[entity], mode) is Severity.HARD
            felt, explains = plain.hard if hard else plain.gray, plain.explains
        rest.append(_Rest(prospect, said, own, own + coarse * felt, explains))
    return rest


def _first(
    scene: Scene,
    rest: Sequence[_Rest],
    goal: Goal | None,
    found: dict[int, Unit],
) -> None:
    """Walk the most promising, until the next promises too little."""
    best = float("-inf")
    order = sorted(range(len(rest)), key=lambda i: (-rest[i].promises, i))[:MOST]
    due, order = order[:LEAST], order[LEAST:]
    while due:
        for i, unit in zip(due, _walked(scene, rest, due, goal), strict=True):
            if len(found) >= LEAST and rest[i].promises < best - FAR:
                return
            found[i] = unit
            best = max(best, score([unit]))
        # The best only rises: some of these will turn out to promise too little.
        due, order = [i for i in order if rest[i].promises >= best - FAR], []


def _walked(
    scene: Scene, rest: Sequence[_Rest], which: Sequence[int], goal: Goal | None
) -> list[Unit]:
    return units_of(scene, [rest[i].prospect for i in which], goal)


def _foremost(
    scene: Scene,
    rest: Sequence[_Rest],
    goal: Goal | None,
    found: dict[int, Unit],
) -> None:
    """Walk what alarms loudly itself.

    One fault that explains a storm alone promises more than each of the three that made it.
    """
    first = [
        (-one.promises, i) for i, one in enumerate(rest) if i not in found and one.said > ALARMED
    ]
    due = [i for _, i in sorted(first)[:FOREMOST]]
    found.update(zip(due, _walked(scene, rest, due, goal), strict=True))


def _more(
    scene: Scene,
    rest: Sequence[_Rest],
    outlook: Outlook,
    goal: Goal | None,
    found: dict[int, Unit],
) -> bool:
    """Walk those that could add to the best explanation; tell whether there were any."""
    explained = outlook.symptoms.bits(
        entity
        for unit in best_explanation(list(found.values()))
        for entity, nats in unit.alarms.items()
        if nats > SAYS
    )
    adds = []
    for i, one in enumerate(rest):
        if i not in found and (left := one.explains & ~explained):
            most = one.own + scene.coarse * outlook.total(left)
            if most > ADDS:
                adds.append((-most, i))
    due = [i for _, i in sorted(adds)[:EACH]]
    found.update(zip(due, _walked(scene, rest, due, goal), strict=True))
    return bool(adds)
