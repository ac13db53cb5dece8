"""Reading the `where` of a rule: nested mappings in YAML become a condition.

Several keys beside each other must all hold. Each refusal names the place within the row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from kgraph.schema import ConfigurationError, Scalar
from rca.rules.conditions import Condition, End, Every, Fact, IsKind, Not, Of, Related, Some, Value

SEEN = frozenset(
    {"alarm", "alarms", "signal", "observation", "observed", "abnormal", "healthy", "state"}
)
_COMPARISONS = frozenset({"name", "equals", "oneOf", "lessThan", "greaterThan"})
_TYPES = re.compile(r"[A-Z_]+(\|[A-Z_]+)*")


def read_where(raw: object, place: str, *, ends: bool) -> Condition | None:
    """Return the condition of a row; None where it has none.

    Args:
        raw: what YAML gave for `where`.
        place: file and row, for messages.
        ends: whether the rule has an effect and a cause; a fault has one entity.

    Raises:
        ConfigurationError: a form that is not one, or a question about evidence.
    """
    if raw is None:
        return None
    return _condition(raw, f"{place}.where", ends=ends)


def _condition(raw: object, place: str, *, ends: bool) -> Condition:
    if not isinstance(raw, Mapping) or not raw:
        _refuse("a condition is a mapping", place, "write kind, property, label, relation, …")
    parts = []
    for key, value in raw.items():
        reader = _READERS.get(key) if isinstance(key, str) else None
        if key in SEEN:
            _refuse(
                f"{key!r} asks what is seen, and an alarm that is absent is no health",
                place,
                "ask the graph only; health is told by observations and weighs by itself",
            )
        if reader is None or (not ends and key in {"effect", "cause"}):
            known = sorted(set(_READERS) - (set() if ends else {"effect", "cause"}))
            _refuse(f"unknown condition {key!r}", place, f"one of: {', '.join(known)}")
        parts.append(reader(value, f"{place}.{key}", ends))
    return parts[0] if len(parts) == 1 else Every(tuple(parts))


def _listed(raw: object, place: str, ends: bool) -> tuple[Condition, ...]:  # noqa: FBT001
    if not isinstance(raw, list) or not raw:
        _refuse("a list of conditions is needed", place, "write - before each of them")
    return tuple(_condition(part, f"{place}[{i}]", ends=ends) for i, part in enumerate(raw))


def _kinds(raw: object, place: str, _: bool) -> Condition:  # noqa: FBT001
    names = [raw] if isinstance(raw, str) else raw
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        _refuse("a kind, or a list of kinds, is needed", place, "write kind: Host")
    return IsKind(tuple(names))


def _value(fact: Fact) -> Callable[[object, str, bool], Condition]:
    def read(raw: object, place: str, _: bool) -> Condition:  # noqa: FBT001
        asked = {"name": raw} if isinstance(raw, str) else raw
        mend = f"write {fact.value}: {{name: x, equals: y}}"
        if not isinstance(asked, Mapping) or not isinstance(asked.get("name"), str):
            _refuse(f"a {fact.value} needs its name", place, mend)
        if unknown := sorted(str(key) for key in asked if key not in _COMPARISONS):
            known = ", ".join(sorted(_COMPARISONS))
            _refuse(f"unknown comparison {unknown[0]!r}", place, f"one of: {known}")
        among = _among(asked, place)
        return Value(
            fact,
            asked["name"],
            among,
            _number(asked, "greaterThan", place),
            _number(asked, "lessThan", place),
        )

    return read


def _among(asked: Mapping[str, Any], place: str) -> tuple[Scalar, ...]:
    if "equals" in asked and "oneOf" in asked:
        _refuse("both equals and oneOf", place, "write one of them")
    found = asked.get("oneOf", [asked["equals"]] if "equals" in asked else None)
    if found is None:
        return ()
    if not isinstance(found, list) or not found:
        _refuse("oneOf is not a list of values", place, "write oneOf: [a, b]")
    if not all(isinstance(one, str | int | float) for one in found):
        _refuse("a value is text, a number, true or false", place, "correct the value")
    return tuple(found)


def _number(asked: Mapping[str, Any], key: str, place: str) -> float | None:
    value = asked.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(f"{key} needs a number, not {value!r}", place, "correct the value")
    return float(value)


def _related(raw: object, place: str, ends: bool) -> Condition:  # noqa: FBT001
    mend = "write relation: {type: ATTACHED_TO, to: {kind: Network}}"
    if not isinstance(raw, Mapping) or not isinstance(raw.get("type"), str):
        _refuse("a relation needs its type", place, mend)
    if set(raw) - {"type", "to", "from"} or {"to", "from"} <= set(raw):
        _refuse("a relation has a type, and one of to and from", place, mend)
    if _TYPES.fullmatch(raw["type"]) is None:
        _refuse(f"{raw['type']!r} is no relation type", place, mend)
    inward = "from" in raw
    far = _far(raw.get("from" if inward else "to"), place, ends=ends)
    return Related(tuple(raw["type"].split("|")), inward, far)


def _far(raw: object, place: str, *, ends: bool) -> Condition | End | None:
    if raw is None:
        return None
    if isinstance(raw, str):
        if not ends or raw not in {end.value for end in End}:
            _refuse(f"{raw!r} is no other end", place, "write effect, cause or a condition")
        return End(raw)
    return _condition(raw, place, ends=ends)


def _refuse(what: str, place: str, mend: str) -> NoReturn:
    raise ConfigurationError(what, where=place, mend=mend)


_READERS: Mapping[str, Callable[[Any, str, bool], Condition]] = {
    "and": lambda raw, place, ends: Every(_listed(raw, place, ends)),
    "or": lambda raw, place, ends: Some(_listed(raw, place, ends)),
    "not": lambda raw, place, ends: Not(_condition(raw, place, ends=ends)),
    "kind": _kinds,
    "property": _value(Fact.PROPERTY),
    "label": _value(Fact.LABEL),
    "relation": _related,
    "absent": lambda raw, place, ends: Not(_related(raw, place, ends)),
    "effect": lambda raw, place, ends: Of(End.EFFECT, _condition(raw, place, ends=ends)),
    "cause": lambda raw, place, ends: Of(End.CAUSE, _condition(raw, place, ends=ends)),
}
