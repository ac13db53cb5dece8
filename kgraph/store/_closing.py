"""What may close when a source is read: held by the shrink guard, or named one by one. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from kgraph.store._outcome import Outcome
from kgraph.store._reconcile import LinkId, LinkPlan, RecordPlan
from kgraph.store._staging import Reading
from kgraph.store.results import Shrink

HELD_SHARE = 0.2  # of a scope's live records: losing more at once wants a person
# Three guests with a NIC and a disk each are nine records: so much goes on any working day.
HELD_FROM = 10
_NAMED = 3  # things that a line names

VanishedRow = tuple[int, str, str, bool]  # record, kind, name; whether its entity lives on


@dataclass(frozen=True, slots=True)
class Held:
    """What the shrink guard keeps open.

    Attributes:
        records: rows that stay, with the relations to and from them.
        findings: the line that says so; empty where nothing is held.
    """

    records: frozenset[int] = frozenset()
    findings: tuple[str, ...] = ()


def may_shrink_too_far(reading: Reading, vanished: int, live: int) -> bool:
    """Tell whether a reading loses so much that one has to look at what it loses."""
    if not reading.complete or reading.shrink is Shrink.ACCEPT:
        return False
    return vanished >= HELD_FROM and vanished > HELD_SHARE * live


def held(reading: Reading, rows: Iterable[VanishedRow], live: int) -> Held:
    """Hold what is lost for good, if that is too much; what lives on elsewhere has only moved.

    Args:
        reading: what the source says.
        rows: the records that it no longer reports.
        live: how many records the scope had.
    """
    lost = sorted((kind, name, id_) for id_, kind, name, elsewhere in rows if not elsewhere)
    if not may_shrink_too_far(reading, len(lost), live):
        return Held()
    names = ", ".join(f"{kind} {name}".strip() for kind, name, _ in lost[:_NAMED])
    more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
    line = (
        f"held_shrink {reading.source} {reading.scope}".rstrip()
        + f": {len(lost)} of {live} records are no longer reported: {names}{more};"
        " they stay open; --accept-shrink closes them"
    )
    return Held(frozenset(id_ for _, _, id_ in lost), (line,))


def lost_links(reading: Reading, outcome: Outcome, live: int) -> tuple[str, ...]:
    """Return the line that says that many things lost dependencies and got none instead, if so.

    They are closed: a relation is what a source says just now. But a list that was cut short after
    its entities looks the same.

    Args:
        reading: what the source says.
        outcome: what that changed.
        live: how many records the scope had.
    """
    given = {dependent for dependent, _, _ in outcome.links.opened}
    lost = {dependent for dependent, _, _ in outcome.links.closed} - given
    lost -= {*outcome.settled.closed}
    if not may_shrink_too_far(reading, len(lost), live):
        return ()
    name = f"{reading.source} {reading.scope}".rstrip()
    told = f"{len(lost)} of {live} things lost dependencies and got none instead"
    return (f"lost_relations {name}: {told}; look whether the list is whole",)


def without_held(plan: RecordPlan, ids: Mapping[str, int], kept: Held) -> RecordPlan:
    """Return the plan with what is held no longer vanishing; `ids` has the rows of the keys."""
    if not kept.records:
        return plan
    gone = tuple(key for key in plan.vanished if ids[key] not in kept.records)
    return replace(plan, vanished=gone)


def held_links(
    wanted: Collection[LinkId],
    stored: Mapping[LinkId, tuple[int, int | None]],
    records: Collection[int],
) -> dict[LinkId, int | None]:
    """Return the relations to be wanted besides, because one of their ends is held."""
    if not records:
        return {}
    return {
        name: need
        for name, (_, need) in stored.items()
        if name not in wanted and (name[0] in records or name[2] in records)
    }


def close_answered(
    plan: LinkPlan,
    wanted: Collection[LinkId],
    stored: Mapping[LinkId, tuple[int, int | None]],
    answered: Collection[int],
) -> LinkPlan:
    """Return the plan that closes also what records of a partial reading no longer depend on.

    Args:
        plan: what a partial reading opens and closes.
        wanted: the relations that it names.
        stored: name -> (row, need).
        answered: rows of records of which it names all dependencies, or that are gone.
    """
    if not answered:
        return plan
    over = {name for name in stored if name[0] in answered and name not in wanted}
    opened = tuple((name, need) for name, need in plan.opened if name not in over)
    rows = dict.fromkeys((*plan.closed, *(stored[name][0] for name in over)))
    return LinkPlan(opened, tuple(rows))
