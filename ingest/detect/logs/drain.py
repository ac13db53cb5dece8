"""Templates of log lines, learned as they come. Pure but for what it remembers.

Lines of one program and one number of words are sorted by their first words; among those that
begin alike, a line joins the template that it shares most words with, and what differs becomes a
wildcard. O(words) a line; a line that came before, its values apart, is looked up.

Source: P. He, J. Zhu, Z. Zheng, M. R. Lyu, Drain: An Online Log Parsing Approach with Fixed Depth
Tree (2017), doi:10.1109/ICWS.2017.13.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import eq

from ingest.detect.logs.masking import WILDCARD, without_values

ALIKE = 0.4  # share of words that a line has in common with its template, at least
_PREFIX = 2  # words that sort lines of one length
_WORDS = 60  # of a line; the rest says no more of what it is
_REMEMBERED = 50_000  # lines without their values
MOST_TEMPLATES = 5_000  # of one source; a program that never says the same twice ends there
OTHER = -1  # the template of what came after that

_Leaf = list[int]


@dataclass(slots=True)
class Templates:
    """The templates of one source.

    Attributes:
        words: template -> its words, wildcards among them.
        programs: template -> the program that says it.
    """

    words: list[tuple[str, ...]] = field(default_factory=list)
    programs: list[str] = field(default_factory=list)
    _leaves: dict[tuple[str, ...], _Leaf] = field(default_factory=dict)
    _known: dict[tuple[str, str], int] = field(default_factory=dict)

    def of(self, program: str, text: str) -> int:
        """Return the template of a line, learning it where it is new; `OTHER` where all are full.

        Args:
            program: what wrote it.
            text: the message, without secrets.
        """
        bare = without_values(text)
        key = program, bare
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            found = self._known[key] = self._learn(program, tuple(bare.split()[:_WORDS]))
        return found

    def text(self, template: int) -> str:
        """Return a template as a line."""
        return " ".join(self.words[template]) if template != OTHER else "(too many templates)"

    def rows(self) -> list[list[str]]:
        """Return what must be kept: for each template its program and its words."""
        return [[p, " ".join(w)] for p, w in zip(self.programs, self.words, strict=True)]

    @classmethod
    def of_rows(cls, rows: Iterable[Sequence[str]]) -> Templates:
        """Return the templates that `rows` were made of; their numbers are the same."""
        found = cls()
        for program, text in rows:
            found._add(program, tuple(text.split(" ")))
        return found

    def _learn(self, program: str, words: tuple[str, ...]) -> int:
        leaf = self._leaves.get(_place(program, words), [])
        best, most = OTHER, -1.0
        for template in leaf:
            share = _alike(self.words[template], words)
            if share > most:
                best, most = template, share
        if most >= ALIKE:
            self.words[best] = tuple(
                mine if mine == other else WILDCARD
                for mine, other in zip(self.words[best], words, strict=True)
            )
            return best
        return self._add(program, words) if len(self.words) < MOST_TEMPLATES else OTHER

    def _add(self, program: str, words: tuple[str, ...]) -> int:
        self._leaves.setdefault(_place(program, words), []).append(len(self.words))
        self.words.append(words)
        self.programs.append(program)
        return len(self.words) - 1


def _place(program: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """Return where a line is sorted in; a word with a value says nothing of its kind."""
    prefix = (WILDCARD if WILDCARD in word else word for word in words[:_PREFIX])
    return (program, str(len(words)), *prefix)


def _alike(template: tuple[str, ...], words: tuple[str, ...]) -> float:
    """Return the share of words that are the same, in [0, 1]; values are the same as values."""
    same = sum(map(eq, template, words))
    return same / len(words) if words else 1.0
