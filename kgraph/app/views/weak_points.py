"""Weak points of the stored estate, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kgraph.app.stored.lookup import entity as look_up
from kgraph.schema import Entity, InputError
from kgraph.store import Estate
from kgraph.topology import build
from rca.audit.weak_points import SharedCause, WeakPoint, weak_points

KINDS = ("Application", "Service")  # asked about unless somebody names something
OWNER = "owner"  # the label that names a tenant
NAMES = {1: "single point", 2: "pair", 3: "three together"}
HIDDEN = "hidden shared cause"


@dataclass(frozen=True, slots=True)
class Row:
    """One weak point.

    Attributes:
        what: how many stand together, or that it hides behind redundancy.
        members: what would have to fail.
        hits: what stops, of what was asked about; `tenants` are its owners.
        behind: of a hidden cause, the groups that meet in it: dependent, relation, members.
    """

    what: str
    members: tuple[Entity, ...]
    hits: tuple[Entity, ...]
    tenants: tuple[str, ...]
    behind: tuple[tuple[Entity, str, tuple[Entity, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What was asked about, and its weak points, the worst first.

    Attributes:
        shortened: things of which not all sets could be followed.
    """

    asked: tuple[Entity, ...]
    points: tuple[Row, ...]
    hidden: tuple[Row, ...]
    shortened: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked.

    Attributes:
        names: what is looked at, as people name it; none: all applications and services.
        owner: only those of this tenant; None: of all.
        size: things that fail together at most.
        calls: whether a call that cannot be answered counts as a failure.
    """

    names: tuple[str, ...] = ()
    owner: str | None = None
    size: int = 2
    calls: bool = True


def find(store: Estate, wanted: Asked) -> Found:
    """Look for weak points.

    Raises:
        InputError: a name that fits nothing, or an estate without such applications and services.
    """
    if wanted.names:
        listed = [look_up(store, name) for name in wanted.names]
    else:
        listed = [one for kind in KINDS for one in store.find(kind=kind)]
    if wanted.owner is not None:
        listed = [one for one in listed if one.labels.get(OWNER) == wanted.owner]
    asked = {one.uid: one for one in listed}
    if not asked:
        of_whom = f" with the label {OWNER} = {wanted.owner}" if wanted.owner else ""
        raise InputError(
            f"there is neither an application nor a service{of_whom} in the graph",
            mend="name what to look at: kgraph weak-points NAME",
        )
    graph = store.graph()
    topology = build(graph.entities, graph.relations)
    found = weak_points(topology, list(asked), size=wanted.size, calls=wanted.calls)
    known = {entity.uid: entity for entity in graph.entities}
    return Found(
        tuple(asked.values()),
        tuple(_point(row, known) for row in found.points),
        tuple(_hidden(row, known) for row in found.shared),
        len(found.shortened),
    )


def _point(row: WeakPoint, known: Mapping[str, Entity]) -> Row:
    members, hits = _named(row.members, known), _named(row.hits, known)
    return Row(NAMES[len(members)], members, hits, _tenants(hits))


def _hidden(row: SharedCause, known: Mapping[str, Entity]) -> Row:
    hits = _named(row.hits, known)
    behind = tuple(
        (known[dependent], type_, _named(members, known))
        for dependent, type_, members in row.groups
    )
    return Row(HIDDEN, (known[row.entity],), hits, _tenants(hits), behind)


def _named(uids: Iterable[str], known: Mapping[str, Entity]) -> tuple[Entity, ...]:
    return tuple(sorted((known[uid] for uid in uids), key=lambda e: (e.kind, e.name, e.uid)))


def _tenants(entities: Iterable[Entity]) -> tuple[str, ...]:
    return tuple(sorted({e.labels[OWNER] for e in entities if OWNER in e.labels}))
