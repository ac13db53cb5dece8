"""The rows of `kgraph.incident/v1`, as a file has them.

They come from outside: unknown fields are passed over.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from kgraph.schema.fields import Text
from kgraph.schema.kinds import GENERIC
from kgraph.schema.signals import Direction
from kgraph.schema.timestamps import parse_time


def _time(value: object) -> object:
    if isinstance(value, str):
        return parse_time(value)
    if value is None or (isinstance(value, datetime) and value.tzinfo):
        return value
    raise ValueError("must be a time like 2026-11-23T04:00:00Z")


_Time = Annotated[
    datetime | None,
    BeforeValidator(_time),
    WithJsonSchema({"type": ["string", "null"], "format": "date-time"}),
]
_Score = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore")


class KeyRow(_Row):
    """A value of a key that is not of the default site."""

    value: Text
    site: str


class EntityRow(_Row):
    """One entity. Without a kind it is a generic thing."""

    id: Text = Field(min_length=1)
    kind: str = GENERIC
    name: Text | None = None
    keys: dict[str, Text | KeyRow | list[Text | KeyRow]] | None = None
    labels: dict[str, Text] | None = None
    props: dict[str, object] | None = None
    watched: list[str] | None = None


class RelationRow(_Row):
    """One dependency, from the dependent to what it needs."""

    dependent: Text = Field(alias="from")
    type: str
    dependency: Text = Field(alias="to")
    group: Text | None = None
    need: int | None = Field(default=None, ge=1)
    source: str | None = Field(default=None, description="who says so; groups are its own")


class ObservationRow(_Row):
    """One look at one signal."""

    entity: Text
    signal: str = Field(min_length=1)
    state: Literal["abnormal", "healthy", "unknown"]
    score: _Score | None = Field(
        default=None, description="robust z; null: only the alert is known"
    )
    direction: Direction | None = None
    at: _Time = None
    detector: str | None = None
    caller: Text | None = None
    receivedAt: _Time = None  # noqa: N815 - the format's own spelling, here and below
    expiresAt: _Time = None  # noqa: N815
    detail: str | None = None
    dueAt: Annotated[  # noqa: N815
        _Time, Field(description="when what is foreseen is expected; null: it is so already")
    ] = None


class ChangeRow(_Row):
    """Something that was done to an entity."""

    entity: Text
    type: str
    at: _Time = None
    detail: str | None = None
    source: str | None = None


class TargetRow(_Row):
    """The objective whose breach raised the incident."""

    entity: Text
    signal: str


class StrayRow(_Row):
    """How often an alarm goes off when nothing is wrong, by what its estate has on record."""

    entity: Text
    signal: str = Field(min_length=1)
    detector: str = ""
    times: int = Field(ge=0, le=10**9, description="it stood and was over by itself so often")
    days: float = Field(ge=0, le=1e6, description="for which that was counted")
    noise: float = Field(gt=0, lt=1, description="P(it stands at a look | nothing is wrong)")


class Bundle(_Row):
    """A whole incident. Without entities it speaks of the stored graph."""

    format: Literal["kgraph.incident/v1"]
    id: Text = Field(min_length=1)
    entities: list[EntityRow] | None = None
    relations: list[RelationRow] | None = None
    observations: list[ObservationRow] | None = None
    changes: list[ChangeRow] | None = None
    target: TargetRow | None = None
    candidates: list[Text] | None = None
    source: str | None = None
    assumeHealthy: bool | None = None  # noqa: N815
    incomplete: bool | None = Field(
        default=None, description="whoever sent the evidence left some of it out"
    )
    warnings: list[str] | None = None
    stale: dict[str, Annotated[float, Field(ge=0, le=1e12)]] | None = Field(
        default=None,
        description="source of relations -> seconds for which it had not been read; too many",
    )
    strays: list[StrayRow] | None = Field(
        default=None, description="alarms that go off when nothing is wrong: they count less"
    )
