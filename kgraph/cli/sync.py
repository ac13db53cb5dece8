"""`kgraph sync`: read every configured source into the graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.session import Exit, Session, session_of
from kgraph.cli.tables import RowFormat, Rows, show

if TYPE_CHECKING:
    from kgraph.app.sync import Job, Outcome, Reading
    from kgraph.store import Diff

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change; change nothing.")]
_COLUMNS = (
    "source",
    "created",
    "updated",
    "closed",
    "unchanged",
    "relationsOpened",
    "relationsClosed",
    "observations",
    "pending",
)
_FINDINGS = 10


def sync(
    ctx: typer.Context,
    *,
    dry_run: DryRun = False,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Read all configured sources. One that fails is told and stops no other."""
    from kgraph.app.sources import Context, jobs
    from kgraph.schema import ConfigurationError

    session = session_of(ctx)
    configuration = session.configuration
    if not configuration.settings.sources:
        raise ConfigurationError(
            "no source is configured",
            where=str(configuration.file or "kgraph.toml"),
            mend="`kgraph init` writes a commented one; `kgraph ingest` reads a single source",
        )
    read(session, jobs(Context(configuration)), output, dry_run=dry_run)


def read(session: Session, chosen: Sequence[Job], output: RowFormat, *, dry_run: bool) -> None:
    """Read sources into the store, show what changed, and end with 1 if one failed."""
    from kgraph.app.sync import sync as read_all

    with started(session, dry_run=dry_run) as reading:
        outcomes = list(read_all(reading, chosen))
    summarise(session, outcomes, output, dry_run=dry_run)


@contextmanager
def started(session: Session, *, dry_run: bool) -> Iterator[Reading]:
    """Open the store for reading sources into it, with progress where somebody looks."""
    from kgraph.app.stores import Access, opened
    from kgraph.app.sync import Commitment, Reading
    from kgraph.cli.progress import showing

    commitment = Commitment.PREVIEW if dry_run else Commitment.COMMIT
    with opened(session.configuration, Access.WRITE) as store, showing(session) as shown:
        yield Reading(store, session.now(), commitment, shown)


def summarise(
    session: Session, outcomes: Iterable[Outcome], output: RowFormat, *, dry_run: bool
) -> None:
    """Show counts on stdout; failures and findings, a line each, on stderr."""
    done = list(outcomes)
    rows = [_row(outcome.source, outcome.diff) for outcome in done if outcome.diff is not None]
    if rows or output is not RowFormat.TABLE:
        show(session, _COLUMNS, rows, output)
    for outcome in done:
        if outcome.diff is not None:
            _findings(session, outcome.source, outcome.diff)
    if dry_run:
        session.remark("nothing was changed: this was a dry run")
    failed(session, done)


def failed(session: Session, done: Iterable[Outcome]) -> None:
    """Tell what could not be read, and end with 1 if anything could not."""
    failures = [outcome for outcome in done if outcome.failure]
    for outcome in failures:
        session.remark(f"kgraph: {_told(outcome)}", style="red")
    if failures:
        session.end(Exit.ERROR)


def _told(outcome: Outcome) -> str:
    """Return the failure, with its source where the message does not name it already."""
    told = outcome.failure
    subject = outcome.source.partition(" ")[2] or outcome.source
    return told if subject in told else f"{outcome.source}: {told}"


def _row(source: str, diff: Diff) -> tuple[str | int, ...]:
    return (
        source,
        len(diff.created),
        len(diff.updated),
        len(diff.closed),
        diff.unchanged,
        diff.relations_opened,
        diff.relations_closed,
        diff.observed,
        len(diff.pending),
    )


def _findings(session: Session, source: str, diff: Diff) -> None:
    told = [*(f"waits for its other end: {row}" for row in diff.pending), *diff.findings]
    for line in told[:_FINDINGS]:
        session.remark(f"{source}: {line}", style="yellow")
    if len(told) > _FINDINGS:
        session.remark(f"{source}: and {len(told) - _FINDINGS} more", style="yellow")
