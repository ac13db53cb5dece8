"""NBD and NFS exports: does each answer, and is the right disk on it?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import cast

from ingest.exports import Acceptance, parse_address
from kgraph.app.reading.exports import Exports, Naming
from kgraph.app.reading.sync import Job
from kgraph.app.sources.context import Context
from kgraph.config import NbdSource
from kgraph.sourcekit import SourceEntry

EVERY = timedelta(seconds=10)
LASTS_AT_LEAST = timedelta(minutes=1)  # what a check saw, so that a single one can be looked at


def job(config: SourceEntry, context: Context) -> Job:
    """Make the job that checks the exports that an entry means."""
    return exports_job(cast("NbdSource", config), context)


def exports_job(
    source: NbdSource, context: Context, addresses: Sequence[str] = (), *, accept: bool = False
) -> Job:
    """Make the job that checks exports.

    Args:
        source: the configured entry.
        context: what it is read with.
        addresses: only these; empty: all that the entry means.
        accept: a person has said that what is there now is right.
    """
    naming = Naming(
        scope=source.name or "exports",
        site=context.site(source),
        addresses=tuple(
            parse_address(text, source.scheme) for text in addresses or source.addresses
        ),
        from_graph=source.from_graph and not addresses,
        scheme=source.scheme,
    )
    every = EVERY if source.every is None else timedelta(seconds=source.every)
    checks = Exports(
        naming,
        deadline=timedelta(seconds=source.deadline_seconds),
        lasts=max(3 * every, LASTS_AT_LEAST),
        acceptance=Acceptance.ACCEPT if accept else Acceptance.HOLD,
        complete=not addresses,
    )
    return Job(f"{source.scheme} {naming.scope}", checks.fetch, learn=checks.learn, every=every)
