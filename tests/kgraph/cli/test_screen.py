"""Lines of the one-screen answer on a narrow screen."""

from __future__ import annotations

from kgraph.cli.screen import rows
from kgraph.incidents import Label, Report, Section, wording

STEPS = ("1 make room: rbd", "2 resume vm001 vm002 vm003 vm004 … and 56 more")


def _lines(report: Report, width: int) -> list[str]:
    """Return each line as it stands; a label has nine columns."""
    return [
        text if tone is None else f"{label:9}{text}" for label, text, tone in rows(report, width)
    ]


def test_what_should_stay_together_is_broken_after_a_word_where_no_line_holds_it() -> None:
    line = "  ".join(wording.unbroken(step) for step in STEPS)
    report = Report("INC-1", "INC-1", (Section(Label.PLAN, (line,)),))
    narrow = _lines(report, 50)
    assert all(len(row) <= 50 for row in narrow)
    assert " ".join(" ".join(narrow).split()) == " ".join(("INC-1 PLAN", *STEPS))
    wide = _lines(report, 60)
    assert [row.strip() for row in wide[1:]] == ["PLAN     1 make room: rbd", STEPS[1]]
