"""JSON pointers, RFC 6901: where in a document something is."""

from __future__ import annotations

from typing import Any


def at(document: Any, pointer: str) -> Any:  # noqa: ANN401 - any JSON
    """Return what a pointer leads to, None where there is nothing; "" is the whole document."""
    found = document
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict):
            found = found.get(name)
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found


def text_at(document: Any, pointer: str) -> str:  # noqa: ANN401 - any JSON
    """Return a scalar as text; empty where there is none, or no scalar."""
    found = at(document, pointer) if pointer else None
    if isinstance(found, bool):
        return str(found).lower()
    return str(found) if isinstance(found, str | int | float) else ""
