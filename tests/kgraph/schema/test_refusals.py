"""What is wrong with what was filled in, in words for people."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kgraph.schema.refusals import in_words, near_key


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(default="a", pattern="^[a-z]+$")
    share: float = Field(default=0, ge=0, le=1)
    undo_if: list[str] = Field(default=[], alias="undoIf")
    mode: Literal["on", "off"] = "on"
    pair: tuple[str, ...] = ()
    tries: int = 1
    safe: bool = False


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rows: list[_Row] = []
    named: dict[str, _Row] = {}
    one: _Row | None = None


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"name": 5}, "must be text"),
        ({"name": "A b"}, "must look like ^[a-z]+$"),
        ({"share": -1}, "must be at least 0"),
        ({"share": 1.5}, "must be at most 1"),
        ({"undoIf": "stop"}, "must be a list"),
        ({"mode": "of"}, "must be 'on' or 'off'"),
        ([], "must be an object"),
        ({"pair": "a"}, "must be a list"),
        ({"share": "often"}, "must be a number"),
        ({"tries": "often"}, "must be a whole number"),
        ({"tries": 1.5}, "must be a whole number"),
        ({"safe": "maybe"}, "must be true or false"),
    ],
)
def test_each_mistake_is_told_as_a_person_would_say_it(row: object, said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        _File.model_validate({"rows": [row]})
    (found,) = refused.value.errors()
    assert in_words(found) == said


@pytest.mark.parametrize(
    "place",
    [("rows", 0, "undoif"), ("named", "x", "undoif"), ("one", "undo_if"), ("rows", 3, "undIf")],
)
def test_a_misspelt_key_is_likened_to_those_of_its_own_form(place: tuple[int | str, ...]) -> None:
    assert near_key(_File, place, "see the docs") == "did you mean undoIf?"


def test_where_no_key_is_near_the_page_is_named() -> None:
    assert near_key(_File, ("rows", 0, "zzz"), "see the docs") == "see the docs"
    assert near_key(_File, ("row",), "see the docs") == "did you mean rows?"
