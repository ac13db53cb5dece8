"""Ingest network exports: whether each answers, how large it is, and what is on it.

    checks (the only I/O) -> normalise (pure) -> Snapshot

A look is that of a client: connect, negotiate, read the first 64 KiB, leave. It never writes. That
at an NFS export is in `ingest.nbd.nfs`; all the rest is the same for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ingest.nbd.address import NBD, NFS, Address, parse_address
from ingest.nbd.checks import Ask, Found, look_at_all
from ingest.nbd.look import Look, look
from ingest.nbd.normalise import Acceptance, Round, Target, Use, findings, normalise
from ingest.nbd.reasons import NbdError, Reason
from kgraph.schema import Snapshot

__all__ = [
    "NBD",
    "NFS",
    "Acceptance",
    "Address",
    "Ask",
    "Found",
    "Look",
    "NbdError",
    "Reason",
    "Round",
    "Target",
    "Use",
    "findings",
    "look",
    "look_at_all",
    "parse_address",
    "snapshot",
]


def snapshot(
    targets: Sequence[Target],
    found: Mapping[Address, Found],
    checks: Round,
    *,
    complete: bool,
    acceptance: Acceptance = Acceptance.HOLD,
) -> Snapshot:
    """Return what a round of checks says; complete only where `targets` are all of the scope."""
    items = normalise(targets, found, checks, acceptance)
    return Snapshot(checks.scheme, checks.scope, complete=complete, items=items)
