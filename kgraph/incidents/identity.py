"""Which incident an investigation belongs to, and when one is over."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from kgraph.schema import Observation, State

Symptom = tuple[str, str]  # entity, signal
_ID = re.compile(r"INC-(\d+)")
_TYPED = re.compile(r"(?:inc-?)?(\d+)", re.IGNORECASE)
# Of the smaller set of symptoms; below it two incidents merely touch.
_SHARED = 0.5


class Verdict(Enum):
    """What a new investigation is to the incidents that are open."""

    UPDATE = "update"
    NEW = "new"
    CLOSED = "closed"  # a person has closed it, and nothing new has come to it since


@dataclass(frozen=True, slots=True)
class Known:
    """An incident as it was last explained: the entities blamed, and its symptoms."""

    id: str
    causes: frozenset[str]
    symptoms: frozenset[Symptom]


def symptoms_of(rows: Iterable[Observation]) -> frozenset[Symptom]:
    """Return what is abnormal in some evidence."""
    wrong = State.ABNORMAL  # of thousands of rows few are
    return frozenset([(row.entity, row.signal) for row in rows if row.state is wrong])


def as_kept(typed: str) -> str:
    """Return how the id that somebody has typed is kept: `inc-1` and `1` are `INC-0001`."""
    found = _TYPED.fullmatch(typed.strip())
    return f"INC-{int(found[1]):04d}" if found else typed


def next_id(taken: Iterable[str]) -> str:
    """Return the id after the highest taken: `INC-0001`, `INC-0002`, ..."""
    numbers = (int(found[1]) for text in taken if (found := _ID.fullmatch(text)))
    return f"INC-{max(numbers, default=0) + 1:04d}"


def match(fresh: Known, open_incidents: Sequence[Known]) -> tuple[Verdict, str]:
    """Decide whether `fresh` continues an open incident, and under which id it goes.

    The same set of causes continues it; so does sharing at least half of the smaller set of
    symptoms. The most shared symptoms win, then the one with the fewest others, then the earliest
    in `open_incidents`.
    """
    scored = [
        (_likeness(fresh, known), _overlap(fresh, known), known.id) for known in open_incidents
    ]
    best = max(scored, key=lambda row: row[:2], default=(0.0, 0.0, ""))
    return (Verdict.UPDATE, best[2]) if best[0] >= _SHARED else (Verdict.NEW, fresh.id)


def over(known: Known, abnormal: frozenset[Symptom]) -> bool:
    """Tell whether nothing of an incident is abnormal any longer."""
    return not known.symptoms & abnormal


def _likeness(fresh: Known, known: Known) -> float:
    smaller = min(len(fresh.symptoms), len(known.symptoms))
    shared = len(fresh.symptoms & known.symptoms) / smaller if smaller else 0.0
    same = bool(fresh.causes) and fresh.causes == known.causes
    return 1.0 + shared if same else shared


def _overlap(fresh: Known, known: Known) -> float:
    """Return the shared part of all symptoms of both, 0 to 1."""
    both = len(fresh.symptoms | known.symptoms)
    return len(fresh.symptoms & known.symptoms) / both if both else 0.0
