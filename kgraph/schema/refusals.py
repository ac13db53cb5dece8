"""What pydantic finds wrong, in words for people."""

from __future__ import annotations

from pydantic_core import ErrorDetails


def in_words(found: ErrorDetails) -> str:
    """Return what is wrong with a value; its place is told before it."""
    match found["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return "is not known here"
        case "model_type" | "dict_type" | "model_attributes_type":
            return "must be an object"
        case "too_short":
            return f"must have at least {found['ctx']['min_length']} of them"
        case _:
            told = found["msg"].removeprefix("Value error, ")
            return told.replace("Input should be", "must be")
