"""Labels: what really was the cause of an incident, one JSON object a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kgraph.schema import InputError
from kgraph.schema.refusals import in_words


class Label(BaseModel):
    """One labelled incident; more fields may stand beside these."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    id: str
    truth: tuple[str, ...] = Field(min_length=1)


_L = TypeVar("_L", bound=Label)


def read_labels(path: Path, form: type[_L], example: str) -> dict[str, _L]:
    """Return id -> label.

    Args:
        path: the file.
        form: what a row holds.
        example: a row, for whoever wrote a wrong one.

    Raises:
        InputError: not readable, a row that is no label, or one id twice.
    """
    found: dict[str, _L] = {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise InputError(f"cannot be read: {reason}", where=str(path)) from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        row = _row(line, where, form, example)
        if row.id in found:
            raise InputError(f"{row.id!r} is labelled twice", where=where, mend="delete one row")
        found[row.id] = row
    return found


def _row(line: str, where: str, form: type[_L], example: str) -> _L:
    try:
        return form.model_validate(json.loads(line))
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg}", where=where) from None
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(map(str, first["loc"])) or "row"
        raise InputError(
            f"{at}: {in_words(first)}", where=where, mend=f"write {example}"
        ) from None
