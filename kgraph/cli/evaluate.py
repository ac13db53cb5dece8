"""`kgraph evaluate`: how good are the answers, on incidents whose causes are known?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgraph.cli.session import session_of, usage
from kgraph.cli.tables import RowFormat, show, write

if TYPE_CHECKING:
    from kgraph.app.configured.engine import Engine
    from kgraph.app.measuring.evaluation import SetScore
    from kgraph.app.measuring.scoring import Score
    from rca.evaluation.baselines import Baseline

_SHOWN = ("AC@1", "AC@3", "AC@5", "MRR", "F1", "Brier", "ECE")


class ScoreFormat(StrEnum):
    """How the scores are written."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    HTML = "html"


def evaluate(
    ctx: typer.Context,
    *,
    bundle: Annotated[
        list[str], typer.Argument(help="Incidents: kgraph.incident/v1, JSON Lines.")
    ],
    truth: Annotated[
        list[str],
        typer.Option(
            metavar="FILE", help="Their labelled causes; one for each file, in the same order."
        ),
    ],
    method: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only these: kgraph, or the name of a baseline."),
    ] = None,
    at_most: Annotated[
        int | None, typer.Option(help="Only so many incidents of each file.", min=1)
    ] = None,
    output: Annotated[
        ScoreFormat, typer.Option("--output", "-o", help="How to write the scores.")
    ] = ScoreFormat.TABLE,
) -> None:
    """Measure the answers on labelled incidents, next to simple baselines."""
    from kgraph.app.configured.engine import engine_of
    from kgraph.app.measuring import evaluation

    session = session_of(ctx)
    if len(truth) != len(bundle):
        usage(
            f"{len(bundle)} files of incidents and {len(truth)} of labels: give each its --truth"
        )
    methods = methods_among(engine_of(session.configuration), method or ())
    sets = []
    for path, labels in zip(bundle, truth, strict=True):
        rows = evaluation.labelled(path, labels, at_most)
        if not rows:
            usage(f"{path}: no incident in it")
        sets.append(evaluation.evaluate(set_name(path), rows, methods))
    if output is ScoreFormat.HTML:
        from kgraph.cli.evaluation_page import page

        typer.echo(page(sets, evaluation.mean_of(sets)), nl=False)
    elif output is ScoreFormat.TABLE:
        rows_shown = [_row(one, score) for one in sets for score in one.scores]
        if len(sets) > 1:
            rows_shown += [
                ("mean of sets", "", name, *(plain(values.get(m)) for m in _SHOWN), "", "")
                for name, values in evaluation.mean_of(sets).items()
            ]
        columns = ("set", "incidents", "method", *_SHOWN, "AC@1 90 %", "ms")
        show(session, columns, rows_shown, RowFormat.TABLE)
    else:
        write([_document(one) for one in sets], RowFormat(output.value))


def set_name(path: str) -> str:
    """Return what a file of incidents is called in figures."""
    return Path(path).name.removesuffix(".jsonl").removesuffix(".bundles")


def _row(one: SetScore, score: Score) -> Sequence[Any]:
    first = score.figures["AC@1"]
    values = [score.figures[name].value if name in score.figures else None for name in _SHOWN]
    return (
        one.name,
        one.incidents,
        score.method,
        *map(plain, values),
        f"{plain(first.low)}-{plain(first.high)}",
        f"{score.cpu_ms[0]:.1f}",
    )


def plain(value: float | None) -> str:
    """Write a share with three digits, the way tables of scores do."""
    return "" if value is None else f"{value:.3f}".removeprefix("0")


def _document(one: SetScore) -> dict[str, Any]:
    return {
        "set": one.name,
        "incidents": one.incidents,
        "methods": [score_document(score) for score in one.scores],
    }


def score_document(score: Score) -> dict[str, Any]:
    """Return every figure of a method as JSON has it."""
    return {
        "method": score.method,
        "figures": {
            name: {
                "value": round(figure.value, 6),
                "interval90": [round(figure.low, 6), round(figure.high, 6)],
            }
            for name, figure in score.figures.items()
        },
        "reliability": [
            {
                "said": round(row.said, 6),
                "came": round(row.came, 6),
                "count": row.count,
                "interval90": [round(row.low, 6), round(row.high, 6)],
            }
            for row in score.bins
        ],
        "cpuMilliseconds": {
            "p50": round(score.cpu_ms[0], 3),
            "p95": round(score.cpu_ms[1], 3),
        },
    }


def methods_among(engine: Engine, names: Sequence[str]) -> Mapping[str, Baseline]:
    """Return the methods of some names, of none all; end with a usage error if there is none."""
    from kgraph.app.measuring.evaluation import methods_of
    from kgraph.schema import suggest

    methods = methods_of(engine)
    for name in names:
        if name not in methods:
            mend = suggest(name, methods, f"one of: {', '.join(methods)}")
            usage(f"no method {name!r}; {mend}")
    return {name: method for name, method in methods.items() if not names or name in names}
