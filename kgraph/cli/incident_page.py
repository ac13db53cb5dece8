"""One incident as a page: what, why and what next at the top, then everything that is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kgraph.cli import svg
from kgraph.cli.page import Markup, details, document, escaped, joined, table
from kgraph.cli.text import pointed
from kgraph.incidents import BLAMING, Case, Detail, Label, Report, Section, View, build, wording
from kgraph.incidents.drawn import drawn
from kgraph.incidents.timeline import Moment, timeline
from kgraph.schema import Cause, Hit, Witness

_FIRST = (Label.WHO, *BLAMING, Label.WHY, Label.NEXT)
_NAMING = (Label.FOR, Label.AGAINST, Label.IMPACT)  # these list names
_STORM = 60  # abnormal observations
_MOST = 500  # rows of one table: a browser holds more, a reader does not
_STYLE = """
dl.first{display:grid;grid-template-columns:minmax(4.5rem,auto) 1fr;gap:.35rem 1rem;margin:0}
dl.first dt{font-weight:700;grid-column:1}dl.first dd{margin:0;grid-column:2}
dd.loud{color:var(--loud);font-weight:700}dd.warning{color:var(--warn)}dd.quiet{font-size:.95em}
ol.times{padding-left:0;list-style:none}ol.times li{padding:.15rem 0}
ol.times time{font-variant-numeric:tabular-nums;color:var(--faint);margin-right:.6rem}
ol.times .changed{font-weight:700}
@media(max-width:32rem){dl.first{grid-template-columns:1fr}dl.first dd{grid-column:1}}
"""


def page(case: Case) -> str:
    """Return the page of one incident; nothing is left out but rows beyond 500 of a table."""
    brief, full = build(case), build(case, Detail.FULL)
    view = View.of(case, Detail.FULL)
    parts = [
        Markup(f"<h1>{escaped(pointed(brief.headline))}</h1>"),
        _sections([row for row in brief.sections if row.label in _FIRST]),
        Markup(f"<h2>{escaped('What needs what')}</h2>"),
        svg.figure(drawn(case), "The part of the estate that the incident is about"),
        Markup("<h2>Details</h2>"),
        *_details(view, _readable(view, brief, full)),
        _notes(case, brief),
    ]
    return document(pointed(brief.headline), joined(parts), svg.STYLE + _STYLE)


def _readable(view: View, brief: Report, full: Report) -> Sequence[Section]:
    """Return the sections of a report; in a storm the tables name everybody, and once will do."""
    if len(view.abnormal) <= _STORM:
        return full.sections
    short = {row.label: row for row in brief.sections if row.label in _NAMING}
    return [short.get(row.label, row) for row in full.sections]


def _details(view: View, told_of: Sequence[Section]) -> Iterator[Markup]:
    told = {
        "Evidence for and against": (Label.FOR, Label.AGAINST, Label.UNKNOWN),
        "Impact": (Label.IMPACT, Label.CHANGE),
        "Next checks": (Label.CHECK,),
        "Plan": (Label.PLAN, Label.NOT, Label.DO),
        "Other explanations": (Label.ELSE,),
        "Ways from the cause to the symptoms": (Label.PATH,),
        "How old the data are": (Label.DATA,),
    }
    more = {
        "Evidence for and against": _witnesses(view),
        "Impact": _hits(view),
        "Other explanations": _causes(view),
    }
    opened = {"Evidence for and against", "Impact", "Next checks", "Plan"}
    for title, labels in told.items():
        rows = [row for row in told_of if row.label in labels]
        if rows:
            inner = joined([_sections(rows), more.get(title, Markup())])
            yield details(title, inner, opened=title in opened)
    moments = timeline(view)
    if moments:
        yield details("Time line", _times(moments))


def _sections(rows: Sequence[Section]) -> Markup:
    found = [
        Markup(
            f"<dt>{escaped(row.label.value)}</dt>"
            + "".join(
                f'<dd class="{row.tone.value}">{escaped(pointed(line))}</dd>' for line in row.lines
            )
        )
        for row in rows
    ]
    return Markup(f'<dl class="first">{joined(found)}</dl>')


def _witnesses(view: View) -> Markup:
    """List what speaks for and against each suspect, with how much, in nats."""
    rows = [
        _witness(view, fault.entity, witness)
        for fault in view.blamed
        for cause in (view.causes[fault.entity],)
        for witness in (*cause.supporting, *cause.contradicting)
    ]
    heads = ("of", "seen on", "what", "weight", "since", "by")
    return _inner("Every witness, with its weight in nats", heads, rows)


def _witness(view: View, suspect: str, witness: Witness) -> tuple[str, ...]:
    row = witness.observation
    return (
        view.estate.name(suspect),
        view.estate.title(row.entity),
        view.seen(row),
        f"{witness.weight:+.2f}",
        f"{row.at:%Y-%m-%d %H:%M:%SZ}" if row.at else "",
        " ".join(part for part in (row.detector, row.detail) if part),
    )


def _causes(view: View) -> Markup:
    rows = [_cause(view, cause) for cause in view.case.answer.causes]
    heads = ("suspect", "mode", "P", "explains", "contradicted by", "unknown")
    return _inner("All suspects", heads, rows)


def _cause(view: View, cause: Cause) -> tuple[str, ...]:
    return (
        view.estate.title(cause.entity),
        ", ".join(part for part in (wording.state(cause.mode), view.due(cause)) if part),
        wording.probability(cause.posterior),
        str(cause.explains),
        str(len(cause.contradicting)),
        str(cause.unknown),
    )


def _hits(view: View) -> Markup:
    radius = view.case.answer.blast_radius
    rows = [_hit(view, "now", hit) for hit in radius.now]
    rows += [_hit(view, "next", hit) for hit in radius.next]
    rows += [
        ("no spare left", view.estate.title(uid), "", "", "") for uid in radius.redundancy_lost
    ]
    return _inner("Everybody who is hit", ("when", "who", "how", "P", "hops"), rows)


def _hit(view: View, when: str, hit: Hit) -> tuple[str, ...]:
    chance = wording.probability(hit.probability)
    return when, view.estate.title(hit.entity), wording.state(hit.mode), chance, str(hit.hops)


def _inner(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    if not rows:
        return Markup()
    left = len(rows) - _MOST
    more = Markup(f"<p>{left} more rows are left out.</p>") if left > 0 else Markup()
    return details(f"{title} ({len(rows)})", joined([table(heads, rows[:_MOST], title), more]))


def _times(moments: Sequence[Moment]) -> Markup:
    rows = []
    for row in moments:
        marked = ' class="changed"' if row.changed else ""
        when = f"{row.at:%Y-%m-%d %H:%M:%SZ} {wording.since(row.offset)}"
        rows.append(
            Markup(
                f'<li{marked}><time datetime="{row.at:%Y-%m-%dT%H:%M:%SZ}">{escaped(when)}</time>'
                f"{escaped(row.what)}</li>"
            )
        )
    return Markup(f'<ol class="times">{joined(rows)}</ol>')


def _notes(case: Case, report: Report) -> Markup:
    told = [Markup(f"<p><small>note: {escaped(line)}</small></p>") for line in report.warnings]
    made = f"as of {case.now:%Y-%m-%d %H:%M:%SZ}, rules {case.answer.model_version}"
    return joined([*told, Markup(f"<p><small>{escaped(made)}</small></p>")])
