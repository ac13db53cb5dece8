"""Evidence that a source sends with its records, put on the entities that it speaks of. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from kgraph.schema import (
    RELATIONS,
    Carries,
    Change,
    Coverage,
    Evidence,
    InputError,
    Observation,
    State,
)
from kgraph.store._feed import OF_THE_GRAPH
from kgraph.store._staging import Reading, Staged

RECENT = timedelta(hours=6)  # changes that may have caused what is seen now
DOUBTED = timedelta(days=1)  # what was wrong and ran out: its silence is no health for so long


@dataclass(frozen=True, slots=True)
class Placed:
    """Evidence with its entities' rows.

    Attributes:
        observations: entity, caller's uid or "", and the observation.
        unknown: `unknown_entity ...`, one line for each key that nobody knows.
    """

    observations: list[tuple[int, str, Observation]]
    coverage: list[tuple[int, Coverage]]
    changes: list[tuple[int, Change]]
    unknown: list[str]


def keys_of(staged: Staged) -> set[str]:
    """Return the source's keys that its evidence names."""
    rows: list[Observation | Coverage | Change] = [
        *staged.observations,
        *staged.coverage,
        *staged.changes,
    ]
    return {row.entity for row in rows} | {o.caller for o in staged.observations if o.caller}


def placed(reading: Reading, entity: Mapping[str, int], uids: Mapping[int, str]) -> Placed:
    """Put staged evidence on entities.

    Args:
        reading: what the source says.
        entity: key -> row, for the keys that are known.
        uids: row -> uid, of callers at least.
    """
    staged = reading.staged
    return Placed(
        observations=[
            (entity[o.entity], uids.get(entity.get(o.caller or "", -1), o.caller or ""), o)
            for o in staged.observations
            if o.entity in entity
        ],
        coverage=[(entity[c.entity], c) for c in staged.coverage if c.entity in entity],
        changes=[(entity[c.entity], c) for c in staged.changes if c.entity in entity],
        unknown=[
            f"unknown_entity {key!r} of {reading.source} has evidence but no record"
            for key in sorted(keys_of(staged).difference(entity))
        ],
    )


def refuse_unknown(named: Iterable[str], known: Collection[str]) -> None:
    """Raise InputError for evidence on a uid that the store has never seen."""
    for uid in named:
        if uid not in known:
            raise InputError(f"no entity {uid!r}", mend="name it by its uid in the store")


def standing(
    seen: tuple[Observation, ...],
    coverage: tuple[Coverage, ...],
    changes: list[Change],
    now: datetime,
    withdrawn: Iterable[tuple[str, str]] = (),
) -> Evidence:
    """Return what holds at `now`: what is covered, fresh and not reported is healthy.

    `withdrawn` are (entity, signal) of observations that had expired when they were made, or that
    were abnormal and have run out within `DOUBTED`.
    """
    abnormal = {(o.entity, o.signal) for o in seen if o.abnormal}
    said = {(o.entity, o.signal, o.detector) for o in seen}
    quiet = (
        Observation(c.entity, c.signal, State.HEALTHY, at=c.last_evaluated_at, detector=c.detector)
        for c in coverage
        if c.fresh(now)
        and (c.entity, c.signal) not in abnormal
        and (c.entity, c.signal, c.detector) not in said
    )
    happened = tuple(change for change in changes if _of_the_estate(change))
    vanished = ((c.entity, c.signal) for c in coverage if c.is_withdrawn)
    return Evidence((*seen, *quiet), coverage, happened, frozenset((*withdrawn, *vanished)))


def _of_the_estate(change: Change) -> bool:
    """Tell whether a change can have caused anything: who watches whom cannot."""
    looking = (
        f"{name} " for name, type_ in RELATIONS.items() if type_.carries is Carries.EVIDENCE
    )
    return change.type not in OF_THE_GRAPH and not change.detail.startswith(tuple(looking))
