"""`kgraph.topology/v1`: a part of an estate as a document.

Documents are written for us, so what we don't know is refused: a typing error must not lose a
dependency.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from kgraph.schema.entities import Key, Record, RelationRecord, Scalar
from kgraph.schema.errors import InputError
from kgraph.schema.kinds import KINDS, suggest_kind
from kgraph.schema.relations import RELATIONS

_Model = TypeVar("_Model", bound=BaseModel)

FORMAT = "kgraph.topology/v1"


def _text(value: object) -> object:
    """Take numbers for text where people write them, as serial numbers are."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if plain else value


Text = Annotated[str, BeforeValidator(_text)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Expect(_Strict):
    """How many rows there are, so that a document cut off between two lines is noticed."""

    entities: int | None = Field(default=None, ge=0)
    relations: int | None = Field(default=None, ge=0)


class Header(_Strict):
    """Who says it, and of what part of the world."""

    format: Literal["kgraph.topology/v1"]
    source: str = Field(min_length=1)
    scope: str = Field(default="default", min_length=1)
    complete: bool = False
    expect: Expect = Expect()


class EntityRow(_Strict):
    """One entity."""

    id: Text = Field(min_length=1)
    kind: str
    name: Text = ""
    keys: dict[str, Text] = {}
    labels: dict[str, Text] = {}
    props: dict[str, bool | int | Number | str] = {}
    watched: list[str] = []


class RelationRow(_Strict):
    """One dependency."""

    dependent: Text = Field(alias="from")
    type: str
    dependency: Text = Field(alias="to")
    group: Text | None = None
    need: int | None = Field(default=None, ge=1)


def header(raw: object, where: str) -> Header:
    """Check a header; InputError names the field."""
    return _checked(Header, raw, where)


def record(raw: object, where: str, site: str) -> Record:
    """Turn one entity row into a record.

    Raises:
        InputError: an unknown kind or field, or a value of the wrong type.
    """
    row = _checked(EntityRow, raw, where)
    if row.kind not in KINDS:
        raise InputError(f"unknown kind {row.kind!r}", where=where, mend=suggest_kind(row.kind))
    props: dict[str, Scalar] = dict(row.props)
    return Record(
        key=row.id,
        kind=row.kind,
        name=row.name or row.id,
        keys=tuple(Key(namespace, value, site) for namespace, value in row.keys.items()),
        labels=row.labels,
        props=props,
        watched=tuple(row.watched),
        where=where,
    )


def relation(raw: object, where: str) -> RelationRecord:
    """Turn one relation row into a record.

    Raises:
        InputError: an unknown relation type or field, or a value of the wrong type.
    """
    row = _checked(RelationRow, raw, where)
    if row.type not in RELATIONS:
        known = ", ".join(RELATIONS)
        raise InputError(f"unknown relation {row.type!r}", where=where, mend=f"one of: {known}")
    return RelationRecord(row.dependent, row.type, row.dependency, row.group, row.need, where)


def _checked(model: type[_Model], raw: object, where: str) -> _Model:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        mend = f"see docs/reference for {FORMAT}"
        if first["type"] == "extra_forbidden":
            mend = f"known fields: {', '.join(_fields(model))}"
        what = f"{field}: {first['msg']}" if field else str(first["msg"])
        raise InputError(what, where=where, mend=mend) from None


def _fields(model: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()]
