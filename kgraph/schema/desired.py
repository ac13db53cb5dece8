"""The desired state: what a person has declared that the estate should be, `kgraph.desired/v1`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from yaml import YAMLError

from kgraph.schema.errors import InputError, one_line
from kgraph.schema.nearness import suggest
from kgraph.schema.refusals import in_words
from kgraph.schema.relations import RELATIONS
from kgraph.schema.safe_yaml import safe_yaml

FORMAT = "kgraph.desired/v1"
_Text = Annotated[str, Field(min_length=1, max_length=500)]
_Value = str | int | float | bool


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DesiredEntity(_Row):
    """What an entity should be; only what is named is compared.

    Attributes:
        entity: its name, Kind/name or uid.
        absent: it should not be there.
        runs: it should be seen to run: neither down nor paused.
        props, labels: those that matter, with their values.
    """

    entity: _Text
    absent: bool = False
    runs: bool = False
    props: dict[str, _Value] = {}
    labels: dict[str, str] = {}


class DesiredRelation(_Row):
    """A relation that should be there, or not; from the dependent to what it needs.

    Attributes:
        only: no other relation of that type to things of that kind, as a guest runs on one host.
    """

    dependent: _Text = Field(alias="from")
    type: str
    dependency: _Text = Field(alias="to")
    absent: bool = False
    only: bool = False


class Desired(_Row):
    """The whole document."""

    format: Literal["kgraph.desired/v1"]
    entities: tuple[DesiredEntity, ...] = ()
    relations: tuple[DesiredRelation, ...] = ()


def parse_desired(text: str, where: str) -> Desired:
    """Read a document in YAML or JSON.

    Raises:
        InputError: it is none, in one line with the place.
    """
    try:
        content = safe_yaml(text)
    except (YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"not YAML: {one_line(error)}", where=where) from None
    if not isinstance(content, dict):
        raise InputError("no desired state", where=where, mend=f"begin with `format: {FORMAT}`")
    try:
        found = Desired.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(ascii(part).strip("'") for part in first["loc"])
        raise InputError(
            in_words(first), where=f"{where}: {place}", mend="see docs/changes.md"
        ) from None
    for number, row in enumerate(found.relations):
        if row.type not in RELATIONS:
            mend = suggest(row.type, RELATIONS, f"known: {', '.join(sorted(RELATIONS))}")
            place = f"{where}: relations.{number}.type"
            raise InputError(f"no relation {row.type!r}", where=place, mend=mend)
    return found
