"""What is told of a span of time, and of one incident once it is over, as blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from kgraph.cli.blocks import Bars, Block, Columns, Drawing, Grid, Heading, Points, Text
from kgraph.cli.text import pointed
from kgraph.incidents import BLAMING, Detail, Label, Report, build, wording
from kgraph.incidents.drawn import drawn
from kgraph.incidents.estate import Estate
from kgraph.incidents.period import Came, Effort, Episode, Period, Spread
from kgraph.incidents.postmortem import PostMortem, came, lasted
from kgraph.schema import Ruling
from kgraph.schema.timestamps import format_time

_TOP = 10
_QUESTIONS = (
    "Why was this cause possible, and why was it not seen before?",
    "What went well? Where were we lucky?",
    "What will be done so that it does not come back: what, who, until when?",
)


def title_of(period: Period) -> str:
    """Return the title of a periodic report."""
    return f"Incidents from {period.since:%Y-%m-%d %H:%M}Z to {period.until:%Y-%m-%d %H:%M}Z"


def of_period(period: Period) -> Iterator[Block]:
    """Yield the report of a span of time."""
    yield Grid("Figures", ("figure", "value"), list(_figures(period)))
    if not period.episodes:
        yield Text("No incident was opened.")
    else:
        days = [(f"{day}", opened, healed) for day, opened, healed in period.days()]
        yield Columns("Incidents a day", days, "ended by a plan")
    yield from _bars("Top causes", "Cause", period.causes(_TOP))
    yield from _bars("Blamed more than once", "Entity", period.suspects(_TOP))
    yield from _efforts("What was done", [row for row in period.efforts if not row.shadow])
    yield from _efforts("What would have been done", [row for row in period.efforts if row.shadow])
    if period.refused:  # whole sentences: beside a bar they would be cut off
        yield Heading("Why plans did not begin")
        reasons = [(why, f"{often}") for why, often in period.refused.items()]
        yield Grid("Why plans did not begin", ("reason", "how often"), reasons[:_TOP])
    yield from _bars("Alerts that found no entity", "Alert", list(period.unmapped.items())[:_TOP])
    if period.unmapped:
        yield Text("What maps each of them is told by: kgraph doctor --alerts")
    yield from _blind(period)
    if period.stale:
        yield Heading("Sources that were not read lately")
        yield Points(period.stale)
    if period.episodes:
        yield Heading("All incidents")
        heads = ("id", "opened", "lasted", "what", "cause", "said of it")
        yield Grid("All incidents", heads, [_row(each) for each in period.episodes])


def document(period: Period) -> dict[str, Any]:
    """Return the report as JSON has it: `kgraph.report/v1`; times in seconds."""
    return {
        "format": "kgraph.report/v1",
        "since": format_time(period.since),
        "until": format_time(period.until),
        "incidents": len(period.episodes),
        "open": period.open,
        "unexplained": period.unexplained,
        "confirmed": period.judged(right=True),
        "refuted": period.judged(right=False),
        "mttd": _spread(period.detection),
        "mttr": _spread(period.repair),
        "healed": sorted(period.healed),
        "done": {k.value: v for k, v in period.came(shadow=False).items()},
        "wouldHaveDone": {k.value: v for k, v in period.came(shadow=True).items()},
        "refused": dict(period.refused),
        "rejected": period.rejected,
        "causes": dict(period.causes()),
        "unmapped": dict(period.unmapped),
        "blindSpots": [
            {
                "kind": row.kind,
                "mode": row.mode,
                "unseen": row.unseen,
                "entities": row.entities,
                "perYear": round(row.per_year, 4),
                "signals": list(row.signals),
            }
            for row in period.blind
        ],
        "staleSources": list(period.stale),
        "days": [
            {"day": f"{day}", "opened": opened, "healed": healed}
            for day, opened, healed in period.days()
        ],
    }


def of_incident(found: PostMortem) -> Iterator[Block]:
    """Yield the draft of a post-mortem."""
    report = build(found.case, Detail.FULL)
    yield Text(f"A draft, written by kgraph from what it knows as of {_time(found.case.now)}.")
    yield Grid("Facts", ("fact", "value"), list(_facts(found)))
    yield from _told("Impact", report, (Label.IMPACT,))
    yield from _told("Cause", report, (*BLAMING, Label.WHY, Label.PATH, Label.CHANGE))
    if found.rulings:
        yield Points([_ruling(found, row) for row in found.rulings])
    yield Drawing("The part of the estate that the incident is about", drawn(found.case))
    yield Heading("Time line")
    rows = [(_time(row.at), wording.since(row.offset), row.what) for row in found.moments]
    yield Grid("Time line", ("at", "since it began", "what"), rows)
    yield from _told("Evidence", report, (Label.FOR, Label.AGAINST, Label.UNKNOWN, Label.ELSE))
    yield from _actions(found)
    yield from _told("Still to be looked at", report, (Label.CHECK, Label.DATA))
    yield Heading("For people to answer")
    yield Points(_QUESTIONS)
    if report.warnings:
        yield Heading("Notes")
        yield Points(report.warnings)


def mortem_document(found: PostMortem) -> dict[str, Any]:
    """Return the same as JSON has it: `kgraph.postmortem/v1`."""
    report = build(found.case, Detail.FULL)
    return {
        "format": "kgraph.postmortem/v1",
        "id": found.case.id,
        "title": report.headline,
        "begunAt": format_time(found.begun_at) if found.begun_at else None,
        "openedAt": format_time(found.opened_at),
        "overAt": format_time(found.over_at) if found.over_at else None,
        "sections": {row.label.value: list(row.lines) for row in report.sections},
        "timeline": [{"at": format_time(row.at), "what": row.what} for row in found.moments],
        "actions": [
            {
                "at": format_time(run.begun_at),
                "plan": each.record.id,
                "what": each.document.plan.title,
                "by": run.by,
                "came": came(run),
            }
            for each in found.tried
            for run in each.document.runs
        ],
        "rulings": [_ruling(found, row) for row in found.rulings],
        "questions": list(_QUESTIONS),
    }


def headline(found: PostMortem) -> str:
    """Return the title of a post-mortem."""
    return pointed(f"Post-mortem of {build(found.case).headline}")


def _figures(period: Period) -> Iterator[tuple[str, str]]:
    done, shadow = period.came(shadow=False), period.came(shadow=True)
    yield "incidents opened", str(len(period.episodes))
    yield "not over", str(period.open)
    yield "without a cause", str(period.unexplained)
    yield "causes confirmed, refuted", f"{period.judged(right=True)}, {period.judged(right=False)}"
    yield "MTTD (first symptom to incident)", _length(period.detection)
    yield "MTTR (first symptom to its end)", _length(period.repair)
    yield "incidents ended by a plan", str(len(period.healed))
    yield "plans begun", _outcomes(done)
    yield "plans that would have been begun", _outcomes(shadow)
    yield "plans that did not begin", str(sum(period.refused.values()))
    yield "plans rejected by a person", str(period.rejected)
    yield "services hit", str(sum(row.services for row in period.episodes))


def _outcomes(counts: Mapping[Came, int]) -> str:
    told = ", ".join(f"{count} {came.value}" for came, count in counts.items() if count)
    return f"{sum(counts.values())} ({told})" if told else "0"


def _length(spread: Spread | None) -> str:
    if spread is None:
        return "nothing to measure"
    mean, middle, most = (
        wording.age(timedelta(seconds=value)) for value in (spread.mean, spread.median, spread.p90)
    )
    return f"{mean} (median {middle}, nine of ten within {most}; of {spread.count})"


def _spread(spread: Spread | None) -> dict[str, float] | None:
    if spread is None:
        return None
    values = {"mean": spread.mean, "median": spread.median, "p90": spread.p90}
    return {"count": spread.count} | {k: round(v, 3) for k, v in values.items()}


def _bars(title: str, of: str, rows: Sequence[tuple[str, int]]) -> Iterator[Block]:
    if rows:
        yield Heading(title)
        yield Bars(of, rows)


def _efforts(title: str, rows: Sequence[Effort]) -> Iterator[Block]:
    if rows:
        yield Heading(title)
        heads = ("at", "incident", "plan", "what", "by", "came of it")
        shown = [
            (_time(row.at), row.incident, row.plan, row.title, row.by, row.came.value)
            for row in rows
        ]
        yield Grid(title, heads, shown)


def _blind(period: Period) -> Iterator[Block]:
    if not period.blind:
        return
    yield Heading("What can fail unseen")
    heads = ("what", "unseen on", "of", "a year", "would be seen by")
    rows = [
        (
            f"{row.kind} {row.mode}",
            str(row.unseen),
            str(row.entities),
            f"{row.per_year:.2g}",
            ", ".join(row.signals) or "nothing that is known",
        )
        for row in period.blind
    ]
    yield Grid("What can fail unseen", heads, rows)


def _row(episode: Episode) -> tuple[str, ...]:
    over = episode.over_at
    lasted_ = wording.age(over - (episode.begun_at or episode.opened_at)) if over else "not over"
    said = {None: "", True: "confirmed", False: "refuted"}[episode.said]
    cause = f"{episode.cause}: {episode.entity}" if episode.cause else "none found"
    return episode.id, _time(episode.opened_at), lasted_, episode.title, cause, said


def _facts(found: PostMortem) -> Iterator[tuple[str, str]]:
    yield "incident", found.case.id
    begun, lasting = found.begun_at, lasted(found)
    if begun is not None:
        yield "first symptom", _time(begun)
        after = max(timedelta(0), found.opened_at - begun)
        yield "detected", f"{_time(found.opened_at)}, {wording.age(after)} later"
    else:
        yield "detected", _time(found.opened_at)
    yield "over", _time(found.over_at) if found.over_at else "it is not over"
    if lasting is not None:
        yield "lasted", wording.age(lasting)


def _told(title: str, report: Report, labels: Sequence[Label]) -> Iterator[Block]:
    rows = [row for label in labels if (row := report.section(label)) is not None]
    if rows:
        yield Heading(title)
        several = len(labels) > 1
        yield Points(
            [
                f"{row.label.value}: {pointed(line)}" if several else pointed(line)
                for row in rows
                for line in row.lines
            ]
        )


def _ruling(found: PostMortem, row: Ruling) -> str:
    verb = "confirmed" if row.right else "refuted"
    why = f": {row.reason}" if row.reason else ""
    what = f"{Estate.of(found.case.incident).title(row.entity)} {wording.state(row.mode)}"
    return f"{what} was {verb} by {row.by or 'somebody'} at {_time(row.at)}{why}"


def _actions(found: PostMortem) -> Iterator[Block]:
    yield Heading("Actions")
    rows = [
        (_time(run.begun_at), each.record.id, each.document.plan.title, run.by, came(run))
        for each in found.tried
        for run in each.document.runs
    ]
    if rows:
        yield Grid("Actions", ("at", "plan", "what", "by", "came of it"), rows)
        return
    plans = [
        f"{each.record.id}, {each.document.plan.title}:"
        f" {each.record.because or each.record.state.value}"
        for each in found.tried
    ]
    yield Text("No plan was carried out.")
    if plans:
        yield Points(plans)


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%SZ}"
