"""A replay as rows: what was said of each incident, and how good that was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import typer

from kgraph.cli.session import Session
from kgraph.cli.tables import RowFormat, table, write
from kgraph.cli.text import as_json
from kgraph.schema.counting import counted

if TYPE_CHECKING:
    from kgraph.app.backtest import Look, Replay, Replayed, Scored, Verdict
    from kgraph.app.measuring.scoring import Figure


@dataclass(frozen=True, slots=True)
class Shown:
    """What is written: one row an incident, its label beside it, and the scores."""

    found: Replay
    verdicts: Sequence[Verdict]
    scored: Scored | None
    spans: Sequence[timedelta]

    def of(self, row: Replayed) -> list[Verdict]:
        """Return the labels that are compared with an incident."""
        return [v for v in self.verdicts if v.incident is row]

    @property
    def missed(self) -> list[Verdict]:
        """Return the labels for which no incident was opened."""
        return [v for v in self.verdicts if v.incident is None]


def write_all(session: Session, shown: Shown, output: RowFormat) -> None:
    """Write a replay in a form."""
    if output is RowFormat.TABLE:
        _tables(session, shown)
        return
    rows = [_incident(row, shown) for row in shown.found.incidents]
    scores = _scores(shown) if shown.scored else None
    if output is RowFormat.JSONL:
        for row in [*rows, *([{"scores": scores}] if scores else [])]:
            typer.echo(as_json(row))
        return
    stretch = shown.found.stretch
    document = {
        "from": _time(stretch.since),
        "to": _time(stretch.until),
        "stepSeconds": stretch.step.total_seconds(),
        "alerts": shown.found.alerts,
        "alertsLost": shown.found.lost,
        "incidents": rows,
        "scores": scores,
    }
    write(document, output)


def _tables(session: Session, shown: Shown) -> None:
    heads = ["incident", "opened", "lasted", "wrong", *(f"+{_span(s)}" for s in shown.spans)]
    if shown.verdicts:
        heads += ["label", "verdict"]
    rows = [list(_row(row, shown)) for row in shown.found.incidents]
    blank = [""] * (len(heads) - 6)
    rows += [[*_gap(v), *blank, v.label.id, "no incident"] for v in shown.missed]
    session.out.print(table(heads, rows))
    if shown.scored is None:
        return
    session.out.print()
    scored = shown.scored
    figures = [
        (
            f"+{_span(s)}",
            *(
                text
                for figures in (scored.first, scored.three)
                for text in (_plain(figures[s].value), _interval(figures[s]))
            ),
        )
        for s in shown.spans
    ]
    session.out.print(table(("after", "AC@1", "90 %", "AC@3", "of them 90 %"), figures))
    for line in _said(scored):
        session.out.print(line)


def _gap(verdict: Verdict) -> list[str]:
    return ["", _time(verdict.label.since), "", ""]


def _said(scored: Scored) -> Iterator[str]:
    yield f"{scored.found} of {scored.labels} labelled incidents were opened"
    late = "" if scored.median_right is None else f", after {_span(scored.median_right)} (median)"
    yield f"{scored.right} of {scored.labels} were right when all symptoms were there{late}"
    if scored.unlabelled:
        without = counted(len(scored.unlabelled), "incident")
        yield f"{without} without a label: {' '.join(scored.unlabelled)}"


def _row(row: Replayed, shown: Shown) -> Iterator[str]:
    yield row.id
    yield _time(row.opened_at)
    yield _span(row.lasts(shown.found.stretch.until)) + ("" if row.ended_at else " and on")
    yield f"{row.title}{f', merged into {row.merged_into}' if row.merged_into else ''}"
    for after in shown.spans:
        yield _cell(row, row.look(after))
    if shown.verdicts:
        found = shown.of(row)
        yield " ".join(v.label.id for v in found)
        yield " ".join(_verdict(v) for v in found)


def _cell(row: Replayed, look: Look) -> str:
    from kgraph.incidents import probability, wording

    if look.because:
        return "no cause found"
    return ", ".join(
        f"{row.titles.get(fault.entity, fault.entity)} {wording.state(fault.mode)}"
        f" {probability(look.posteriors.get(fault.entity, 0.0))}"
        for fault in sorted(look.blamed, key=lambda f: -look.posteriors.get(f.entity, 0.0))
    )


def _verdict(verdict: Verdict) -> str:
    if verdict.right_after is None:
        return "wrong"
    return (
        "right at once" if not verdict.right_after else f"right after {_span(verdict.right_after)}"
    )


def _incident(row: Replayed, shown: Shown) -> dict[str, Any]:
    return {
        "id": row.id,
        "opened": _time(row.opened_at),
        "ended": _time(row.ended_at) if row.ended_at else None,
        "mergedInto": row.merged_into or None,
        "title": row.title,
        "answers": [
            {"afterSeconds": s.total_seconds(), **_answer(row, row.look(s))} for s in shown.spans
        ],
        "labels": [_label(v, shown.spans) for v in shown.of(row)],
    }


def _answer(row: Replayed, look: Look) -> dict[str, Any]:
    ranked = list(look.posteriors.items())[:5]
    return {
        "at": _time(look.at),
        "symptoms": look.symptoms,
        "abstainedBecause": look.because or None,
        "blamed": [{"entity": f.entity, "mode": f.mode} for f in look.blamed],
        "causes": [
            {
                "entity": uid,
                "title": row.titles.get(uid, uid),
                "mode": look.modes[uid],
                "posterior": round(chance, 6),
            }
            for uid, chance in ranked
        ],
    }


def _label(verdict: Verdict, spans: Sequence[timedelta]) -> dict[str, Any]:
    right = verdict.right_after
    return {
        "id": verdict.label.id,
        "truth": sorted(verdict.truth),
        "firstAlert": _time(verdict.first_alert),
        "places": [
            {
                "afterSeconds": s.total_seconds(),
                "AC@1": round(verdict.places[s][0], 6),
                "AC@3": round(verdict.places[s][1], 6),
            }
            for s in spans
        ],
        "rightAfterSeconds": None if right is None else right.total_seconds(),
    }


def _scores(shown: Shown) -> dict[str, Any]:
    scored = shown.scored
    if scored is None:
        return {}
    late = scored.median_right
    return {
        "labels": scored.labels,
        "found": scored.found,
        "missed": [v.label.id for v in shown.missed],
        "unlabelled": list(scored.unlabelled),
        "right": scored.right,
        "medianSecondsToRight": None if late is None else late.total_seconds(),
        "figures": [
            {
                "afterSeconds": s.total_seconds(),
                "AC@1": _figure(scored.first[s]),
                "AC@3": _figure(scored.three[s]),
            }
            for s in shown.spans
        ],
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        "value": round(figure.value, 6),
        "interval90": [round(figure.low, 6), round(figure.high, 6)],
    }


def _plain(value: float) -> str:
    return f"{value:.2f}".removeprefix("0")


def _interval(figure: Figure) -> str:
    return f"{_plain(figure.low)}-{_plain(figure.high)}"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _span(length: timedelta) -> str:
    from kgraph.incidents import wording

    return wording.age(length)
