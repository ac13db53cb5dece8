"""Fields that the published formats share, and what is said of a field that is wrong."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ValidationError, WithJsonSchema
from pydantic_core import ErrorDetails

from kgraph.schema.entities import Scalar
from kgraph.schema.errors import InputError
from kgraph.schema.refusals import in_words, near_key, path

LARGEST = 2**63 - 1  # what every store can hold
_TOLD = 10  # mistakes of one document that are told at once


class Written(float):
    """A number that remembers how it was written: as text, 1.10 and 4e10 must stay what they are.

    YAML leaves it to the reader whether a plain word is text or a number.
    """

    def __init__(self, text: str) -> None:
        self.text = text


def _text(value: object) -> object:
    """Take numbers for text where people write them, as serial numbers are.

    A fraction only as it was written: from JSON, a version 1.10 would become 1.1 in silence.
    """
    if isinstance(value, Written):
        return value.text
    plain = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if plain else value


def _scalar(value: object) -> Scalar:
    if not isinstance(value, str | int | float):
        raise ValueError("must be text, a number, true or false")  # noqa: TRY004 - pydantic's way
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a finite number")
    if isinstance(value, int) and abs(value) > LARGEST:
        raise ValueError("must fit into 64 bits")
    return float(value) if isinstance(value, float) else value


Text = Annotated[str, BeforeValidator(_text), WithJsonSchema({"type": ["string", "integer"]})]
Prop = Annotated[
    Scalar,
    BeforeValidator(_scalar),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
]


def refusal(error: ValidationError, model: type[BaseModel], where: str) -> InputError:
    """Put what pydantic found into one line for a person: how to mend the first, and what else."""
    places: dict[tuple[int | str, ...], ErrorDetails] = {}
    for each in error.errors(include_url=False):
        place = _place(each["loc"], key=each["type"] == "extra_forbidden")
        if not any(place[: len(told)] == told for told in places):
            places[place] = each
    (what, mend), *others = [_said(place, each, model) for place, each in places.items()]
    if others:
        rest = len(others) + 1 - _TOLD
        told_too = "; ".join(told for told, _ in others[: _TOLD - 1])
        what += f" (also {told_too}{f'; and {rest} more' if rest > 0 else ''})"
    return InputError(what, where=where, mend=mend)


def _place(location: tuple[int | str, ...], *, key: bool) -> tuple[int | str, ...]:
    """Return where it is; of what may be one of several things, not as which it was tried.

    With `key` the last part is what somebody called a field, whatever that is.
    """
    last = location[-1:] if key else ()
    above = location[: len(location) - len(last)]
    tried = (i for i, part in enumerate(above) if isinstance(part, str) and "[" in part)
    return (*above[: next(tried, None)], *last)


def _said(
    place: tuple[int | str, ...], found: ErrorDetails, model: type[BaseModel]
) -> tuple[str, str]:
    """Return what is wrong and how to mend it."""
    field = path(place)
    match found["type"]:
        case "missing":
            return f"{field}: is missing", "add it"
        case "extra_forbidden":
            known = f"known fields: {', '.join(names(model))}"
            return f"{field}: unknown field", near_key(model, place, known)
        case "string_type":
            return f"{field}: must be text", "put it in quotes"
        case "bool_type":
            return f"{field}: must be a yes or no", "write true or false"
        case "model_type" | "dict_type" | "model_attributes_type":
            return f"{field or 'the whole'}: must be an object", "write fields in braces"
        case _:
            told = in_words(found)
            return f"{field}: {told}" if field else told, "see docs/reference"


def names(model: type[BaseModel]) -> list[str]:
    """Return the fields of a model as the format spells them."""
    return [info.alias or name for name, info in model.model_fields.items()]
