"""`kgraph detect`: detectors on the series of a Prometheus, and how good all detectors are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.session import Session, session_of, usage
from kgraph.cli.sync import DryRun, PrometheusUrl, Way, failed, outcomes, prometheus_asked
from kgraph.cli.tables import RowFormat, Rows, show
from kgraph.schema.counting import counted

if TYPE_CHECKING:
    from ingest.detect.files import Series
    from kgraph.app.detection import Spoken
    from kgraph.app.detection.report import Graded
    from kgraph.config import Configuration
    from rca.rules.rates import DetectorRates

app = typer.Typer(
    help="Let detectors look, and see how good they are.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_WRONG = ("entity", "signal", "direction", "score", "since", "due", "detail", "detector")
_GRADED = (
    *("detector", "detection", "within", "falseAlarm", "falseWithin"),
    *("hits", "atFault", "strays", "atRest"),
)
_LISTED = (
    *("detector", "finds", "signal", "kinds", "detection", "falseAlarm"),
    *("settings", "query", "where"),
)
_RULES = ("detector", "series", "abnormal", "covered", "unmapped", "note")


@app.command("run")
def run(
    ctx: typer.Context,
    *,
    url: PrometheusUrl = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show for each detector what it looked at.")
    ] = False,
    dry_run: DryRun = False,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Look once: what the detectors find becomes evidence on the graph."""
    from kgraph.app.detection import detection_job

    session = session_of(ctx)
    heard: list[Spoken] = []
    jobs = [
        detection_job(source, session.configuration, heard.append)
        for source in prometheus_asked(session, url)
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
            f"{counted(len(found.rules), 'detector')} looked at {looked} series;"
            f" {len(found.wrong)} abnormal{' (nothing was kept)' if dry_run else ''}"
        )
    failed(session, done)


@app.command("list")
def list_detectors(ctx: typer.Context, output: Rows = RowFormat.TABLE) -> None:
    """Show what is looked at: detectors, what they read and say, their settings, how surely.

    Those of series, and those of the logs and calls that are configured.
    """
    from kgraph.app.configured.engine import rates_of
    from kgraph.app.detection import series_of

    session = session_of(ctx)
    rates = rates_of(session.configuration)
    rows = [row for one in series_of(session.configuration) for row in _listed(one, rates)]
    rows += _listening(session.configuration, rates)
    show(session, _LISTED, rows, output)


class ReportFormat(StrEnum):
    """How the report is written."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    YAML = "yaml"
    HTML = "html"


@app.command("report")
def report(
    ctx: typer.Context,
    *,
    bundle: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Labelled incidents: kgraph.incident/v1, JSON Lines."),
    ] = None,
    truth: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Their labelled causes; one for each --bundle."),
    ] = None,
    series: Annotated[
        int,
        typer.Option(
            min=10,
            max=10_000,
            help="Made-up series of each family, ten for each service and edge.",
        ),
    ] = 300,
    seed: Annotated[int, typer.Option(help="The same seed makes the same series.")] = 0,
    fit: Annotated[
        Path | None, typer.Option(help="Write the rates here, for `[engine] rates`.")
    ] = None,
    output: Annotated[
        ReportFormat, typer.Option("--output", "-o", help="How to write the report.")
    ] = ReportFormat.TABLE,
) -> None:
    """Show how often each detector fires on what is at fault, and on what is not.

    Sorts of detectors are tried on made-up series, logs and calls, with faults and without;
    detectors are counted in incidents whose causes people have confirmed, or that are labelled.
    Rates are shrunk towards the sort's; intervals, of 90 %, are of the counts alone.
    """
    from kgraph.app.detection.report import measured
    from rca.rules.rates_file import rates_text

    session = session_of(ctx)
    if len(bundle or ()) != len(truth or ()):
        usage("give each --bundle its --truth, in the same order")
    pairs = list(zip(bundle or (), truth or (), strict=True))
    rows, incidents = _graded(session, pairs, series, seed)
    if output is ReportFormat.HTML:
        from kgraph.cli.detection_page import page

        typer.echo(page(rows, incidents), nl=False)
    else:
        show(session, _GRADED, [_grade(row) for row in rows], RowFormat(output.value))
    session.remark(f"{incidents} incidents with known causes, {series} series of each family")
    if fit is not None:
        made = f"{series} made-up series of each family, logs and calls, seed {seed}"
        how = f"{made}; {incidents} incidents"
        _write(fit, rates_text(measured(rows), how))
        session.remark(f"written to {fit}; name it as `rates` under [engine]")


def _write(path: Path, text: str) -> None:
    from kgraph.schema import InputError

    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        reason = error.strerror or "it can't be written"
        raise InputError(reason, where=str(path), mend="name another file") from None


def _graded(
    session: Session, labelled: list[tuple[str, str]], series: int, seed: int
) -> tuple[Sequence[Graded], int]:
    from kgraph.app.configured.engine import rules_of
    from kgraph.app.detection import series_of
    from kgraph.app.detection.record import Known, confirmed, tallied
    from kgraph.app.detection.report import graded
    from kgraph.app.detection.trial import trial
    from kgraph.app.measuring.evaluation import labelled as read_labelled
    from kgraph.app.sources.listening import listening
    from kgraph.app.stored.stores import Access, opened
    from kgraph.schema import NoStoreError

    known = [
        Known(row.incident, {uid: row.modes.get(uid, "") for uid in row.truth})
        for bundle, truth in labelled
        for row in read_labelled(bundle, truth)
    ]
    try:
        with opened(session.configuration, Access.READ, session.remark) as store:
            known += confirmed(store)
    except NoStoreError:
        session.remark("no store yet: nothing that happened is known")
    seen = tallied(known, rules_of(session.configuration))
    listed = [r.reports_as for one in series_of(session.configuration) for r in one.rules]
    listed += [name for name, _, _ in listening(session.configuration)]
    return graded(trial(series, seed), seen, listed), len(known)


def _grade(row: Graded) -> tuple[object, ...]:
    tally = row.tally
    detection = round(row.rates.detection, 3), _within(row.detection, 2)
    false_alarm = round(row.rates.false_alarm, 4), _within(row.false_alarm, 3)
    counts = tally.hits, tally.at_fault, tally.strays, tally.at_rest
    return row.name, *detection, *false_alarm, *counts


def _within(interval: tuple[float, float], digits: int) -> str:
    """Return an interval of 90 % for people; nothing where nothing was counted."""
    low, high = interval
    return "" if high - low == 1 else f"{low:.{digits}f}-{high:.{digits}f}"


def _listed(series: Series, rates: DetectorRates) -> Iterable[tuple[object, ...]]:
    for rule in series.rules:
        settings = rule.settings.model_dump(exclude_unset=True)
        told = " ".join(f"{name}={value}" for name, value in settings.items())
        query = " ".join(series.query.split())
        kinds = "|".join(rule.entry.kinds)
        about = f"{rule.detector.about}: {series.about}"
        known = rates.of(rule.reports_as)
        measured = (known.detection, known.false_alarm) if known else (None, None)
        name, signal = rule.reports_as, rule.entry.signal
        yield name, about, signal, kinds, *measured, told, query, rule.place


def _listening(configuration: Configuration, rates: DetectorRates) -> Iterable[tuple[object, ...]]:
    from kgraph.app.sources.listening import entry_of, listening

    for name, detector, source in listening(configuration):
        entry, known = entry_of(detector.name), rates.of(name)
        measured = (known.detection, known.false_alarm) if known else (None, None)
        kinds = "|".join(entry.kinds)
        yield name, detector.about, entry.signal, kinds, *measured, "", source.subject, source.type


def _wrong(heard: Iterable[Spoken]) -> Iterable[tuple[object, ...]]:
    from kgraph.schema.timestamps import format_time

    for found in heard:
        for row in sorted(found.wrong, key=lambda r: (-(r.score or 0.0), r.entity, r.detector)):
            since = format_time(row.at) if row.at else ""
            due = format_time(row.due_at) if row.due_at else ""
            direction = row.direction.value if row.direction else ""
            score = None if row.score is None else round(row.score, 1)
            title = found.titles.get(row.entity, row.entity)
            yield title, row.signal, direction, score, since, due, row.detail, row.detector


def _rules(found: Spoken) -> Iterable[tuple[object, ...]]:
    from kgraph.schema import Coverage

    for looked, told in found.rules:
        covered = sum(isinstance(item, Coverage) for item in told.items)
        wrong = len(told.items) - covered
        name = looked.rule.reports_as
        yield name, looked.series, wrong, covered, told.unmapped, looked.partial
