"""What the monitors of an estate call down: what has stopped, or whatever does not answer.

That is one parlance of a whole estate. Rules say how often a monitor calls down what merely cannot
be reached (of a guest .1); where ten guests behind a switch are all called down, that is no luck
of one in ten each. What a rule says is therefore worth `CASES` entities, and those of the incident
that cannot be reached are counted as well:

    P(called down | hit by a mode) = (CASES * rule + called down * P(unreachable | that mode))
                                     / (CASES + told down or well)

Of whom anything else is wrong is no case: a paused guest is called down because it has stopped. A
guest that runs and cannot be reached takes it back. Of what does not answer, `down` then says
hardly more that it has stopped than that it is cut off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kgraph.schema import Observation, State
from rca.region.accounts import CASES
from rca.rules.model import Model, SignalRule

DOWN, UNREACHABLE = "down", "unreachable"


def as_monitored(model: Model, seen: Sequence[Observation]) -> Model:
    """Return the rules, those of `down` as the monitors of this estate use the word.

    No rule gets weaker, and where nothing that cannot be reached is called down all stay.

    Args:
        model: the causal rules.
        seen: all that was seen in an incident.
    """
    wrong = State.ABNORMAL
    if not any(row.signal == UNREACHABLE and row.state is wrong for row in seen):
        return model
    cut_off: set[str] = set()
    ill: set[str] = set()
    called: dict[str, bool] = {}
    for row in seen:
        abnormal = row.state is wrong  # thousands of rows, each asked once
        if row.signal == DOWN:
            called[row.entity] = abnormal or called.get(row.entity, False)
        elif abnormal:
            (cut_off if row.signal == UNREACHABLE else ill).add(row.entity)
    told = [called[entity] for entity in (cut_off & called.keys()) - ill]
    if not any(told):
        return model
    return replace(model, signals=tuple(_spoken(model, sum(told), len(told)).values()))


def _spoken(model: Model, down: int, told: int) -> Mapping[object, SignalRule]:
    rules: dict[object, SignalRule] = {(r.kind, r.mode, r.signal): r for r in model.signals}
    for rule in model.signals:
        known = model.signal_rules.get((rule.kind, DOWN))
        if rule.signal != UNREACHABLE or known is None:
            continue
        about = rule.kind, rule.mode, DOWN
        held = rules.get(about) or replace(known[0], mode=rule.mode, detection=0.0)
        often = (CASES * held.detection + down * rule.detection) / (CASES + told)
        if often > held.detection:
            rules[about] = replace(held, detection=often)
    return rules
