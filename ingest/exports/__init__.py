"""Ingest network exports: whether each answers, how large it is, and what is on it.

    checks (the only I/O) -> normalise (pure) -> Snapshot

A look is that of a client, and never writes: how each protocol is spoken is in `nbd` and `nfs`,
and all the rest is the same for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ingest.exports.address import NBD, NFS, Address, parse_address
from ingest.exports.checks import LOOKS, Found, look_at_all
from ingest.exports.look import Look
from ingest.exports.normalise import Acceptance, Round, Target, Use, findings, normalise
from ingest.exports.reasons import ExportError, Reason
from kgraph.schema import Snapshot

__all__ = [
    "LOOKS",
    "NBD",
    "NFS",
    "Acceptance",
    "Address",
    "ExportError",
    "Found",
    "Look",
    "Reason",
    "Round",
    "Target",
    "Use",
    "findings",
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
