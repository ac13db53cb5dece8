"""Who may act, and change what is kept of a plan. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from kgraph.schema import (
    INTENTS,
    Halt,
    HaltedError,
    JournalEntry,
    Lease,
    LeaseLostError,
    PlanMovedError,
    PlanRecord,
    PlanState,
)
from kgraph.store._ticks import from_ticks, to_ticks


@dataclass(frozen=True, slots=True)
class HeldLease:
    """A lease as the store has it; one that was given back stays, so that tokens never return.

    Attributes:
        expires_at: in ticks.
    """

    name: str
    holder: str
    token: int
    expires_at: int

    def is_the(self, lease: Lease, at: int) -> bool:
        """Tell whether this is the lease that somebody shows, and still holds at `at`."""
        shown = (lease.name, lease.holder, lease.token)
        return shown == (self.name, self.holder, self.token) and self.expires_at > at


def taken(
    known: HeldLease | None, name: str, holder: str, ttl: timedelta, now: datetime
) -> HeldLease | None:
    """Return the lease for `holder`, or None while somebody else has it."""
    token, at, end = 1, to_ticks(now), to_ticks(now + ttl)
    if known is not None:
        held = known.expires_at > at
        if held and known.holder != holder:
            return None
        token = known.token if held else known.token + 1
    return HeldLease(name, holder, token, end)


def shown(lease: HeldLease) -> Lease:
    """Return a lease as its holder gets it."""
    return Lease(lease.name, lease.holder, lease.token, from_ticks(lease.expires_at))


def check_rights(
    entry: JournalEntry, lease: Lease | None, known: HeldLease | None, halt: Halt | None
) -> None:
    """Refuse an entry whose writer may not write it.

    Args:
        entry: what is to be written.
        lease: what its writer shows.
        known: the lease of that name as the store has it now.
        halt: the kill switch, while it is on.

    Raises:
        HaltedError: an intent while the kill switch is on.
        LeaseLostError: an intent without a lease, or a lease that no longer holds.
    """
    if entry.state in INTENTS:
        _refuse_halted(halt, entry)
        if lease is None:
            raise LeaseLostError(
                f"step {entry.step + 1} of {entry.plan} may not begin without a lease",
                mend="this is a fault of the program; please report it",
            )
    if lease is not None and not (known and known.is_the(lease, to_ticks(entry.at))):
        raise LeaseLostError(
            f"the lease on {lease.name} has passed to another or run out",
            mend="nothing was done; look who else acts on it",
        )


def check_unmoved(record: PlanRecord, was: PlanRecord | None, kept: PlanRecord | None) -> None:
    """Refuse to write a plan over what its writer has not read.

    Args:
        record: what is to be written.
        was: the plan as its writer has read it; None: whatever is there is replaced.
        kept: what the store has now.

    Raises:
        PlanMovedError: it is another one by now.
    """
    if was is None or _stands(kept) in {_stands(was), _stands(record)}:
        return  # what a lost answer has written already may be written again
    now = kept.state.value.replace("_", " ") if kept else "gone"
    said = f"plan {record.id} is {now} by now: somebody else has changed it meanwhile"
    raise PlanMovedError(said, mend="nothing was changed; look at it again")


def _stands(record: PlanRecord | None) -> tuple[PlanState, datetime, str] | None:
    return None if record is None else (record.state, record.updated_at, record.document)


def _refuse_halted(halt: Halt | None, entry: JournalEntry) -> None:
    if halt is not None:
        why = f": {halt.reason}" if halt.reason else ""
        raise HaltedError(
            f"step {entry.step + 1} of {entry.plan} may not begin: halted since"
            f" {halt.at:%Y-%m-%dT%H:%M:%SZ}{why}",
            mend="`kgraph halt --lift` lets effects begin again",
        )
