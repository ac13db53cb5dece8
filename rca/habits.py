"""What the monitors of an estate call down: what has stopped, or whatever does not answer.

That is one habit of a whole estate. Rules say how often a monitor calls down what cannot be
reached (of a guest .1); where ten cut-off guests are all called down, that is no luck of one in
ten each, and none of them is proof that the guest has stopped. So the rule's strength is worth
`CASES` entities that cannot be reached, and those of the incident are counted as well:

    P(called down | cannot be reached) = (CASES * rule + called down) / (CASES + told either way)

Nothing is added where one is seen to run that cannot be reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from kgraph.schema import Observation
from rca.accounts import CASES
from rca.rules import Model, SignalRule
import os
CASES=float(os.environ.get('CASES','4')); QUIET=float(os.environ.get('QUIET','0'))

DOWN, UNREACHABLE = "down", "unreachable"


def as_monitored(model: Model, seen: Iterable[Observation]) -> Model:
    """Return the rules with the estate's habit in those of `down`.

    Args:
        model: the causal rules.
        seen: all of an incident, its healthy rows spelled out.
    """
    if CASES>1e6: return model
    cut_off: set[str] = set()
    called: dict[str, bool] = {}
    for row in seen:
        if row.signal == UNREACHABLE and row.abnormal:
            cut_off.add(row.entity)
        elif row.signal == DOWN:
            called[row.entity] = called.get(row.entity, False) or row.abnormal
    told = [called[entity] for entity in cut_off & called.keys()]
    silent = len(cut_off - called.keys())*QUIET if any(told) else 0
    if not any(told):
        return model
    return replace(model, signals=tuple(_habitual(model, sum(told), len(told)+silent)))


def _habitual(model: Model, down: int, told: int) -> Iterable[SignalRule]:
    rules = {(rule.kind, rule.mode, rule.signal): rule for rule in model.signals}
    for key, rule in list(rules.items()):
        kind, mode, signal = key
        if signal != UNREACHABLE:
            continue
        of_down = model.signal_rules.get((kind, DOWN))
        if not of_down:
            continue
        own = rules.get((kind, mode, DOWN), SignalRule(kind, mode, DOWN, 0.0, of_down[0].false_alarm))
        often = (CASES * own.detection + rule.detection * down) / (CASES + told)
        if often > own.detection:
            rules[kind, mode, DOWN] = replace(own, detection=often)
    return rules.values()
