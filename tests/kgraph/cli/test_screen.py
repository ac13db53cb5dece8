"""Lines of the one-screen answer on a narrow screen."""

from __future__ import annotations

import pytest

from kgraph.cli.screen import show
from kgraph.cli.session import Session, Terminal
from kgraph.incidents import Label, Report, Section, wording

STEPS = ("1 make room: rbd", "2 resume vm001 vm002 vm003 vm004 … and 56 more")


def test_what_should_stay_together_is_broken_after_a_word_where_no_line_holds_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = "  ".join(wording.unbroken(step) for step in STEPS)
    report = Report("INC-1", "INC-1", (Section(Label.PLAN, (line,)),))

    def shown(width: int) -> list[str]:
        show(Session(terminal=Terminal(width, coloured=False)), report)
        return capsys.readouterr().out.splitlines()

    narrow = shown(50)
    assert all(len(row) <= 50 for row in narrow)
    assert " ".join(" ".join(narrow).split()) == " ".join(("INC-1 PLAN", *STEPS))
    assert [row.strip() for row in shown(60)[1:]] == ["PLAN     1 make room: rbd", STEPS[1]]


def test_a_window_without_room_for_a_label_shows_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = Report("INC-1", "INC-1 down", (Section(Label.PLAN, STEPS),))
    show(Session(terminal=Terminal(8, coloured=False)), report)
    assert "make room" in " ".join(capsys.readouterr().out.split())
