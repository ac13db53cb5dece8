"""`kgraph backtest`: what would have been said of past alerts, and was it right?"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.moments import moment, span
from kgraph.cli.session import Session, http_address, session_of, usage
from kgraph.cli.tables import RowFormat, Rows

if TYPE_CHECKING:
    from ingest.prometheus import Stretch
    from kgraph.app.backtest import Past, Replay
    from kgraph.store import GraphStore

_SPANS = ("0m", "5m", "15m")
_SHORTEST = timedelta(seconds=1)


def backtest(  # noqa: PLR0913 - one for each option
    ctx: typer.Context,
    file: Annotated[
        str | None,
        typer.Argument(help="A kept answer to a range query for ALERTS; - is stdin."),
    ] = None,
    *,
    url: Annotated[
        str | None,
        typer.Option(
            help="Ask this Prometheus; else the configured one.",
            metavar="URL",
            callback=http_address,
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="Begin here: RFC 3339, or -7d.", metavar="TIME")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="End here; now by default.", metavar="TIME")
    ] = None,
    step: Annotated[
        str | None, typer.Option(help="How finely Prometheus is asked; 30s.", metavar="SPAN")
    ] = None,
    after: Annotated[
        list[str] | None,
        typer.Option(help="Tell the answer so long after the first alert.", metavar="SPAN"),
    ] = None,
    truth: Annotated[
        str | None, typer.Option(help="Labelled incidents to score against.", metavar="FILE")
    ] = None,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Replay past alerts of Prometheus on the graph as it was, and score what was said."""
    from kgraph.app import backtest as past
    from kgraph.app.stored.stores import Access, opened
    from kgraph.cli.backtest_rows import Shown, write_all

    session = session_of(ctx)
    spans = sorted({span(text) for text in after or _SPANS})
    stretch = _read(session, file, url, _wanted(session, since, until), step and span(step))
    with opened(session.configuration, Access.READ, session.remark) as store:
        labels = past.past_labels(truth, store) if truth else []
        found = past.replay(stretch, _setting(session, store))
    verdicts = past.judged(found, labels, spans)
    scored = past.score(found, verdicts, spans) if verdicts else None
    _remarks(session, found)
    write_all(session, Shown(found, verdicts, scored, spans), output)


def _wanted(
    session: Session, since: str | None, until: str | None
) -> tuple[datetime | None, datetime | None]:
    now = session.now()
    start = moment(since, now) if since else None
    end = moment(until, now) if until else None
    if start and (end or now) <= start:
        usage("--to lies before --from")
    return start, end


def _read(
    session: Session,
    file: str | None,
    url: str | None,
    wanted: tuple[datetime | None, datetime | None],
    step: timedelta | str | None,
) -> Stretch:
    from ingest.prometheus import fetch_alerts, read_alerts

    fine = step if isinstance(step, timedelta) else None
    if fine is not None and fine < _SHORTEST:
        usage("--step is at least 1s")
    since, until = wanted
    if file is not None:
        from kgraph.schema.timestamps import format_time

        if url is not None:
            usage("give either a FILE or --url")
        whole = read_alerts(*_content(file), fine)
        if (since and since > whole.until) or (until and until < whole.since):
            ends = f"{format_time(whole.since)} to {format_time(whole.until)}"
            usage(f"{file}: alerts fire in it from {ends}; --from and --to ask for none of it")
        return whole.cut(since, until)
    if since is None:
        usage("--from says since when Prometheus is asked, such as -7d")
    from kgraph.app.reading.alerts import packs_of
    from kgraph.app.reading.prometheus import server
    from kgraph.cli.sync import prometheus_asked

    configuration = session.configuration
    chosen = prometheus_asked(session, url)
    if len(chosen) > 1:
        usage(f"there are {len(chosen)} configured Prometheus servers: name one with --url")
    asked = server(chosen[0], configuration, packs_of(configuration))
    end = until or session.now()
    return fetch_alerts(
        asked.origin.url, since, end, fine or timedelta(seconds=30), asked.credentials
    )


def _content(file: str) -> tuple[bytes, str]:
    from kgraph.schema import InputError

    if file == "-":
        return sys.stdin.buffer.read(), "stdin"
    try:
        return Path(file).read_bytes(), file
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=file) from error


def _setting(session: Session, store: GraphStore) -> Past:
    from kgraph.app.backtest import Past
    from kgraph.app.configured.toolkit import toolkit
    from kgraph.app.reading.alerts import packs_of
    from kgraph.cli.progress import counted

    configuration = session.configuration
    tools = toolkit(configuration, session.now())
    return Past(
        store, packs_of(configuration), tools, lambda rows: counted(session, "moments", rows)
    )


def _remarks(session: Session, found: Replay) -> None:
    if not found.stretch.firings:
        session.remark("no alert fired in that stretch")
    if found.lost:
        told = "`kgraph ingest alertmanager --explain` tells how alerts find their entity"
        session.remark(f"{found.lost} of {found.alerts} alerts found no entity; {told}")
    if found.unstored:
        session.remark(
            "the graph was not kept yet for all of it: today's stands for it", style="yellow"
        )
