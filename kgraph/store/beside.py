"""What every store keeps beside the graph, a protocol for each: who needs one, asks for that one.

`tests/conformance` holds each implementation to it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Protocol

from kgraph.schema import (
    AuditEntry,
    Document,
    Drawer,
    Halt,
    IncidentHead,
    IncidentRecord,
    IncidentStatus,
    JournalEntry,
    Lease,
    PlanRecord,
    PlanState,
    Ruling,
)


class IncidentStore(Protocol):
    """Incidents: their documents, and their heads without them."""

    def save_incident(self, record: IncidentRecord) -> None: ...
    def incident(self, incident_id: str) -> IncidentRecord | None: ...
    def incidents(
        self, status: IncidentStatus | None = None, limit: int = 100
    ) -> list[IncidentRecord]:
        """Return incidents, newest first."""

    def heads(
        self,
        status: IncidentStatus | None = None,
        *,
        limit: int = 100,
        after: IncidentHead | None = None,
    ) -> list[IncidentHead]:
        """Return incidents without their documents, newest first; only those behind `after`."""

    def count_incidents(self, status: IncidentStatus) -> int:
        """Return how many there are."""


class RulingStore(Protocol):
    """What people said of causes."""

    def rule(self, ruling: Ruling) -> None:
        """Keep a ruling; an earlier one on the same cause of the same incident is replaced."""

    def rulings(self) -> list[Ruling]:
        """Return all rulings, oldest first."""

    def forget_rulings(self, incident: str | None = None) -> int:
        """Forget those of one incident, or all; return how many."""


class PlanStore(Protocol):
    """Plans, their journal, the right to act, the kill switch, and the audit log of all that."""

    def save_plan(self, record: PlanRecord, *, was: PlanRecord | None = None) -> None:
        """Keep a plan; an earlier one of the same id is replaced, `created_at` excepted.

        Args:
            record: the plan.
            was: the plan as it was read: only that is replaced. None: whatever is there.

        Raises:
            PlanMovedError: it is another one than `was` by now; nothing was written.
        """

    def plan(self, plan_id: str) -> PlanRecord | None: ...
    def plans(
        self,
        *,
        incident: str | None = None,
        states: Collection[PlanState] | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[PlanRecord]:
        """Return plans, newest first; None: of any incident, in any state, of any age.

        Args:
            incident: that they are for.
            states: that they are in, one of them.
            since: only those whose `updated_at` is this or later.
            limit: at most so many.
        """

    def write_journal(self, entry: JournalEntry, lease: Lease | None = None) -> None:
        """Append one entry, durably; with a lease, only if that still holds.

        An intent (a state in `INTENTS`) needs a lease, and is refused while the kill switch is on:
        both are looked at in the transaction that writes it.

        Raises:
            LeaseLostError: the lease's token is not the newest of its name, or it has run out
                by the entry's time; an intent without a lease.
            HaltedError: an intent while the kill switch is on.
        """

    def journal(self, plan_id: str) -> list[JournalEntry]:
        """Return a plan's entries in the order in which they were written."""

    def acquire(self, name: str, holder: str, *, ttl: timedelta, now: datetime) -> Lease | None:
        """Take a lease that is free or has run out; None while somebody else holds it.

        Who holds it already keeps its token and gets a new end.
        """

    def renew(self, lease: Lease, *, ttl: timedelta, now: datetime) -> Lease | None:
        """Prolong a lease that has neither run out nor passed to somebody else; else None."""

    def release(self, lease: Lease) -> None:
        """Give a lease back; one that is held by somebody else by now stays as it is."""

    def leases(self, *, now: datetime) -> list[Lease]:
        """Return the leases that hold at `now`, by name."""

    def halt(self, halt: Halt) -> None:
        """Throw the kill switch: from now on no intent is written. It survives restarts."""

    def lift_halt(self, at: datetime | None = None) -> None:
        """Let effects begin again; `at` is for the audit log."""

    def halted(self) -> Halt | None:
        """Return since when the kill switch is on, and why; None when it is off."""

    def audit(self) -> list[AuditEntry]:
        """Return the audit log, oldest first.

        Plans, journal, kill switch and requests write to it in their own transactions.
        """


class DocumentStore(Protocol):
    """Documents in drawers."""

    def put(self, documents: Iterable[Document]) -> None:
        """Keep documents, durably, all or none; those of the same drawer and id are replaced.

        What goes into the drawer of the audit is written to the audit log in the same transaction.
        """

    def claim(self, document: Document) -> bool:
        """Keep a document, durably, unless its drawer has one of its id; tell whether it was kept.

        Of several who claim one id, whatever process they are in, one is told so.
        """

    def documents(
        self,
        drawer: Drawer,
        *,
        limit: int = 100,
        after: Document | None = None,
        newest: bool = False,
    ) -> list[Document]:
        """Return documents of a drawer, oldest first unless `newest`.

        Args:
            drawer: which.
            limit: at most so many.
            after: only those that come behind it in that order.
            newest: newest first.
        """

    def named(self, drawer: Drawer, ids: Iterable[str]) -> list[Document]:
        """Return the documents of these ids that are there, oldest first."""

    def drop(self, drawer: Drawer, ids: Iterable[str]) -> None:
        """Forget documents; one that is not there is no error."""

    def count(self, drawer: Drawer) -> int:
        """Return how many documents a drawer holds."""
