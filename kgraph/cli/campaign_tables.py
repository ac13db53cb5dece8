"""Figures of a campaign for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from kgraph.cli.evaluate import plain, score_document
from kgraph.cli.session import Session
from kgraph.cli.tables import RowFormat, table, write

if TYPE_CHECKING:
    from kgraph.app.measuring.calibrating import Fitted
    from kgraph.app.measuring.campaign import Drawn
    from kgraph.app.measuring.confirming import Learnt
    from kgraph.app.measuring.scoring import Score, Tally
    from rca.evaluation.measures import Bin

_CHANCES = ("F1", "Brier", "ECE", "ECE by chance", "precision@.9")
_STRATA = ("AC@1", "AC@3", "all@4", "precision", "recall", *_CHANCES)
_METHODS = ("AC@1", "AC@3", "all@4", "MRR", *_CHANCES)


class CampaignFormat(StrEnum):
    """How a campaign is written."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"


def show_figures(
    session: Session,
    told: str,
    strata: Sequence[tuple[str, int, Score]],
    whole: Sequence[Score],
) -> None:
    """Write strata, then methods, then how far chances came true."""
    columns = ("stratum", "incidents", *map(_heading, _STRATA), "top-1 90 %")
    rows = [(name, count, *_cells(one, _STRATA), _range(one)) for name, count, one in strata]
    methods = ("method", *map(_heading, _METHODS), "top-1 90 %", "ms")
    session.out.print(told)
    session.out.print()
    session.out.print(table(columns, rows))
    session.out.print()
    session.out.print(
        table(
            methods,
            [
                (one.method, *_cells(one, _METHODS), _range(one), f"{one.cpu_ms[0]:.1f}")
                for one in whole
            ],
        )
    )
    for one in whole:
        if one.bins and one.method == whole[0].method:
            session.out.print()
            session.out.print(_reliability(one.bins))


def show_fit(session: Session, done: Fitted, told: str, form: CampaignFormat) -> None:
    """Write the chances before and after, of what was not learned from."""
    if form is not CampaignFormat.TEXT:
        rows = [
            {
                "set": one.name,
                "incidents": one.incidents,
                "uncalibrated": score_document(one.before),
                "calibrated": score_document(one.after),
            }
            for one in done.held
        ]
        write(rows, RowFormat(form.value))
        return
    measures = ("ECE", "Brier", "F1", "precision@.9")
    asked = [(f"{_heading(m)} {when}", when, m) for m in measures for when in ("before", "after")]
    asked.insert(2, (_heading("ECE by chance"), "after", "ECE by chance"))
    columns = ("not learned from", "incidents", *(heading for heading, _, _ in asked))
    rows_shown = [
        (
            one.name,
            one.incidents,
            *(cell for _, when, m in asked for cell in _cells(getattr(one, when), (m,))),
        )
        for one in done.held
    ]
    session.out.print(told)
    session.out.print()
    session.out.print(table(columns, rows_shown))
    session.out.print()
    session.out.print(_reliability(done.calibration.reliability))


def show_curve(session: Session, found: Sequence[Learnt], told: str, form: CampaignFormat) -> None:
    """Write how the same incidents are answered, the more of others was confirmed before."""
    if form is not CampaignFormat.TEXT:
        rows = [{"confirmed": one.confirmed, **score_document(one.score)} for one in found]
        write(rows, RowFormat(form.value))
        return
    columns = ("confirmed", *map(_heading, _STRATA), "top-1 90 %")
    session.out.print(told)
    session.out.print()
    session.out.print(
        table(
            columns,
            [(one.confirmed, *_cells(one.score, _STRATA), _range(one.score)) for one in found],
        )
    )


def incident_row(one: Drawn, place: int, tallies: Mapping[str, Tally]) -> dict[str, Any]:
    """Return one incident and how each method did on it."""
    return {
        "id": one.labelled.incident.id,
        "number": one.number,
        "truth": sorted(one.labelled.truth),
        "strata": list(one.strata),
        "methods": {
            name: {measure: round(values[place], 6) for measure, values in tally.rows.items()}
            for name, tally in tallies.items()
        },
    }


def _reliability(bins: Sequence[Bin]) -> Any:  # noqa: ANN401 - rich's own
    return table(
        ("said", "came true", "causes", "90 %"),
        [(plain(b.said), plain(b.came), b.count, f"{plain(b.low)}-{plain(b.high)}") for b in bins],
    )


def _cells(one: Score, measures: Sequence[str]) -> list[str]:
    return [plain(one.figures[m].value if m in one.figures else None) for m in measures]


def _range(one: Score) -> str:
    first = one.figures["AC@1"]
    return f"{plain(first.low)}-{plain(first.high)}"


def _heading(measure: str) -> str:
    return measure.replace("AC@", "top-").replace("@", " ")
