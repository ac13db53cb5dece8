from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]  # see conftest


@pytest.mark.usefixtures("stored")
def test_what_could_not_be_told_apart_is_listed_with_what_would_help(run: Run) -> None:
    done = run("rules", "identifiability", "--limit", "2")
    assert done.code == 0, done.err
    first = done.out.splitlines()[1].split()
    assert first[:2] == ["show", "nothing"]
    assert [line.split()[0] for line in done.out.splitlines()[2:]] == ["watch"] * 4
    assert "look the same" in done.err


@pytest.mark.usefixtures("stored")
def test_the_document_names_faults_and_probes(run: Run) -> None:
    found = json.loads(run("rules", "identifiability", "-o", "json").out)
    (group,) = found["alike"]
    assert len(group["faults"]) == found["faults"]
    assert group["pairs"] == found["pairsAlike"]
    assert group["shown"] == []
    assert {"uid", "kind", "name", "mode"} == set(group["faults"][0])
    assert found["watchAll"][0]["parts"] >= found["watchOne"][0]["parts"] > 0


@pytest.mark.usefixtures("stored")
def test_rarer_faults_are_left_out_where_few_are_asked_for(run: Run) -> None:
    done = run("rules", "identifiability", "--faults", "5")
    assert "rarer faults were left out" in done.err
    assert run("rules", "identifiability", "--faults", "1").code == 2
