"""What else it could be: ELSE, the runner-up, and what looks exactly like a suspect."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kgraph.incidents import witnesses, wording
from kgraph.incidents.advice import typed
from kgraph.incidents.case import View
from kgraph.incidents.report import Detail, Label, Section, Tone
from kgraph.schema import Ambiguity, Cause, Doubt, Fault, RunnerUp

_EQUAL = "just as likely"
_RIVALS = 3
_FAR = 10.0  # times less likely; what is further behind is taken for no near thing
_PERHAPS = 0.05  # from which a further fault is told


def otherwise(view: View) -> Section:
    """Name what may be instead of it, and what may be broken besides it, and how likely."""
    answer = view.case.answer
    blamed = {fault.entity for fault in view.blamed} if not answer.abstained else set()
    twins_of = {twin for suspect in view.suspects for twin in suspect.same_as if blamed}
    others = [c for c in answer.causes if c.entity not in blamed | twins_of]
    besides = [c for c in others if _stands_beside(view, c.entity, blamed)]
    shown = _said(view, [c for c in others if c not in besides])
    shown.append(f"outside the graph {wording.probability(answer.elsewhere)}")
    shown.append(f"monitoring failed {wording.probability(answer.monitoring)}")
    lines = [" · ".join(shown)]
    if answer.runner_up is not None:
        lines.append(_next_best(view, answer.runner_up))
    more = [c for c in besides if c.posterior >= _PERHAPS or view.detail is Detail.FULL]
    if more:
        lines.append(f"besides it: {' · '.join(_said(view, more))}")
    if not answer.abstained:
        lines.append(witnesses.cleared_line(view))
    lines += [_doubt(view, doubt) for doubt in answer.doubts or ()]
    return Section(Label.ELSE, tuple(line for line in lines if line), Tone.QUIET)


def _said(view: View, causes: Sequence[Cause]) -> list[str]:
    said = [
        f"{view.estate.title(c.entity)} {wording.state(c.mode)} {wording.probability(c.posterior)}"
        for c in causes
    ]
    return list(view.first([s for s in said if not s.endswith("< .01")] or said[:1], _RIVALS))


def _stands_beside(view: View, entity: str, blamed: Collection[str]) -> bool:
    """Tell whether a suspect is believed mostly together with what is blamed.

    Two such chances add up to more than one, and a reader who takes the second for a rival of the
    first doubts what is sure.
    """
    together = alone = 0.0
    for row in view.case.answer.hypotheses:
        members = {fault.entity for fault in row.members}
        if entity in members:
            if members & set(blamed):
                together += row.posterior
            else:
                alone += row.posterior
    return together > alone


def _next_best(view: View, rival: RunnerUp) -> str:
    """Say how far the next explanation is behind, and in full how much of that was seen.

    Whole explanations are compared here, and single causes everywhere else: where the two could be
    mixed up, both are named.
    """
    seen = ""
    if view.detail is Detail.FULL:
        seen = f" (by what was seen alone: {_times(rival.bayes_factor)})"
    several = len(rival.members) > 1 or len(view.blamed) > 1
    near = several or (bool(rival.members) and rival.odds < _FAR)
    if not near or view.case.answer.abstained:
        return f"likeliest instead: {_blames(view, rival)}, {_times(rival.odds)}{seen}"
    times = _times(rival.odds)
    beside = "as" if times == _EQUAL else "than"
    return (
        f"likeliest instead: {_whole(view, rival.members) or rival.name},"
        f" {times} {beside} {_whole(view, view.blamed)}{seen}"
    )


def _whole(view: View, faults: Sequence[Fault]) -> str:
    """Name all that an explanation blames."""
    if len(faults) == 1:
        return f"{_fault(view, faults[0])} alone"
    return f"{' and '.join(_fault(view, fault) for fault in faults)} together" if faults else ""


def _doubt(view: View, doubt: Doubt) -> str:
    """Say which relation may be wrong, and what would be blamed without it."""
    relation = doubt.relation
    ends = view.estate.name(relation.dependent), view.estate.name(relation.dependency)
    blamed = " and ".join(_fault(view, fault) for fault in doubt.blames)
    return (
        f"perhaps wrong in the graph, P {wording.probability(doubt.chance)}:"
        f" {ends[0]} {relation.type} {ends[1]}; without it {blamed or 'nothing in the graph'}"
        f" fits {_number(doubt.bayes_factor)} times better"
    )


def _blames(view: View, rival: RunnerUp) -> str:
    if not rival.members:
        return rival.name
    return wording.titles([f"{_fault(view, fault)}" for fault in rival.members], view.room)


def _fault(view: View, fault: Fault) -> str:
    return f"{view.estate.title(fault.entity)} {wording.state(fault.mode)}"


def _times(odds: float) -> str:
    if 0.95 <= odds < 1.05:
        return _EQUAL
    if odds < 1:
        return f"{_number(1 / odds)} times likelier" if odds > 0 else "far likelier"
    return f"{_number(odds)} times less likely"


def _number(value: float) -> str:
    """Say a factor in two digits."""
    if value >= 1000:
        return "over 1000"
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def rests_on(view: View) -> list[str]:
    """Say which observations the answer cannot do without, and what it would be without them."""
    stated = view.case.answer.certificate
    if stated is None:
        return []
    told: dict[str, list[str]] = {}
    for row in stated.observations:
        how = wording.state(row.signal)
        how = how if row.abnormal else f"not {how}"
        told.setdefault(how, []).append(view.estate.name(row.entity))
    seen = [f"{' '.join(sorted(who))} {how}" for how, who in told.items()]
    faults = [_fault(view, fault) for fault in stated.instead]
    then = " and ".join(faults) or "nothing in the graph"
    least = "" if stated.minimal else " or fewer"
    number = len(stated.observations)
    count = f"{number} observations" if number > 1 else "one observation"
    return [f"rests on {count}{least}: {', '.join(seen)}; unseen, it would blame {then}"]


def twins(view: View, suspect: Cause) -> list[str]:
    """Name what nothing that was seen can tell from a suspect, and what would."""
    if not suspect.same_as:
        return []
    who = wording.titles([view.estate.title(uid) for uid in suspect.same_as], view.room)
    lines = [f"looks exactly like: {who}"]
    group = _group(view, suspect)
    if group is not None:
        told = f"one of these {len(group.members)}: P {wording.probability(group.posterior)}"
        look = group.apart
        if look is not None:
            way = typed(view, look) or f"watch {look.signal} of {view.estate.title(look.entity)}"
            told += f"  tell them apart: {way}"
        lines.append(told)
    return lines


def _group(view: View, suspect: Cause) -> Ambiguity | None:
    groups = view.case.answer.ambiguous
    return next(
        (g for g in groups if any(fault.entity == suspect.entity for fault in g.members)), None
    )
