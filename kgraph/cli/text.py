"""Texts from outside, made safe to show on a terminal."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# What JSON leaves as it is, and terminals do not: among the first is one that begins commands.
_STEERING = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

# Not after what merely begins a line in a column; what stands in brackets is apart already.
_APART = re.compile(r"(?<=\S)(?<!^now) {2,}(?=[^\s(])")


def printable(text: str) -> str:
    """Replace control and direction characters: a name must not steer the terminal.

    Line breaks stay; who wants one line splits.
    """
    return "".join(_REPLACEMENT if _steers(char) else char for char in text)


def as_json(value: Any, indent: int | None = None) -> str:  # noqa: ANN401 - any JSON value
    """Write JSON that a terminal shows and does not obey; it says the same."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def steers(document: str) -> bool:
    """Tell whether a document has what JSON and YAML leave as it is, and a terminal obeys."""
    return _STEERING.search(document) is not None


def one_line(text: str) -> str:
    """Make a text printable and put it on one line."""
    return " ".join(printable(text).split())


def pointed(text: str) -> str:
    """Make a line of the screen printable where blanks fold: two of them become a point.

    On the screen they keep apart what is read for itself, such as `firing 5 h  20 VMs down`.
    """
    return one_line(_APART.sub(" · ", text))


def _steers(char: str) -> bool:
    # Cf holds the direction marks that can make one name look like another.
    return char != "\n" and unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co"}
