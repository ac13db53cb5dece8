"""What a person should know of a catalogue that is not wrong. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kgraph.schema import Risk
from remedies.actions import PERSON
from remedies.proof.does import Does
from remedies.remedy import Catalogue, Measure, Remedy

_RISKS = tuple(Risk)
_LOOKS = frozenset({"nbd", "notify"})


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to know, and where it is from."""

    what: str
    where: str
    mend: str = ""


def lint(catalogue: Catalogue) -> list[Remark]:
    """Return remarks on remedies: what only a person can do, what nothing takes back.

    What is plainly wrong is refused when the catalogue is loaded.
    """
    return [row for remedy in catalogue.remedies.values() for row in _of_remedy(remedy)]


def _of_remedy(remedy: Remedy) -> Iterator[Remark]:
    for rung in remedy.rungs:
        yield from _remarks(remedy, rung)
    yield from _ladder(remedy)


def _ladder(remedy: Remedy) -> Iterator[Remark]:
    """Say where a ladder does not go from the cheap and reversible to what hurts."""
    fault = f"{remedy.kind}.{remedy.mode}"
    for number, (lower, upper) in enumerate(pairwise(remedy.rungs), 2):
        if all(measure.risk is Risk.NONE for measure in upper):
            continue  # the end of a ladder may be a person who is asked
        if _weight(lower) > _weight(upper):
            mend = "the cheapest reversible comes first"
            yield Remark(
                f"{fault}: rung {number} is milder than the one before", remedy.where, mend
            )
        acts = {m.action.name for m in upper if not m.of and m.risk is not Risk.NONE}
        if acts <= {m.action.name for m in lower}:
            mend = "a rung is passed over once its actions on the cause were tried"
            yield Remark(f"{fault}: rung {number} is never reached", remedy.where, mend)


def _weight(rung: Sequence[Measure]) -> tuple[int, float]:
    """Return how much a rung hurts: by its worst risk, then by what it costs."""
    worst = max((_RISKS.index(measure.risk) for measure in rung), default=0)
    return worst, sum(measure.action.cost for measure in rung)


def _remarks(remedy: Remedy, rung: Sequence[Measure]) -> Iterator[Remark]:
    fault = f"{remedy.kind}.{remedy.mode}"
    names = [measure.action.name for measure in rung]
    for number, measure in enumerate(rung):
        action = measure.action
        if action.by == PERSON and action.name != "ask" and not measure.optional:
            mend = "an endpoint of type hook or ansible can do it"
            yield Remark(f"{fault}: {action.name} is for a person", remedy.where, mend)
        for later in measure.undo_if:
            if later not in names[number:]:
                mend = "name an action of a later step"
                yield Remark(f"{fault}: undoIf {later} never happens", remedy.where, mend)
        acts = action.by not in {*_LOOKS, PERSON} and action.does is not Does.NOTHING
        irrevocable = acts and not action.inverse
        if irrevocable and measure.risk.value == "low":
            mend = "give it an inverse, or say that its risk is not low"
            yield Remark(f"{fault}: nothing takes {action.name} back", remedy.where, mend)
