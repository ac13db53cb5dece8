"""`kgraph.topology/v1`: a part of an estate as a document.

Documents are written for us, so what we don't know is refused: a typing error must not lose a
dependency.
"""

from __future__ import annotations

from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kgraph.schema.entities import Key, Record, RelationRecord
from kgraph.schema.errors import InputError
from kgraph.schema.fields import Prop, Text, refusal
from kgraph.schema.kinds import KINDS, suggest_kind
from kgraph.schema.nearness import suggest
from kgraph.schema.relations import RELATIONS
from kgraph.schema.signals import is_known, suggest_signal

_Model = TypeVar("_Model", bound=BaseModel)

FORMAT = "kgraph.topology/v1"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


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
    kind: str = Field(json_schema_extra={"enum": [*sorted(KINDS)]})
    name: Text = ""
    keys: dict[str, Text | list[Text]] = Field(
        default={}, description="key namespace to value, or to several values"
    )
    labels: dict[str, Text] = {}
    props: dict[str, Prop] = Field(default={}, description="camelCase, with units in the name")
    watched: list[str] = Field(default=[], description="signals that some detector looks at here")


class RelationRow(_Strict):
    """One dependency, from the dependent to what it needs."""

    dependent: Text = Field(alias="from", min_length=1)
    type: str = Field(json_schema_extra={"enum": [*RELATIONS]})
    dependency: Text = Field(alias="to", min_length=1)
    group: Text | None = None
    need: int | None = Field(default=None, ge=1)


class Document(Header):
    """A whole document in YAML or JSON.

    JSON Lines: the first line has the fields of the header, each further one
    `{"entity": ...}` or `{"relation": ...}`.
    """

    entities: list[EntityRow] | None = None
    relations: list[RelationRow] | None = None


def header(raw: object, where: str) -> Header:
    """Check a header; InputError names the field."""
    said = raw.get("format") if isinstance(raw, dict) else None
    if said is not None and said != FORMAT:
        mend = f"this reads {FORMAT}"
        if isinstance(said, str) and said.startswith("kgraph.incident/"):
            mend += "; an incident goes to `kgraph investigate --bundle`"
        raise InputError(f"format: is {said!r}", where=where, mend=mend)
    return _checked(Header, raw, where)


def record(raw: object, where: str, site: str) -> Record:
    """Turn one entity row into a record.

    Raises:
        InputError: an unknown kind, signal or field, or a value of the wrong type.
    """
    row = _checked(EntityRow, raw, where)
    if row.kind not in KINDS:
        raise InputError(f"unknown kind {row.kind!r}", where=where, mend=suggest_kind(row.kind))
    for signal in row.watched:
        if not is_known(row.kind, signal):
            mend = suggest_signal(row.kind, signal)
            raise InputError(f"watched: unknown signal {signal!r}", where=where, mend=mend)
    keys = tuple(
        Key(namespace, value, site)
        for namespace, values in row.keys.items()
        for value in (values if isinstance(values, list) else [values])
    )
    if "\0" in row.id or any("\0" in key.value for key in keys):
        what = f"a NUL character in id or keys of {row.id!r}"
        raise InputError(what, where=where, mend="take it out: nothing could be found by it")
    return Record(
        key=row.id,
        kind=row.kind,
        name=row.name or row.id,
        keys=keys,
        labels=row.labels,
        props=row.props,
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
        mend = suggest(row.type, RELATIONS, f"one of: {', '.join(RELATIONS)}")
        raise InputError(f"unknown relation {row.type!r}", where=where, mend=mend)
    if row.group is None and (row.need or 1) > 1:
        mend = "name the group whose members are counted, or leave `need` out"
        raise InputError(f"need: is {row.need} without a group", where=where, mend=mend)
    return RelationRecord(row.dependent, row.type, row.dependency, row.group, row.need, where)


def _checked(model: type[_Model], raw: object, where: str) -> _Model:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise refusal(error, model, where) from None
