"""Fields of a bundle that are passed over, and may have been meant for another."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from kgraph.schema.bundle_rows import Bundle, ChangeRow, EntityRow, ObservationRow, RelationRow
from kgraph.schema.fields import names
from kgraph.schema.nearness import meant

_TOLD = 10  # unknown fields of the whole that are named
_ASKED = 200  # names in rows that are compared: whoever sends a bundle may make up a million
_SECTIONS: dict[str, type[BaseModel]] = {
    "entities": EntityRow,
    "relations": RelationRow,
    "observations": ObservationRow,
    "changes": ChangeRow,
}


def passed_over(raw: Mapping[str, object]) -> list[str]:
    """Return warnings of unknown fields of the whole, and of misspelt ones of rows.

    Other tools give their rows fields of their own, by the thousand: these need no warning.

    Args:
        raw: a bundle that was parsed, and found to be one.
    """
    known = names(Bundle)
    unknown = [name for name in raw if name not in known]
    whole = [
        f"unknown field {name!r} is passed over{meant(name, known)}" for name in unknown[:_TOLD]
    ]
    if more := len(unknown[_TOLD:]):
        whole.append(f"unknown fields that are not named are passed over: {more}")
    rows = (
        f"unknown field {name!r} in {section} is passed over{asked}"
        for section, form in _SECTIONS.items()
        for name, asked in _misspelt(raw.get(section), names(form)).items()
    )
    return [*whole, *rows]


def _misspelt(rows: object, known: list[str]) -> dict[str, str]:
    """Return which unknown fields are like a known one, and the question after it."""
    held = rows if isinstance(rows, list) else []
    unknown = {name for row in held for name in row.keys() - known}
    return {name: asked for name in sorted(unknown)[:_ASKED] if (asked := meant(name, known))}
