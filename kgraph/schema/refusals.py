"""What pydantic finds wrong, in words for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from kgraph.schema.nearness import suggest

_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "model_attributes_type": "must be an object",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "string_pattern_mismatch": "must look like {pattern}",
    "string_too_long": "must be at most {max_length} long",
    "too_short": "must have at least {min_length} of them",
}


def in_words(found: ErrorDetails) -> str:
    """Return what is wrong with a value; its place is told before it."""
    context = found.get("ctx", {})
    match found["type"]:
        case "greater_than_equal":
            return f"must be at least {_plain(context['ge'])}"
        case "less_than_equal":
            return f"must be at most {_plain(context['le'])}"
        case "string_too_short" if context["min_length"] == 1:
            return "must not be empty"
        case known if known in _WORDS:
            return _WORDS[known].format(**context)
        case _:
            told = found["msg"].removeprefix("Value error, ")
            return told.replace("Input should be", "must be")


def _plain(bound: object) -> str:
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def path(location: Sequence[int | str]) -> str:
    """Return where something stands in a document: `entries[0].kind`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts).removeprefix(".")


def near_key(form: type[BaseModel], place: Sequence[int | str], otherwise: str = "") -> str:
    """Return which keys are like one that a form does not know.

    Args:
        form: what was to be filled in.
        place: where the key stands in it, as pydantic tells it.
        otherwise: what to tell where none is near; empty: all that are known there.
    """
    *above, key = place
    forms = [form]
    for part in (part for part in above if isinstance(part, str)):
        fields = chain.from_iterable(each.model_fields.items() for each in forms)
        held = [info.annotation for name, info in fields if part in {name, info.alias}]
        forms = list(chain.from_iterable(map(_forms, held))) or forms
    known = {info.alias or name for each in forms for name, info in each.model_fields.items()}
    return suggest(str(key), sorted(known), otherwise or f"known keys: {', '.join(sorted(known))}")


def _forms(held: object) -> Iterator[type[BaseModel]]:
    """Yield the forms that a field may hold: in a list, in a mapping, or one of several."""
    if isinstance(held, type) and issubclass(held, BaseModel):
        yield held
    for inner in get_args(held):
        yield from _forms(inner)
