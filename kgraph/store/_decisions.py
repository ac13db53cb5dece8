"""What a person may decide on identity, and how that is told. Pure: any store can use it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from kgraph.identity import mint_uid
from kgraph.schema import Decision, InputError, RecordName


@dataclass(frozen=True, slots=True)
class Party:
    """An entity that a decision is about, as a store has it."""

    id: int
    uid: str
    kind: str
    name: str

    @property
    def title(self) -> str:
        """What to call it in front of a person."""
        return f"{self.kind} {self.name or self.uid}"


@dataclass(frozen=True, slots=True)
class Named:
    """A record of an entity, with the row that it has in a store."""

    id: int
    name: RecordName
    live: bool


def known(party: Party | None, uid: str) -> Party:
    """Return the entity that a uid means.

    Raises:
        InputError: there is none.
    """
    if party is None:
        raise InputError(f"no entity {uid!r} in the graph", mend="name one that is")
    return party


def refuse_unlike(first: Party, second: Party) -> None:
    """Refuse to make two entities one that cannot be.

    Raises:
        InputError: both are the same by now, or of different kinds.
    """
    if first.id == second.id:
        raise InputError(f"both are {first.title} ({first.uid}) already")
    if first.kind != second.kind:
        raise InputError(
            f"{first.title} and {second.title} are of different kinds",
            mend="one of their sources gives it the wrong kind: mend that first",
        )


def splittable(
    party: Party, records: Sequence[Named], names: Collection[RecordName]
) -> list[Named]:
    """Return the records of an entity that are to be another: all that answer to the names.

    Those that their source no longer reports go along: when it does again, they are the other.

    Raises:
        InputError: no record, or every live one, answers to the names.
    """
    taken = [row for row in records if any(_means(name, row.name) for name in names)]
    said = "; ".join(name.title for name in names)
    if not any(row.live for row in taken):
        have = "; ".join(row.name.title for row in records if row.live)
        raise InputError(f"{party.title} has no live record {said}", mend=f"it has: {have}")
    left = [row for row in records if row.live and row not in taken]
    if not left:
        raise InputError(
            f"all that is said of {party.title} is from {said}",
            mend="name only a part of it: `kgraph graph explain-identity` lists them",
        )
    return taken


def split_off(uid: str, taken: Sequence[Named], is_taken: Callable[[str], bool]) -> str:
    """Return a uid that nobody has for what some records of `uid` are now."""
    what = repr([row.name for row in taken])
    salt = 0
    while is_taken(fresh := mint_uid("", uid, what, salt)):
        salt += 1
    return fresh


def merge_told(second: Party, decision: Decision) -> str:
    """Return how the change feed tells of a merge."""
    return _told(f"with {second.title} ({second.uid})", decision)


def split_told(taken: Sequence[Named], decision: Decision) -> str:
    """Return how the change feed tells of a split."""
    return _told("off: " + "; ".join(row.name.title for row in taken if row.live), decision)


def _told(what: str, decision: Decision) -> str:
    by = f" by {decision.by}" if decision.by else ""
    return what + by + (f": {decision.reason}" if decision.reason else "")


def _means(asked: RecordName, has: RecordName) -> bool:
    same = (asked.source, asked.key) == (has.source, has.key)
    return same and (asked.scope is None or asked.scope == has.scope)
