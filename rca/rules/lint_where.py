"""What is wrong with the conditions of rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from kgraph.schema import KINDS, RELATIONS, suggest_kind, unusual
from rca.rules.conditions import Condition, End, Every, IsKind, Not, Of, Related, Some, Value
from rca.rules.finding import Finding
from rca.rules.model import ANY

_NEVER = "so it can never match"
Kinds = Sequence[str]  # that an entity may be of; empty: any


@dataclass(frozen=True, slots=True)
class _Place:
    where: str
    ends: Mapping[End, Kinds]


def check_condition(
    condition: Condition | None, effect: Kinds, cause: Kinds, where: str
) -> Iterator[Finding]:
    """Yield the defects of a rule's condition.

    Args:
        condition: of the rule; None has none.
        effect: kinds of the entity that is hit.
        cause: kinds of the one that hits it; of a fault, the same once more.
        where: file and row.
    """
    if condition is None:
        return
    effect, cause = _known(effect), _known(cause)
    place = _Place(f"{where}.where", {End.EFFECT: effect, End.CAUSE: cause})
    if not _affirms(condition, sign=True):
        yield Finding(
            "a condition that only says what must be absent",
            place.where,
            "say also what must be there: a kind, a property, a label or a relation",
        )
    yield from _defects(condition, effect, place)


def _known(kinds: Kinds) -> Kinds:
    return () if ANY in kinds else kinds


def _affirms(condition: Condition, *, sign: bool) -> bool:
    """Tell whether anything is asked to be there."""
    match condition:
        case Every(parts) | Some(parts):
            return any(_affirms(part, sign=sign) for part in parts)
        case Not(part):
            return _affirms(part, sign=not sign)
        case Of(_, part):
            return _affirms(part, sign=sign)
        case _:
            return sign


def _defects(condition: Condition, kinds: Kinds, place: _Place) -> Iterator[Finding]:
    match condition:
        case Every(parts) | Some(parts):
            if isinstance(condition, Every):
                yield from _contradictions(parts, place)
            for part in parts:
                yield from _defects(part, kinds, place)
        case Not(part):
            yield from _defects(part, kinds, place)
        case Of(end, part):
            yield from _defects(part, place.ends[end], place)
        case IsKind(asked):
            yield from _kinds(asked, kinds, place)
        case Value():
            yield from _bounds(condition, place)
        case Related():
            yield from _relation(condition, kinds, place)


def _kinds(asked: Kinds, kinds: Kinds, place: _Place) -> Iterator[Finding]:
    unknown = [kind for kind in asked if kind not in KINDS]
    for kind in unknown:
        yield Finding(f"unknown kind {kind!r}", place.where, suggest_kind(kind))
    if kinds and not unknown and not set(asked) & set(kinds):
        yield Finding(
            f"a {'|'.join(kinds)} is never a {'|'.join(asked)}, {_NEVER}",
            place.where,
            "correct the kind, or the path",
        )


def _bounds(asked: Value, place: _Place) -> Iterator[Finding]:
    if asked.above is not None and asked.below is not None and asked.below <= asked.above:
        bounds = f"above {asked.above:g} and below {asked.below:g}"
        what = f"{asked.name!r} cannot be {bounds}, {_NEVER}"
        yield Finding(what, place.where, "correct the bounds")


def _relation(asked: Related, kinds: Kinds, place: _Place) -> Iterator[Finding]:
    unknown = [type_ for type_ in asked.types if type_ not in RELATIONS]
    for type_ in unknown:
        known = ", ".join(RELATIONS)
        yield Finding(f"unknown relation {type_!r}", place.where, f"relations: {known}")
    far = _far_kinds(asked.far, place)
    pairs = [(b, a) if asked.inward else (a, b) for a in kinds for b in far]
    usual = any(not unusual(t, *pair) for t in asked.types if t in RELATIONS for pair in pairs)
    if pairs and not unknown and not usual and all(kind in KINDS for kind in far):
        what = f"no {'|'.join(asked.types)} joins these kinds, {_NEVER}"
        yield Finding(what, place.where, "correct the relation, or the kinds")
    if asked.far is not None and not isinstance(asked.far, End):
        yield from _defects(asked.far, (), place)


def _far_kinds(far: Condition | End | None, place: _Place) -> Kinds:
    match far:
        case End():
            return place.ends[far]
        case IsKind(kinds):
            return kinds
        case Every(parts):
            return next((part.kinds for part in parts if isinstance(part, IsKind)), ())
        case _:
            return ()


def _contradictions(parts: Sequence[Condition], place: _Place) -> Iterator[Finding]:
    for one, other in combinations(parts, 2):
        if one == Not(other) or other == Not(one) or _differ(one, other):
            what = f"two parts of one `and` contradict each other, {_NEVER}"
            yield Finding(what, place.where, "take one of them out, or write `or`")


def _differ(one: Condition, other: Condition) -> bool:
    """Tell whether two conditions ask different values of the same thing."""
    if isinstance(one, IsKind) and isinstance(other, IsKind):
        return not set(one.kinds) & set(other.kinds)
    if not isinstance(one, Value) or not isinstance(other, Value):
        return False
    same = (one.fact, one.name) == (other.fact, other.name)
    return bool(same and one.among and other.among and not set(one.among) & set(other.among))
