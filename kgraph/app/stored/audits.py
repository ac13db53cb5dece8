"""Whether the audit log is whole; plans, journals and requests are as it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kgraph.schema import AuditEntry, Drawer
from kgraph.schema.audit import differences, first_break
from kgraph.store import GraphStore

_ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class Audited:
    """What was found.

    Attributes:
        entries: the log, oldest first.
        findings: what is wrong, one line each; empty: nothing.
    """

    entries: Sequence[AuditEntry]
    findings: tuple[str, ...]

    @property
    def head(self) -> str:
        """The hash of the newest entry; who has noted it can tell later whether it is there."""
        return self.entries[-1].hash if self.entries else ""


def audited(store: GraphStore, head: str) -> Audited:
    """Verify the audit log of a store.

    Args:
        store: whose log.
        head: a hash that was noted earlier, or its beginning: it must be in the log; empty: none.
    """
    entries = store.audit()
    findings = []
    broken = first_break(entries)
    if broken is not None:
        at = entries[broken].at
        findings.append(f"entry {broken + 1} of {at:%Y-%m-%d %H:%M:%SZ} does not follow")
    if head and not any(entry.hash.startswith(head) for entry in entries):
        findings.append(f"no entry has the hash {head}: what came up to it was cut off or changed")
    plans = store.plans(limit=_ALL)
    journals = ((record.id, store.journal(record.id)) for record in plans)
    requests = store.documents(Drawer.AUDIT, limit=_ALL)
    findings += differences(entries, plans, journals, requests)
    return Audited(entries, tuple(findings))
