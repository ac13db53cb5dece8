"""The line of an incident that was explained says what the screen says."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kgraph.app.asking.investigation import Investigation
from kgraph.app.configured.toolkit import toolkit
from kgraph.app.incidents.placing import Kept
from kgraph.app.watch.assess import Assessor, blamed_in
from kgraph.config import Configuration, Settings
from kgraph.incidents import Case, Verdict
from kgraph.schema import Answer, BlastRadius, Cause, Fault, Hypothesis, Incident
from tests.stores import new_store

T0 = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)

TITLES = {"h1": "Host h1", "v1": "VirtualMachine v1"}


def _answer(**chances: float) -> Answer:
    causes = tuple(
        Cause(uid, TITLES[uid].split()[0], "down", chance, {"down": chance}, 1, (), (), 0)
        for uid, chance in chances.items()
    )
    return Answer("", causes, (), (), BlastRadius(), (), 0.0, 0.0, "test")


@pytest.mark.parametrize(
    ("chances", "line"),
    [
        ({"h1": 0.93}, "cause: Host h1 down, P .93"),
        ({"h1": 0.16}, "suspect: Host h1 down, P .16"),
        ({"h1": 0.16, "v1": 0.9}, "cause: VirtualMachine v1 down, P .90; Host h1 down, P .16"),
        ({"h1": 0.4, "v1": 0.3}, "suspect: Host h1 down, P .40; VirtualMachine v1 down, P .30"),
    ],
)
def test_each_who_is_blamed_is_told_with_its_own_chance(
    chances: dict[str, float], line: str
) -> None:
    both = Hypothesis(tuple(Fault(uid, "down") for uid in chances), 0.5)
    assert blamed_in(replace(_answer(**chances), hypotheses=(both,)), TITLES) == line


def test_where_no_set_of_faults_is_the_best_it_is_whom_the_screen_blames() -> None:
    nobody = replace(_answer(h1=0.4, v1=0.3), hypotheses=(Hypothesis((), 0.6),))
    assert blamed_in(nobody, TITLES) == "suspect: Host h1 down, P .40"
    assert blamed_in(_answer(), TITLES) == "no cause found: too little is known"


def test_what_grows_in_small_steps_is_told_once_it_has_grown_enough(tmp_path: Path) -> None:
    tools = toolkit(Configuration(Settings()), T0)

    def told(assessor: Assessor, chance: float) -> list[str]:
        best = Hypothesis((Fault("h1", "down"),), chance)
        answer = replace(_answer(h1=chance), hypotheses=(best,))
        case = Case("INC-1", Incident("", (), (), ()), answer, T0)
        kept = Kept(Investigation(case, 0.0), Verdict.UPDATE)
        return [event.line[-3:] for event in assessor._explained(T0, kept)]

    with closing(new_store(tmp_path / "kgraph.db")) as store:
        assessor = Assessor(store, tools)
        assert told(assessor, 0.5)[-1] == ".50"
        grows = [told(assessor, chance / 100) for chance in range(57, 100, 7)]
    assert [line for lines in grows for line in lines] == [".71", ".92"]
