"""Texts from outside, made safe to show on a terminal."""

from __future__ import annotations

import unicodedata

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """Replace control and direction characters: a name must not steer the terminal.

    Line breaks stay; who wants one line splits.
    """
    return "".join(_REPLACEMENT if _steers(char) else char for char in text)


def one_line(text: str) -> str:
    """Make a text printable and put it on one line."""
    return " ".join(printable(text).split())


def _steers(char: str) -> bool:
    # Cf holds the direction marks that can make one name look like another.
    return char != "\n" and unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co"}
