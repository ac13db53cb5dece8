"""`kgraph sync`: read every configured source into the graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgraph.cli.session import Exit, Session, http_address, session_of
from kgraph.cli.tables import RowFormat, Rows, show, write
from kgraph.cli.text import one_line

if TYPE_CHECKING:
    from kgraph.app.reading.sync import Job, Outcome, Reading
    from kgraph.cli.progress import Shown
    from kgraph.config import PrometheusSource
    from kgraph.sourcekit import SourceEntry
    from kgraph.store import Diff

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change; change nothing.")]
PrometheusUrl = Annotated[
    str | None,
    typer.Option(
        help="Ask this Prometheus; the configured ones, else port 9090 here.",
        metavar="URL",
        callback=http_address,
    ),
]
AcceptShrink = Annotated[
    bool,
    typer.Option(
        "--accept-shrink", help="What these sources no longer report is gone, however much it is."
    ),
]
EveryChange = Annotated[
    bool, typer.Option("--all", help="With --dry-run: show every change, not the first 20.")
]
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
_CHANGES = 20  # lines of a dry run for each source
_SIGNS = {
    "created": "+",
    "reopened": "+",
    "updated": "~",
    "renamed": "~",
    "closed": "-",
    "relation_opened": "+ relation",
    "relation_closed": "- relation",
}


def sync(
    ctx: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE", help="Names, types or titles; none: all."),
    ] = None,
    *,
    accept_shrink: AcceptShrink = False,
    dry_run: DryRun = False,
    every_change: EveryChange = False,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Read all configured sources at once. One that fails is told and stops no other."""
    from kgraph.app.sources import Context, jobs, named_jobs, no_source

    session = session_of(ctx)
    configuration = session.configuration
    if not configuration.settings.sources:
        raise no_source(configuration)
    context = Context(configuration)
    chosen = named_jobs(context, sources) if sources else jobs(context)
    way = Way(dry_run=dry_run, accept_shrink=accept_shrink, every_change=every_change)
    read(session, chosen, output, way)


@dataclass(frozen=True, slots=True)
class Way:
    """How sources are to be read, as the options say."""

    dry_run: bool = False
    accept_shrink: bool = False
    every_change: bool = False


def read(session: Session, chosen: Sequence[Job], output: RowFormat, way: Way) -> None:
    """Read sources into the store, show what changed, and end with 1 if one failed."""
    summarise(session, outcomes(session, chosen, way), output, way)


def prometheus_asked(session: Session, url: str | None) -> list[PrometheusSource]:
    """Return whom `--url` or the configuration names; where neither does, say who is asked."""
    from kgraph.app.reading.prometheus import address, configured
    from kgraph.config import PrometheusSource

    chosen = configured(session.configuration, url)
    if chosen:
        return chosen
    usual = PrometheusSource(type="prometheus")
    asking = f"no Prometheus is configured: asking {address(usual)}"
    session.remark(f"{asking}; --url names another", style="yellow")
    return [usual]


def read_entries(
    session: Session, entries: Iterable[SourceEntry], output: RowFormat, way: Way
) -> None:
    """Read sources by their entries in the configuration; otherwise as `read`."""
    from kgraph.app.sources import Context, job

    context = Context(session.configuration)
    read(session, [job(entry, context) for entry in entries], output, way)


def outcomes(session: Session, chosen: Sequence[Job], way: Way) -> list[Outcome]:
    """Read sources into the store; return what became of each, in the order of `chosen`."""
    from kgraph.app.reading.parallel import Setting, crowd_of
    from kgraph.app.reading.parallel import sync as read_all
    from kgraph.app.stored.holders import holder
    from kgraph.undisturbed import undisturbed

    with started(session, way) as (reading, shown):
        crowd = crowd_of(session.configuration)
        setting = Setting(reading, session.now, holder("sync"), shown, crowd)
        with undisturbed():  # what sources tell, too, is rows by the hundred thousand
            done = list(read_all(setting, chosen))
    order = [job.title for job in chosen]
    return sorted(done, key=lambda outcome: order.index(outcome.source))


@contextmanager
def started(session: Session, way: Way) -> Iterator[tuple[Reading, Shown]]:
    """Open the store for reading sources into it, with progress where somebody looks."""
    from kgraph.app.reading.sync import REDATED, Commitment, Reading
    from kgraph.app.stored.snapshots import keep_snapshot
    from kgraph.app.stored.stores import Access, opened
    from kgraph.cli.progress import showing
    from kgraph.store import Shrink, is_server

    commitment = Commitment.PREVIEW if way.dry_run else Commitment.COMMIT
    shrink = Shrink.ACCEPT if way.accept_shrink else Shrink.HOLD
    with opened(session.configuration, Access.WRITE) as store:
        # A store on a server is several machines': this one's clock need not be the right one.
        own = not is_server(session.configuration.settings.store.url)
        if own and not way.dry_run and store.redate(session.now()):
            session.remark(REDATED, style="yellow")
        with showing(session) as shown:
            yield Reading(store, session.now(), commitment, shown.passing, shrink), shown
        if not way.dry_run:
            keep_snapshot(session.configuration, store, session.now())


def summarise(session: Session, outcomes: Iterable[Outcome], output: RowFormat, way: Way) -> None:
    """Show counts on stdout; failures and findings, a line each, on stderr."""
    done = list(outcomes)
    read_well = [(outcome.source, outcome.diff) for outcome in done if outcome.diff is not None]
    if way.dry_run and output is not RowFormat.TABLE:
        write([_document(*each) for each in read_well], output)
    elif read_well or output is not RowFormat.TABLE:
        show(session, _COLUMNS, [_row(*each) for each in read_well], output)
    if way.dry_run and output is RowFormat.TABLE:
        _show_changes(session, read_well, None if way.every_change else _CHANGES)
    for source, diff in read_well:
        _findings(session, source, diff)
    for outcome in done:
        if outcome.skipped:
            session.remark(f"{outcome.source}: skipped: {outcome.skipped}", style="yellow")
    if way.dry_run:
        session.remark("nothing was changed: this was a dry run")
    failed(session, done)


def _document(source: str, diff: Diff) -> dict[str, Any]:
    """Return everything that one source would change."""
    counts = dict(zip(_COLUMNS, _row(source, diff), strict=True))
    changes = [
        {"change": c.type, "kind": c.kind, "name": c.name, "uid": c.uid, "detail": c.detail}
        for c in diff.changes
    ]
    told = {"waiting": list(diff.pending), "findings": list(diff.findings)}
    return {**counts, "changes": changes, **told}


def _show_changes(
    session: Session, read_well: Iterable[tuple[str, Diff]], limit: int | None
) -> None:
    """Show what would change, at most so many lines for each source."""
    for source, diff in read_well:
        rows = [(_SIGNS[c.type], f"{c.kind} {c.name}", c.detail) for c in diff.changes[:limit]]
        if rows:
            session.out.print(f"\n{one_line(source)}")
            show(session, ("change", "entity", "detail"), rows, RowFormat.TABLE)
        left = len(diff.changes) - len(rows)
        if left:
            session.remark(f"{source}: and {left} more changes; --all shows them")


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
