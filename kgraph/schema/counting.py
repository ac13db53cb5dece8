"""Numbers of things in words: `1 alert`, `3 entities`."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Say `1 alert`, `3 entities`."""
    return f"{number} {noun if number == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """Return the plural of a regular noun: `switches`, `entities`, `feeds`."""
    if noun.endswith(("s", "ch", "x")):
        return f"{noun}es"
    return f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else f"{noun}s"
