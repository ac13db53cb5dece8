"""From an answer to the report that a person reads."""

from __future__ import annotations

from kgraph.incidents import advice, because, impact, rivals, wording
from kgraph.incidents.case import Case, Origin, View
from kgraph.incidents.report import Detail, Report

# The order of the sections on the screen.
_SECTIONS = (
    advice.who,
    because.cause,
    because.why,
    advice.upcoming,
    because.speaks_for,
    because.speaks_against,
    because.unknown,
    rivals.otherwise,
    because.ways,
    impact.hit,
    impact.changes,
    advice.check,
    advice.plan,
    advice.refused,
    advice.data,
    advice.do,
)
# When nothing is wrong there is nothing to explain, only how far to trust that.
_QUIET = (because.looked, advice.data)
_OF_NOW = frozenset({Origin.STORE, Origin.ASIDE})


def build(case: Case, detail: Detail = Detail.BRIEF) -> Report:
    """Build the report of one incident; `Detail.FULL` leaves nothing out."""
    view = View.of(case, detail)
    quiet = not view.abnormal and case.incident.target is None
    sections = (section(view) for section in (_QUIET if quiet else _SECTIONS))
    return Report(
        id=case.id,
        headline=_headline(view),
        sections=tuple(found for found in sections if found.lines),
        warnings=tuple(dict.fromkeys((*case.incident.warnings, *case.answer.warnings))),
    )


def _headline(view: View) -> str:
    what = wording.headline(view.abnormal, view.estate.entities)
    if not view.abnormal and view.case.origin in {*_OF_NOW, Origin.PAST}:
        return what
    started = view.onset
    known = (view.case.id,) if view.case.id else ()  # what is not kept is not named
    if started is None:
        return "  ".join((*known, what))
    if view.case.origin not in _OF_NOW:  # it may be years old
        return "  ".join((*known, f"{started:%Y-%m-%d %H:%M:%SZ}", what))
    firing = wording.age(view.case.now - started)
    return "  ".join((*known, f"{started:%H:%M:%SZ}", f"firing {firing}", what))
