"""What somebody may have meant who wrote a name that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_MOST, _LIKENESS = 3, 0.6  # names that are told; how alike they are, as difflib counts it
_BETWEEN_WORDS = str.maketrans("", "", " _-")


def suggest(written: str, known: Iterable[str], otherwise: str) -> str:
    """Return the names that are near to what was written, as a question.

    Case, and how words are joined, make no difference: `virtual_machine` is near VirtualMachine.

    Args:
        written: what nobody knows.
        known: the names that there are.
        otherwise: what to tell where none is near.
    """
    folded = {_folded(name): name for name in known}
    near = get_close_matches(_folded(written), folded, n=_MOST, cutoff=_LIKENESS)
    return f"did you mean {' or '.join(folded[name] for name in near)}?" if near else otherwise


def _folded(name: str) -> str:
    return name.translate(_BETWEEN_WORDS).casefold()
