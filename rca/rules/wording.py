"""A condition in words, as people read it in a list of rules."""

from __future__ import annotations

from rca.rules.conditions import Condition, End, Every, IsKind, Not, Of, Related, Some, Value


def worded(condition: Condition) -> str:
    """Return one line: `label tier = gold and not (ATTACHED_TO -> Network)`."""
    match condition:
        case Every(parts):
            return " and ".join(_within(part) for part in parts)
        case Some(parts):
            return " or ".join(_within(part) for part in parts)
        case Not(part):
            return f"not ({worded(part)})"
        case Of(end, part):
            return f"{end.value}: {_within(part)}"
        case IsKind(kinds):
            return "|".join(kinds)
        case Value():
            return _value(condition)
        case Related(types, inward, far):
            arrow = "<-" if inward else "->"
            return f"{'|'.join(types)} {arrow} {_far(far)}"


def _within(part: Condition) -> str:
    compound = isinstance(part, Every | Some)
    return f"({worded(part)})" if compound else worded(part)


def _far(far: Condition | End | None) -> str:
    if far is None:
        return "anything"
    return far.value if isinstance(far, End) else _within(far)


def _value(asked: Value) -> str:
    said = f"{asked.fact.value} {asked.name}"
    if asked.among:
        said += f" = {'|'.join(str(one) for one in asked.among)}"
    if asked.above is not None:
        said += f" > {asked.above:g}"
    if asked.below is not None:
        said += f" < {asked.below:g}"
    return said
