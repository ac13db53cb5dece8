"""In which line of a TOML file a setting stands, so that a refusal can name it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

_WORD = r"""[\w-]+|"[^"]*"|'[^']*'"""
_NAME = rf"(?:{_WORD})(?:\s*\.\s*(?:{_WORD}))*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_NAME})\s*\]")
_KEY = re.compile(rf"\s*({_NAME})\s*=")
_LONG = re.compile(r'"""|\'\'\'')  # opens or closes a text of several lines


def line_of(text: str, name: str) -> int | None:
    """Return the line of a setting, counted from 1; None: nothing of it is in the file.

    Where the setting itself is missing, or stands within a line, the line of what holds it.

    Args:
        text: valid TOML.
        name: dotted, with places in lists counted from 0, such as `sources.0.uri`.
    """
    wanted = tuple(name.split("."))
    found: dict[tuple[str, ...], int] = {}
    for number, path in _paths(text):
        found.setdefault(path, number)
    heads = (wanted[:length] for length in range(len(wanted), 0, -1))
    return next((found[head] for head in heads if head in found), None)


def _paths(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield (line, path) of each table and key that begins a line."""
    table: tuple[str, ...] = ()
    last: dict[tuple[str, ...], int] = {}  # list of tables -> place of its latest
    within_text = False
    for number, line in enumerate(text.splitlines(), 1):
        begins = not within_text
        within_text ^= len(_LONG.findall(line)) % 2 == 1
        if begins and (header := _HEADER.match(line)):
            *before, own = _words(header[2])
            parents: tuple[str, ...] = ()
            for word in before:
                parents = _latest((*parents, word), last)
            table = (*parents, own)
            if header[1] == "[[":
                last[table] = last.get(table, -1) + 1
                table = _latest(table, last)
            yield number, table
        elif begins and (key := _KEY.match(line)):
            yield number, (*table, *_words(key[1]))


def _latest(path: tuple[str, ...], last: dict[tuple[str, ...], int]) -> tuple[str, ...]:
    return (*path, str(last[path])) if path in last else path


def _words(name: str) -> list[str]:
    return [word.strip("\"'") for word in re.findall(_WORD, name)]
