"""What is not as it was declared, and a plan that restores it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kgraph.app.configured.catalogue import catalogue_of
from kgraph.app.configured.endpoints import endpoints
from kgraph.app.incidents.plans import propose
from kgraph.app.stored.lookup import NoEntityError, named
from kgraph.config import Configuration
from kgraph.schema import Entity, Incident, InputError, Observation, Plan, PlanRecord, Relation
from kgraph.schema.desired import Desired, DesiredEntity, DesiredRelation, parse_desired
from kgraph.store import Estate, GraphStore, Toward
from remedies.restoring import Deviation, Drift, plan_to_restore

_STOPPED = {"down": Drift.DOWN, "paused": Drift.PAUSED}
_LARGEST = 2**24  # bytes of a document
_RESTORED = "everything is as declared"


@dataclass(frozen=True, slots=True)
class Compared:
    """An estate next to what was declared.

    Attributes:
        plan: what would restore it, under the name of its declaration; None where nothing of it
            is in the graph, or nothing differs.
        unknown: what was declared to run, and nobody has seen lately: neither so nor otherwise.
    """

    deviations: tuple[Deviation, ...]
    plan: Plan | None
    unknown: tuple[str, ...] = ()


def declared(path: Path) -> Desired:
    """Read a desired state from a file.

    Raises:
        InputError: it cannot be read, or is none.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("not UTF-8", where=str(path)) from None
    except OSError as error:
        raise InputError(error.strerror or "can't be read", where=str(path)) from None
    if len(content) > _LARGEST:
        raise InputError("more than 16 MiB", where=str(path), mend="split it")
    return parse_desired(text, str(path))


def compare(
    store: Estate, desired: Desired, configuration: Configuration, now: datetime, name: str = ""
) -> Compared:
    """Compare the stored estate with what was declared, and plan how to restore it.

    Args:
        store: the estate.
        desired: what was declared.
        configuration: has the catalogue and the ways to act.
        now: the moment.
        name: of the declaration; plans of two do not take each other's place.

    Raises:
        InputError: a declared name means several entities.
    """
    found = [each for row in desired.entities for each in _entity(store, row, now)]
    found += [each for row in desired.relations for each in _relation(store, row)]
    unknown = tuple(_unseen(store, desired.entities, now))
    plan = _plan(store, found, configuration, now, f"drift {name}".rstrip())
    return Compared(tuple(found), plan, unknown)


def keep(store: GraphStore, found: Compared, name: str, now: datetime) -> PlanRecord | None:
    """Propose the plan as any other is: people approve it, and guards stand before each step.

    What was proposed for the same declaration before is taken off the table.
    """
    return propose(store, f"drift {name}".rstrip(), found.plan, now, over=_RESTORED)


def _entity(store: Estate, row: DesiredEntity, now: datetime) -> Iterator[Deviation]:
    entity = _named(store, row.entity)
    if entity is None:
        if not row.absent:
            yield Deviation(Drift.GONE, "", row.entity, "it is not there", "bring it back")
        return
    if row.absent:
        yield Deviation(Drift.UNWANTED, entity.uid, entity.title, "it is there", "take it away")
        return
    for name, wanted in row.props.items():
        is_ = entity.props.get(name)
        if is_ != wanted:
            said = _differs(name, is_, wanted)
            mend = f"set {name} to {wanted}"
            yield Deviation(Drift.PROPERTY, entity.uid, entity.title, said, mend)
    for name, value in row.labels.items():
        label = entity.labels.get(name)
        if label != value:
            said = _differs(f"label {name}", label, value)
            yield Deviation(
                Drift.LABEL, entity.uid, entity.title, said, f"set the label {name} to {value}"
            )
    if row.runs:
        stopped = [o for o in _seen(store, entity, now) if o.abnormal and o.signal in _STOPPED]
        for seen in stopped[:1]:
            said = f"it is {seen.signal}" + (f": {seen.detail}" if seen.detail else "")
            drift = _STOPPED[seen.signal]
            yield Deviation(drift, entity.uid, entity.title, said, "let it run again")


def _relation(store: Estate, row: DesiredRelation) -> Iterator[Deviation]:
    dependent, dependency = _named(store, row.dependent), _named(store, row.dependency)
    if dependent is None or dependency is None:
        if not row.absent:
            lacking = row.dependent if dependent is None else row.dependency
            said = f"{row.dependent} {row.type} {row.dependency}: there is no {lacking}"
            yield Deviation(Drift.GONE, "", lacking, said, f"bring {lacking} back")
        return
    ties = _ties(store, dependent, row.type)
    tied = any(tie.dependency == dependency.uid for tie in ties)
    if row.absent:
        if tied:
            told = f"{row.type} {dependency.name}"
            yield Deviation(
                Drift.TIED, dependent.uid, dependent.title, f"{told}: it does", f"end {told}"
            )
        return
    kin = {e.uid: e for e in store.get(t.dependency for t in ties) if e.kind == dependency.kind}
    others = [e for uid, e in sorted(kin.items()) if uid != dependency.uid]
    if not tied or (row.only and others):
        yield _astray(row, dependent, dependency, others)


def _astray(
    row: DesiredRelation, dependent: Entity, dependency: Entity, others: Sequence[Entity]
) -> Deviation:
    """Say that something lacks a relation, or has it to others of that kind instead."""
    if others and (row.only or row.type == "RUNS_ON"):
        said = f"{row.type} {', '.join(e.name for e in others)} and not {dependency.name}"
        return Deviation(
            Drift.ELSEWHERE, dependent.uid, dependent.title, said,
            f"bring it to {dependency.name}", dependency.uid, dependency.name, others[0].uid,
        )  # fmt: skip
    told = f"{row.type} {dependency.name}"
    said = f"{told}: it does not"
    return Deviation(Drift.UNTIED, dependent.uid, dependent.title, said, f"make it {told}")


def _unseen(store: Estate, rows: Sequence[DesiredEntity], now: datetime) -> Iterator[str]:
    """Name what should run and nobody sees: silence is neither up nor down."""
    for row in rows:
        entity = _named(store, row.entity) if row.runs else None
        if entity is not None and not any(o.signal in _STOPPED for o in _seen(store, entity, now)):
            yield entity.title


def _plan(
    store: Estate,
    deviations: Sequence[Deviation],
    configuration: Configuration,
    now: datetime,
    name: str,
) -> Plan | None:
    uids = list(dict.fromkeys(u for d in deviations for u in (d.entity, d.to, d.now) if u))
    if not uids:
        return None
    part = store.neighbourhood(uids, Toward.DEPENDENCIES, depth=3)
    evidence = store.evidence([entity.uid for entity in part.entities], now=now)
    incident = Incident(
        name, part.entities, part.relations, evidence.observations, changes=evidence.changes
    )
    catalogue = catalogue_of(configuration)
    return plan_to_restore(deviations, incident, catalogue, endpoints(configuration))


def _named(store: Estate, text: str) -> Entity | None:
    """Return the entity of a name, None where there is none."""
    try:
        return named(store, text)
    except NoEntityError:
        return None


def _ties(store: Estate, entity: Entity, type_: str) -> list[Relation]:
    part = store.neighbourhood(
        [entity.uid], Toward.DEPENDENCIES, types=frozenset({type_}), depth=1
    )
    return [r for r in part.relations if r.dependent == entity.uid and r.type == type_]


def _seen(store: Estate, entity: Entity, now: datetime) -> tuple[Observation, ...]:
    return store.evidence([entity.uid], now=now).observations


def _differs(name: str, value: object, wanted: object) -> str:
    lacks = value is None
    return f"{name} {wanted} is not set" if lacks else f"{name} is {value} and not {wanted}"
