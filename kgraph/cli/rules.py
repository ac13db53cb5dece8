"""`kgraph rules`: the causal model."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli import identifiability
from kgraph.cli.moments import At, estate_at, moment
from kgraph.cli.session import Exit, Session, session_of, usage
from kgraph.cli.tables import RowFormat, Rows, show

if TYPE_CHECKING:
    from rca import Model
    from rca.audit.coverage import Gap
    from rca.rules.conditions import Condition
    from rca.rules.model import CheckRule, FaultRule, PropagationRule, SignalRule

Row = tuple[str, tuple[str, ...], str, str]  # statement, kinds, what it says, where
app = typer.Typer(help="Look at the causal rules.", no_args_is_help=True, rich_markup_mode=None)


app.command("identifiability")(identifiability.identifiability)


class Statement(StrEnum):
    """The kinds of statement in a rule file."""

    FAULTS = "faults"
    PROPAGATION = "propagation"
    SIGNALS = "signals"
    CHECKS = "checks"


@app.command("lint")
def lint(
    ctx: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(help="Rules over the shipped ones.", exists=True)
    ] = None,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Check rules: kinds, modes, paths, conditions, probabilities, duplicates, parameters."""
    import rca
    from kgraph.schema import InputError

    session = session_of(ctx)
    if folder is not None and folder.is_dir() and not any(folder.glob("*.yaml")):
        raise InputError("no rules in there", where=str(folder), mend="rule files end with .yaml")
    findings = rca.lint(rule_folders(session) if folder is None else [folder])
    rows = [(finding.where, finding.what, finding.mend) for finding in findings]
    if rows or output is not RowFormat.TABLE:
        show(session, ("where", "what", "mend"), rows, output)
    if not rows:
        session.remark("the rules are sound")
    else:
        session.end(Exit.FINDINGS if session.detailed else Exit.ERROR)


@app.command("test")
def run_tests(
    ctx: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(help="Its rules over the shipped ones, and its tests only.", exists=True),
    ] = None,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Run the tests that stand beside the rules (*.test.yaml): one line each."""
    import rca
    from rca.rules.testfiles import read_tests
    from rca.ruletests import run_test

    session = session_of(ctx)
    folders = rule_folders(session) if folder is None else [folder]
    model = rca.load_model(folders)
    ended = [run_test(one, model) for one in read_tests(folders, shipped=folder is None)]
    rows = [
        (
            "passed" if one.passed else "failed",
            one.test.where,
            one.test.name,
            "; ".join(one.differs),
        )
        for one in ended
    ]
    if rows or output is not RowFormat.TABLE:
        show(session, ("outcome", "where", "test", "differs"), rows, output)
    failed = sum(not one.passed for one in ended)
    session.remark(f"{len(ended) - failed} passed, {failed} failed" if ended else "no tests there")
    if failed:
        session.end(Exit.FINDINGS if session.detailed else Exit.ERROR)


@app.command("coverage")
def coverage(
    ctx: typer.Context,
    *,
    live: Annotated[
        bool, typer.Option("--live", help="Read all sources now; count only what they deliver.")
    ] = False,
    at: At = None,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Show what of the stored graph can fail without any watched signal speaking of it.

    The most frequent first: faults a year, times the entities on which nobody would see it. With
    --live, that a source says it watches something counts for nothing: `promised` are those on
    which one says so and delivers nothing now.
    """
    if live:
        if at:
            usage("--live reads the sources now; leave out --at")
        _live_coverage(session_of(ctx), output)
        return
    from kgraph.app.configured.engine import rules_of
    from kgraph.app.stored.stores import Access, opened
    from kgraph.app.views.blindspots import blind_spots

    session = session_of(ctx)
    model = rules_of(session.configuration)
    with opened(session.configuration, Access.READ, session.remark) as current:
        then = moment(at, session.now()) if at else session.now()
        estate = estate_at(session, current, at)
        found, empty = blind_spots(estate, model, then), not estate.find()
    show(session, _GAP, [_gap(gap, output) for gap in found], output)
    if empty:
        session.remark("nothing is in the graph: sync an estate first", style="yellow")
    else:
        session.remark(f"{len(found)} failure modes of this estate can pass unseen")


_GAP = ("kind", "mode", "entities", "unseen", "unseenPerYear", "signals")


def _gap(gap: Gap, output: RowFormat) -> tuple[object, ...]:
    table = output is RowFormat.TABLE
    signals = "|".join(gap.signals) or "none is known" if table else list(gap.signals)
    rate = round(gap.unseen_per_year, 4)
    return gap.kind, gap.mode, gap.entities, gap.unseen, rate, signals


def _live_coverage(session: Session, output: RowFormat) -> None:
    from kgraph.app.configured.engine import rules_of
    from kgraph.app.sources import Context, looking_jobs
    from kgraph.app.stored.stores import Access, opened
    from kgraph.app.views.blindspots import live_blind_spots
    from kgraph.cli.sync import Way, failed, outcomes

    model = rules_of(session.configuration)
    done = outcomes(session, looking_jobs(Context(session.configuration)), Way())
    with opened(session.configuration, Access.READ, session.remark) as store:
        found = live_blind_spots(store, model, session.now())
    rows = [(*_gap(each.gap, output), each.promised) for each in found]
    show(session, (*_GAP, "promised"), rows, output)
    session.remark(f"{len(found)} failure modes of this estate pass unseen now")
    failed(session, done)


@app.command("show")
def show_rules(
    ctx: typer.Context,
    what: Annotated[Statement | None, typer.Argument(help="Only these.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only what concerns this kind.")] = None,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Show the rules in force, and the file of each."""
    from kgraph.app.configured.engine import rules_of
    from kgraph.schema import KINDS
    from kgraph.schema.kinds import suggest_kind

    session = session_of(ctx)
    model = rules_of(session.configuration)
    if kind is not None and kind not in KINDS:
        usage(f"unknown kind {kind!r}; {suggest_kind(kind)}")
    wanted = list(Statement) if what is None else [what]
    rows = [row for statement in wanted for row in _rows(model, statement)]
    if kind is not None:
        rows = [row for row in rows if kind in row[1] or "*" in row[1]]
    told = [(statement, says, where) for statement, _, says, where in rows]
    show(session, ("statement", "says", "where"), told, output)


def _rows(model: Model, statement: Statement) -> list[Row]:
    if statement is Statement.FAULTS:
        return [_fault(row) for row in model.faults]
    if statement is Statement.PROPAGATION:
        return [_propagation(row) for row in model.propagation]
    if statement is Statement.SIGNALS:
        return [_signal(row) for row in model.signals]
    return [_check(row) for row in model.checks]


def _fault(row: FaultRule) -> Row:
    often = f"{row.per_year:g} a year, {row.after_change:g} times that after a change"
    says = f"({row.kind}) {row.mode} {often}{_where(row.condition)}"
    return "fault", (row.kind,), says, row.where


def _propagation(row: PropagationRule) -> Row:
    effect, cause = "|".join(row.effect_kinds), "|".join(row.cause_kinds)
    types = "|".join(row.types)
    arrow = f"<-[:{types}]-" if row.reverse else f"-[:{types}]->"
    says = f"({effect}){arrow}({cause}): {'|'.join(row.causes)} makes {row.mode}"
    kinds = (*row.effect_kinds, *row.cause_kinds)
    says += f", strength {row.strength:g}{_where(row.condition)}"
    return "propagation", kinds, says, row.where


def _signal(row: SignalRule) -> Row:
    rates = f"detected {row.detection:g}, false {row.false_alarm:g}"
    return "signal", (row.kind,), f"({row.kind}) {row.signal} shows {row.mode}, {rates}", row.where


def _check(row: CheckRule) -> Row:
    says = f"({row.kind}) {row.signal} to see {row.mode}: {shlex.join(row.command)}"
    return "check", (row.kind,), says, row.where


def _where(condition: Condition | None) -> str:
    from rca.rules.wording import worded

    return f", where {worded(condition)}" if condition is not None else ""


def rule_folders(session: Session) -> list[Path]:
    configuration = session.configuration
    return [configuration.resolve(path) for path in configuration.settings.folders.rules]
