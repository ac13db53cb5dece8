"""What somebody may have meant who wrote a name that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_MOST, _LIKENESS = 3, 0.6  # names that are told, and how alike they are at least
SLIP = 0.8  # how alike a word and its slip of the pen are
_BETWEEN_WORDS = str.maketrans("", "", " _-")


def suggest(written: str, known: Iterable[str], otherwise: str) -> str:
    """Return the names that are near to what was written, as a question.

    Case, and how words are joined, make no difference: `virtual_machine` is near VirtualMachine.

    Args:
        written: what nobody knows.
        known: the names that there are.
        otherwise: what to tell where none is near.
    """
    near = nearest(written, known)
    return f"did you mean {' or '.join(near)}?" if near else otherwise


def meant(written: str, known: Iterable[str]) -> str:
    """Return the end of a remark on what is not known and taken all the same.

    It asks only after what looks like a slip of the pen; else it is empty.
    """
    near = nearest(written, known, SLIP)
    return f"; did you mean {near[0]}?" if near else ""


def nearest(written: str, known: Iterable[str], likeness: float = _LIKENESS) -> list[str]:
    """Return the few known names that are alike to what was written, the likest first.

    Args:
        written: what nobody knows.
        known: the names that there are.
        likeness: how alike they are at least, in [0, 1], as difflib counts it.
    """
    folded = {_folded(name): name for name in known}
    near = get_close_matches(_folded(written), folded, n=_MOST, cutoff=likeness)
    return [folded[name] for name in near]


def _folded(name: str) -> str:
    return name.translate(_BETWEEN_WORDS).casefold()
