"""Lines of the one-screen answer on a narrow screen."""

from __future__ import annotations

from kgraph.cli.screen import plain
from kgraph.incidents import Label, Report, Section, wording

STEPS = ("1 make room: rbd", "2 resume vm001 vm002 vm003 vm004 … and 56 more")


def test_what_should_stay_together_is_broken_after_a_word_where_no_line_holds_it() -> None:
    line = "  ".join(wording.unbroken(step) for step in STEPS)
    report = Report("INC-1", "INC-1", (Section(Label.PLAN, (line,)),))
    narrow = plain(report, 50).splitlines()
    assert all(len(row) <= 50 for row in narrow)
    assert " ".join(" ".join(narrow).split()) == " ".join(("INC-1 PLAN", *STEPS))
    wide = plain(report, 60).splitlines()
    assert [row.strip() for row in wide[1:]] == ["PLAN     1 make room: rbd", STEPS[1]]
