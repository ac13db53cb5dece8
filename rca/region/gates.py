"""Redundancy: does a group still work when some of its members may have failed?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from kgraph.schema import Severity, kind_of

Floats = npt.NDArray[np.float64]
Chances = TypeVar("Chances", float, Floats)

# Relations, and kinds of members, of groups whose members all take part in each work.
ON_ALL = frozenset({"STORED_ON"})
LINES = frozenset({"Bond", "Network", "Nic", "Router", "Switch", "SwitchPort"})
ERRS = "failing"  # a mode of software that may mean either: it is gone, or answers with errors
SENT = 0.2  # P(what fails answers with errors and is sent requests all the same)
TOLD = math.log(5.0)  # how much errors that are seen of it say for that, at most, in nats
ERRORS = frozenset({"errors", "availability", ERRS})  # signals that say so
UNCOVERED = 0.05  # P(nobody takes over | a member is lost that a group can do without)


def at_least(chances: Sequence[float], count: int) -> float:
    """Return P(at least `count` of independent events happen), in [0, 1].

    The tail of the Poisson-binomial distribution by dynamic programming, O(n * count).

    Source: R. E. Barlow, K. D. Heidtmann, Computing k-out-of-n System Reliability (1984),
    doi:10.1109/TR.1984.5221843.

    Args:
        chances: probability of each event, in [0, 1].
        count: how many are enough; 0 is always reached.
    """
    if count <= 0:
        return 1.0
    if count > len(chances):
        return 0.0
    exactly = [1.0] + [0.0] * (count - 1)  # P(exactly j so far) for j < count
    reached = 0.0
    for chance in chances:
        reached += exactly[-1] * chance
        for j in range(count - 1, 0, -1):
            exactly[j] = exactly[j] * (1 - chance) + exactly[j - 1] * chance
        exactly[0] *= 1 - chance
    return min(1.0, reached)


def fails(chances: Sequence[float], members: int, need: int) -> float:
    """Return P(fewer than `need` of `members` work), in [0, 1].

    Args:
        chances: P(failed) of the members that may have failed; the others work.
        members: size of the group, >= len(chances).
        need: members that must work, in [1, members].
    """
    return at_least(chances, members - need + 1)


def uncovered(lost: Chances) -> Chances:
    """Return P(a group stops though enough members are left), in [0, 1].

    A check does not see that a member is gone, a standby does not start, the rest cannot carry
    the load: redundancy covers a loss with a chance below one. That is told only of what alarms:
    of all others it says next to nothing, and they are thousands.

    Source: J. B. Dugan, K. S. Trivedi, Coverage Modeling for Dependability Analysis of
    Fault-Tolerant Systems (1989), doi:10.1109/12.24286.

    Args:
        lost: P(one member is lost at least).
    """
    return UNCOVERED * lost


def on_all(type_: str, kind: str) -> bool:
    """Tell whether whatever a group serves goes over this member, too.

    Data lie on all of a pool: a write waits for each copy of it, and a disk of guests has a part
    on each member. Packets are spread over all lines of a bond and all switches of a pair: whoever
    sends many has some on each.

    Args:
        type_: of the relation.
        kind: of the member.
    """
    return type_ in ON_ALL or kind in LINES


def felt(shares: Sequence[float], members: int, wholly: Sequence[float] = ()) -> float:
    """Return P(what a group serves is weakened by members that are merely weak), in [0, 1].

    What has stopped is left out and the rest takes over; what is weak stays in use, and its share
    of the work is weak as well. Where all work takes all members, one that is weak weakens it all.

    Source: P. Huang et al., Gray Failure: The Achilles' Heel of Cloud-Scale Systems (2017),
    doi:10.1145/3102980.3103005.

    Args:
        shares: P(weak) of the members that may be and have a share; the others are well.
        members: size of the group, at least as many as those that may be weak.
        wholly: P(weak) of those that take part in all work, see `on_all`.
    """
    return 1 - (1 - math.fsum(shares) / members) * math.prod([1 - each for each in wholly])


def answers(kind: str) -> bool:
    """Tell whether things of a kind may answer with errors: whether they are software."""
    return kind_of(kind).effect[Severity.HARD] == ERRS


def sent(gone: Floats, errs: Floats) -> Floats:
    """Return P(what is failing is still sent requests), in [0, 1].

    Who is gone is left out of its group, and soon nobody sees an error of it; who answers with
    errors gets its share all the same.

    Args:
        gone: nats that the looks whether it is there say for that it is not.
        errs: nats that `ERRORS` say for that something is wrong.
    """
    found: Floats = 1 / (1 + np.exp(gone - np.minimum(errs, TOLD)) * (1 - SENT) / SENT)
    return found
