"""`kgraph detect`: detectors on the series of a Prometheus."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.session import session_of
from kgraph.cli.sync import DryRun, Way, failed, outcomes
from kgraph.cli.tables import RowFormat, Rows, show

if TYPE_CHECKING:
    from ingest.detect.files import Series
    from kgraph.app.detection import Spoken

app = typer.Typer(
    help="Let detectors look at series, and see how good they are.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_WRONG = ("entity", "signal", "direction", "score", "since", "detail", "detector")
_RULES = ("detector", "series", "abnormal", "covered", "unmapped", "note")


@app.command("run")
def run(
    ctx: typer.Context,
    *,
    url: Annotated[
        str | None,
        typer.Option(help="Ask this Prometheus; the configured ones, else port 9090 here."),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show for each detector what it looked at.")
    ] = False,
    dry_run: DryRun = False,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Look once: what the detectors find becomes evidence on the graph."""
    from kgraph.app.detection import detection_job
    from kgraph.app.prometheus import configured

    session = session_of(ctx)
    heard: list[Spoken] = []
    jobs = [
        detection_job(source, session.configuration, heard.append)
        for source in configured(session.configuration, url)
    ]
    done = outcomes(session, jobs, Way(dry_run=dry_run))
    if explain:
        show(session, _RULES, [row for found in heard for row in _rules(found)], output)
    else:
        show(session, _WRONG, list(_wrong(heard)), output)
    for found in heard:
        for line in found.findings:
            session.remark(line, style="yellow")
        looked = sum(each.series for each, _ in found.rules)
        session.remark(
            f"{len(found.rules)} detectors looked at {looked} series;"
            f" {len(found.wrong)} abnormal{' (nothing was kept)' if dry_run else ''}"
        )
    failed(session, done)


@app.command("list")
def list_detectors(ctx: typer.Context, output: Rows = RowFormat.TABLE) -> None:
    """Show what is looked at: detectors, their series and settings, what they say of what."""
    from kgraph.app.detection import series_of

    session = session_of(ctx)
    columns = ("detector", "finds", "signal", "kinds", "settings", "query", "where")
    rows = [row for one in series_of(session.configuration) for row in _listed(one)]
    show(session, columns, rows, output)


def _listed(series: Series) -> Iterable[tuple[object, ...]]:
    for rule in series.rules:
        settings = rule.settings.model_dump(exclude_unset=True)
        told = " ".join(f"{name}={value}" for name, value in settings.items())
        query = " ".join(series.query.split())
        kinds = "|".join(rule.entry.kinds)
        about = f"{rule.detector.about}: {series.about}"
        yield rule.reports_as, about, rule.entry.signal, kinds, told, query, rule.place


def _wrong(heard: Iterable[Spoken]) -> Iterable[tuple[object, ...]]:
    from kgraph.schema.timestamps import format_time

    for found in heard:
        for row in sorted(found.wrong, key=lambda r: (-(r.score or 0.0), r.entity, r.detector)):
            since = format_time(row.at) if row.at else ""
            direction = row.direction.value if row.direction else ""
            score = None if row.score is None else round(row.score, 1)
            title = found.titles.get(row.entity, row.entity)
            yield title, row.signal, direction, score, since, row.detail, row.detector


def _rules(found: Spoken) -> Iterable[tuple[object, ...]]:
    from kgraph.schema import Coverage

    for looked, told in found.rules:
        covered = sum(isinstance(item, Coverage) for item in told.items)
        wrong = len(told.items) - covered
        name = looked.rule.reports_as
        yield name, looked.series, wrong, covered, told.unmapped, looked.partial
