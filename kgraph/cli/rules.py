"""`kgraph rules`: the causal model."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.session import Exit, Session, session_of
from kgraph.cli.tables import RowFormat, Rows, show

if TYPE_CHECKING:
    from rca import Model
    from rca.rules import PropagationRule, SignalRule

Row = tuple[str, tuple[str, ...], str, str]  # statement, kinds, what it says, where
app = typer.Typer(help="Look at the causal rules.", no_args_is_help=True, rich_markup_mode=None)


class Statement(StrEnum):
    """The kinds of statement in a rule file."""

    FAULTS = "faults"
    PROPAGATION = "propagation"
    SIGNALS = "signals"


@app.command("lint")
def lint(
    ctx: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(help="Rules over the shipped ones.", exists=True)
    ] = None,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Check rules: kinds, modes, paths, probabilities, duplicates."""
    import rca

    session = session_of(ctx)
    findings = rca.lint(_folders(session) if folder is None else [folder])
    rows = [(finding.where, finding.what, finding.mend) for finding in findings]
    if rows or output is not RowFormat.TABLE:
        show(session, ("where", "what", "mend"), rows, output)
    if not rows:
        session.remark("the rules are sound")
    elif session.detailed:
        session.end(Exit.FINDINGS)
    else:
        session.end(Exit.ERROR)


@app.command("show")
def show_rules(
    ctx: typer.Context,
    what: Annotated[Statement | None, typer.Argument(help="Only these.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only what concerns this kind.")] = None,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Show the rules in force, and the file of each."""
    import rca

    session = session_of(ctx)
    model = rca.load_model(_folders(session))
    wanted = list(Statement) if what is None else [what]
    rows = [row for statement in wanted for row in _rows(model, statement)]
    if kind is not None:
        rows = [row for row in rows if kind in row[1] or "*" in row[1]]
    told = [(statement, says, where) for statement, _, says, where in rows]
    show(session, ("statement", "says", "where"), told, output)


def _rows(model: Model, statement: Statement) -> list[Row]:
    if statement is Statement.FAULTS:
        return [
            ("fault", (row.kind,), f"({row.kind}) {row.mode} {row.per_year:g} a year", row.where)
            for row in model.faults
        ]
    if statement is Statement.PROPAGATION:
        return [_propagation(row) for row in model.propagation]
    return [_signal(row) for row in model.signals]


def _propagation(row: PropagationRule) -> Row:
    effect, cause = "|".join(row.effect_kinds), "|".join(row.cause_kinds)
    types = "|".join(row.types)
    arrow = f"<-[:{types}]-" if row.reverse else f"-[:{types}]->"
    says = f"({effect}){arrow}({cause}): {'|'.join(row.causes)} makes {row.mode}"
    kinds = (*row.effect_kinds, *row.cause_kinds)
    return "propagation", kinds, f"{says}, strength {row.strength:g}", row.where


def _signal(row: SignalRule) -> Row:
    rates = f"detected {row.detection:g}, false {row.false_alarm:g}"
    return "signal", (row.kind,), f"({row.kind}) {row.signal} shows {row.mode}, {rates}", row.where


def _folders(session: Session) -> list[Path]:
    configuration = session.configuration
    return [configuration.resolve(path) for path in configuration.settings.folders.rules]
