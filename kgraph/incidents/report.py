"""The report: what the one-screen answer holds, before any width or colour."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Label(Enum):
    """The sections, in the order in which a person needs them."""

    WHO = "WHO"
    CAUSE = "CAUSE"
    SUSPECT = "SUSPECT"  # in its place, where nobody is sure enough to be acted on
    WHY = "WHY"
    NEXT = "NEXT"
    FOR = "FOR"
    AGAINST = "AGAINST"
    UNKNOWN = "UNKNOWN"
    ELSE = "ELSE"
    PATH = "PATH"
    IMPACT = "IMPACT"
    CHANGE = "CHANGE"
    CHECK = "CHECK"
    PLAN = "PLAN"
    NOT = "NOT"
    DATA = "DATA"
    DO = "DO"


# The section that says who is to blame has one of them.
BLAMING = (Label.CAUSE, Label.SUSPECT)


class Tone(Enum):
    """How loud a section is."""

    LOUD = "loud"
    PLAIN = "plain"
    QUIET = "quiet"
    WARNING = "warning"


class Detail(Enum):
    """One screen, or everything that is known."""

    BRIEF = "brief"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Section:
    """One label with its lines; a line is one thought and is wrapped by whoever shows it."""

    label: Label
    lines: tuple[str, ...]
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Report:
    """What is told of one incident.

    Attributes:
        id: the incident's.
        headline: what everybody sees is wrong, one line.
        sections: only those with something to say, in the order of `Label`.
        warnings: what the reader must know about the input, one line each.
    """

    id: str
    headline: str
    sections: tuple[Section, ...]
    warnings: tuple[str, ...] = ()

    def section(self, label: Label) -> Section | None:
        """Return the section with a label, or None when it has nothing to say."""
        return next((found for found in self.sections if found.label is label), None)
