"""What would be done about each fault that there can be, and by whom. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from kgraph.schema import KINDS, Fault
from remedies.actions import PERSON
from remedies.remedy import Catalogue, Remedy

_TELLS = "notify"


class By(Enum):
    """Who repairs a fault, where all endpoints are there that it takes."""

    KGRAPH = "kgraph"
    PERSON = "a person"  # or what a site brings for the action: a hook or a playbook
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Covered:
    """One fault and what the catalogue has for it.

    Attributes:
        remedy: None: it has nothing.
        own: whether it speaks of the kind, and not of any kind.
    """

    kind: str
    mode: str
    by: By
    remedy: Remedy | None

    @property
    def own(self) -> bool:
        return self.remedy is not None and self.remedy.kind == self.kind


def coverage(
    catalogue: Catalogue, faults: Iterable[tuple[str, str]] | None = None
) -> list[Covered]:
    """Return what there is for these faults; None: for each mode of each kind."""
    rows = _all() if faults is None else faults
    return [_covered(catalogue, kind, mode) for kind, mode in rows]


def _all() -> Iterator[tuple[str, str]]:
    return ((kind.name, mode) for kind in KINDS.values() for mode in kind.modes)


def _covered(catalogue: Catalogue, kind: str, mode: str) -> Covered:
    remedy = catalogue.for_fault(kind, Fault("", mode))
    if remedy is None:
        return Covered(kind, mode, By.NOBODY, None)
    actions = (m.action for rung in remedy.rungs for m in rung)
    done = (catalogue.actions[each.each] if each.each else each for each in actions)
    acts = any(action.by not in {PERSON, _TELLS} for action in done)
    return Covered(kind, mode, By.KGRAPH if acts else By.PERSON, remedy)
