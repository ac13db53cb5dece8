"""Entities, relations, and what a source claims about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

Scalar = str | int | float | bool  # a property's value, as JSON and Neo4j both hold it


class Key(NamedTuple):
    """A claim to be something: an equal key suggests the same thing.

    Namespaces per kind, strong and weak, are listed in `kgraph.schema.kinds`. `site` keeps two
    estates with the same numbers apart.
    """

    namespace: str
    value: str
    site: str = "default"


class Record(NamedTuple):
    """What one source says of one thing; a tuple, as many are made.

    Attributes:
        key: the source's own name for it, unique within the source and scope.
        kind: a name in `KINDS`.
        name: what people call it; defaults to the key.
        keys: identity claims.
        props: camelCase -> value, units in the name (`memoryBytes`).
        watched: signals that some detector looks at here: not firing is then healthy.
        volatile: names of props that change all the time and make no new version.
        where: file and line, for messages.
    """

    key: str
    kind: str
    name: str = ""
    keys: tuple[Key, ...] = ()
    labels: Mapping[str, str] = MappingProxyType({})
    props: Mapping[str, Scalar] = MappingProxyType({})
    watched: tuple[str, ...] = ()
    volatile: frozenset[str] = frozenset()
    where: str = ""


class RelationRecord(NamedTuple):
    """What one source says of one dependency; endpoints are that source's keys.

    A tuple, as there are more of them than of anything else: made in a third of the time.

    Attributes:
        dependent: the one that is hit.
        type: a name in `RELATIONS`.
        dependency: what it needs.
        group: joins alternatives of one dependent; None: needed by itself.
        need: members of the group that must work; None: one.
    """

    dependent: str
    type: str
    dependency: str
    group: str | None = None
    need: int | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class Gone:
    """In a partial reading: the source no longer has the thing of this key; its record closes."""

    key: str


@dataclass(frozen=True, slots=True)
class AllOf:
    """In a partial reading: everything that this record depends on is named in the reading.

    What the source said before of its dependencies, and doesn't say here, is over.
    """

    key: str


@dataclass(frozen=True, slots=True)
class Entity:
    """One thing of the estate, as all sources together see it.

    `uid` is opaque and fixed at first sight; in a bundle that brings its own entities it is the
    bundle's id.
    """

    uid: str
    kind: str
    name: str = ""
    keys: tuple[Key, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    props: Mapping[str, Scalar] = field(default_factory=dict)
    watched: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What to call it in front of a person: `Host h1`."""
        return f"{self.kind} {self.name or self.uid}"


@dataclass(frozen=True, slots=True)
class Relation:
    """One dependency between two entities; `group` is scoped to the dependent and its source."""

    dependent: str
    type: str
    dependency: str
    group: str | None = None
    need: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Subgraph:
    """Entities and the relations among them; `truncated` when a limit cut it short."""

    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]
    truncated: bool = False
