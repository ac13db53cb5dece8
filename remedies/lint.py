"""What a person should know of a catalogue that is not wrong. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from remedies.actions import PERSON
from remedies.remedy import Catalogue, Remedy

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
    return [row for remedy in catalogue.remedies.values() for row in _remarks(remedy)]


def _remarks(remedy: Remedy) -> Iterator[Remark]:
    fault = f"{remedy.kind}.{remedy.mode}"
    names = [measure.action.name for measure in remedy.measures]
    for number, measure in enumerate(remedy.measures):
        action = measure.action
        if action.by == PERSON and action.name != "ask":
            mend = "suggest only: no actuator of this version does it"
            yield Remark(f"{fault}: {action.name} is for a person", remedy.where, mend)
        for later in measure.undo_if:
            if later not in names[number:]:
                mend = "name an action of a later step"
                yield Remark(f"{fault}: undoIf {later} never happens", remedy.where, mend)
        irrevocable = not action.inverse and action.by not in {*_LOOKS, PERSON}
        if irrevocable and measure.risk.value == "low":
            mend = "give it an inverse, or say that its risk is not low"
            yield Remark(f"{fault}: nothing takes {action.name} back", remedy.where, mend)
