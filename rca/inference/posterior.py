"""How sure: exact enumeration over a short list of suspects that always holds the best ones.

Every set of up to three units of the short list competes, with every other single suspect, with
"the cause is outside the graph" and with "only the monitoring failed".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, product

from kgraph.schema.hypotheses import sums
from rca.inference.score import score, scores
from rca.inference.search import EQUAL, compatible, foremost, taken
from rca.suspects.units import Unit

SHORT = 8  # units on the short list
SLACK = 4  # so many more where equals compete for the last place
CONSIDERED = 100  # strongest single suspects that may get on it
RIVALS = 3  # at least so many of them beside the best set
TOGETHER = 3  # units in one set
WHOLE = 5  # of a best set of so many units every part competes; of a larger one, what lacks few
LACKS = 2  # units
AS_GOOD = 1_000  # sets that are as good as the best, of twins of its members; of more, so many
LISTED = 10  # sets that an answer names
SAME = 1e-9  # of chances that are summed up in another order
ELSEWHERE = 0.5  # prior weight of "outside the graph", against all suspects together

_Told = tuple[tuple[Unit, ...], float]  # a set of suspects, and its score or chance


@dataclass(frozen=True, slots=True)
class Posterior:
    """Probabilities of sets of suspects; with the two that name none they sum to 1."""

    sets: tuple[tuple[tuple[Unit, ...], float], ...]  # likeliest first, see `_by_whom`
    elsewhere: float
    monitoring: float

    def marginals(self) -> Mapping[tuple[int, str], float]:
        """Return (entity, mode) -> P(it is at fault in that mode)."""
        found: dict[tuple[int, str], float] = {}
        for members, chance in self.sets:
            for unit in members:
                for fault in unit.faults:
                    found[fault] = found.get(fault, 0.0) + chance
        return found


def posterior(
    suspects: Sequence[Unit], best: Sequence[Unit], monitoring: float | None
) -> Posterior:
    """Enumerate.

    Args:
        suspects: all units.
        best: the best explanation; on the short list whatever its members score alone.
        monitoring: score of "only the monitoring failed", in nats; None where nothing hints at it.
    """
    short, twins = _short_list(suspects, best)
    together = list(_together(short, best))
    if twins:
        known = {frozenset(members) for members in together}
        together += [one for one in _as_good(best, twins) if frozenset(one) not in known]
    sets: list[_Told] = [((unit,), unit.strength) for unit in suspects]
    sets += zip(together, scores(together), strict=True)
    outside = math.log(ELSEWHERE) + _log_sum([unit.log_prior for unit in suspects])
    return _normalise(sets, outside, monitoring)


def _together(short: Sequence[Unit], best: Sequence[Unit]) -> Iterator[tuple[Unit, ...]]:
    """Yield all small sets of the short list, and what is one move away from the best set."""
    small = (m for size in range(2, TOGETHER + 1) for m in combinations(short, size))
    return filter(_allowed, chain(small, _near(short, best)))


def _near(short: Sequence[Unit], best: Sequence[Unit]) -> Iterator[tuple[Unit, ...]]:
    """Yield parts of the best set, and those that lack at most one with one more unit.

    Only what is no small set.
    """
    others = short[len(best) :]
    least = TOGETHER if len(best) <= WHOLE else len(best) - LACKS
    for size in range(least, len(best) + 1):
        for part in combinations(best, size):
            if size > TOGETHER:
                yield part
            if size >= len(best) - 1:
                yield from ((*part, unit) for unit in others)


def _allowed(members: Sequence[Unit]) -> bool:
    entities = [unit.entities for unit in members]
    return len(frozenset().union(*entities)) == sum(map(len, entities))  # one has one fault


def _as_good(best: Sequence[Unit], twins: Sequence[Sequence[Unit]]) -> Iterator[tuple[Unit, ...]]:
    """Yield the best set with others in the place of its members, each set once.

    Args:
        best: the best explanation.
        twins: of each member, who may as well stand for it; one of several members, too.
    """
    places = [[unit, *others] for unit, others in zip(best, twins, strict=True)]
    few = math.prod(map(len, places)) <= AS_GOOD
    rows = product(*places) if few else _in_turn(places)
    yield from {frozenset(row): row for row in filter(_allowed, rows)}.values()


def _in_turn(places: Sequence[Sequence[Unit]]) -> Iterator[tuple[Unit, ...]]:
    """Yield some of too many choices, so that all of a place are in equally many, or nearly so."""
    turns = min(math.lcm(*map(len, places)), AS_GOOD)
    for shift in range(AS_GOOD // turns):
        for turn in range(turns):
            yield tuple(each[(turn + i * shift) % len(each)] for i, each in enumerate(places))


def _short_list(
    suspects: Sequence[Unit], best: Sequence[Unit]
) -> tuple[list[Unit], list[list[Unit]]]:
    """Return the best explanation and its strongest rivals; and of each member its twins.

    A rival is as strong as the best set that it joins, or in which it stands for a member: ranked
    alone, many rivals for one symptom would crowd out a second fault. Twins may as well stand for
    a member: for lack of room, one of twenty must not be certain because of its name. Of a set of
    one none are told, as each suspect competes alone.
    """
    chosen = {id(unit) for unit in best}
    others = foremost((unit for unit in suspects if id(unit) not in chosen), CONSIDERED)
    tried = _tried(others, best)
    strengths = [
        max(each.values(), default=unit.strength) for unit, each in zip(others, tried, strict=True)
    ]
    ranked = sorted(range(len(others)), key=lambda i: -strengths[i])
    room = max(RIVALS, SHORT - len(best))
    fit = taken([strengths[i] for i in ranked], room, SLACK)
    held = score(best) - EQUAL
    twins = [
        [others[i] for i, each in enumerate(tried) if each.get(place, -math.inf) >= held]
        for place in range(len(best) if len(best) > 1 else 0)
    ]
    return [*best, *(others[i] for i in ranked[:fit])], twins if any(twins) else []


def _tried(units: Sequence[Unit], best: Sequence[Unit]) -> list[dict[int, float]]:
    """Return of each where it may stand -> what the best set then scores; -1: it joins it."""
    rests = {-1: best, **{i: [*best[:i], *best[i + 1 :]] for i in range(len(best))}}
    sets = [
        (i, place, [*rest, unit])
        for i, unit in enumerate(units)
        for place, rest in rests.items()
        if compatible(rest, unit)
    ]
    found: list[dict[int, float]] = [{} for _ in units]
    for (i, place, _), reached in zip(sets, scores([each for _, _, each in sets]), strict=True):
        found[i][place] = reached
    return found


def _normalise(sets: list[_Told], outside: float, monitoring: float | None) -> Posterior:
    blind = -math.inf if monitoring is None else monitoring
    total = _log_sum([*(value for _, value in sets), outside, blind])
    if total == -math.inf:
        return Posterior((), 1.0, 0.0)
    sets.sort(key=lambda row: -row[1])
    chances = [(members, math.exp(value - total)) for members, value in sets]
    return Posterior(tuple(_by_whom(chances)), math.exp(outside - total), math.exp(blind - total))


def _by_whom(chances: list[_Told]) -> list[_Told]:
    """Return sets, likeliest first, with those that are listed by who is at fault, then by how.

    Somebody who either errs or is slow, each with .2, is a likelier culprit than one who is slow
    with .3: all that blame the same stand where their sum stands. The first of all blame whoever
    is likeliest to be at fault, alone or with others: a broker of .7 in sets of .4, .2 and .1 is
    no afterthought to a queue of .5.
    """
    each: dict[int, float] = {}
    for row, own in chances:
        for unit in row:
            for entity in unit.entities:
                each[entity] = each.get(entity, 0.0) + own
    likeliest = max(each.values(), default=0.0) - SAME
    culprits = {entity for entity, chance in each.items() if chance >= likeliest}
    first = next((i for i, row in enumerate(chances) if not culprits.isdisjoint(_blames(row))), 0)
    if first >= LISTED:
        chances = [chances[first], *chances[:first], *chances[first + 1 :]]
    listed = [(row, _blames(row)) for row in chances[:LISTED]]
    whole = sums((blamed, row[1]) for row, blamed in listed)
    ahead = (blamed for blamed in whole if not culprits.isdisjoint(blamed))
    lead = max(ahead, key=lambda blamed: whole[blamed], default=frozenset[int]())
    listed.sort(key=lambda one: (one[1] != lead, -whole[one[1]], -one[0][1]))
    return [*(row for row, _ in listed), *chances[LISTED:]]


def _blames(row: _Told) -> frozenset[int]:
    return frozenset(entity for unit in row[0] for entity in unit.entities)


def _log_sum(values: Sequence[float]) -> float:
    top = max(values, default=-math.inf)
    if top == -math.inf:
        return top
    return top + math.log(math.fsum(math.exp(value - top) for value in values))
