"""`kgraph remedies`, as a process would see it."""

from __future__ import annotations

import json

from kgraph.schema import KINDS
from tests.kgraph.cli.conftest import Run


def test_each_fault_of_the_rules_has_somebody_who_repairs_it(run: Run) -> None:
    done = run("remedies", "coverage", "--output", "json")
    rows = {row["fault"]: row for row in json.loads(done.out)}
    assert "0 by nobody" not in done.err
    assert "nobody" not in {row["by"] for row in rows.values()}
    assert rows["StorageExport.down"]["by"] == "kgraph"
    assert rows["Host.degraded"]["by"] == "kgraph"  # its guests are migrated
    assert rows["Volume.unwritable"]["does"] == [
        ["see whether it is full and else why it cannot be written"]
    ]


def test_each_mode_of_each_kind_is_listed_on_demand(run: Run) -> None:
    done = run("remedies", "coverage", "--all", "--output", "json")
    assert len(json.loads(done.out)) == sum(len(kind.modes) for kind in KINDS.values())


def test_one_fault_is_shown_with_all_that_there_is(run: Run) -> None:
    told = run("remedies", "show", "VirtualMachine.unreachable").out
    for said in (
        "FIRST",
        "IF THAT DID NOT HELP",
        "reattach: ",
        "NOT",
        "RUNBOOK",
        "only if: running",
    ):
        assert said in told
    other = run("remedies", "show", "Rack.failing").out  # nothing speaks of a rack that fails
    assert "any.yaml" in other


def test_a_fault_that_there_cannot_be_is_refused_in_one_line(run: Run) -> None:
    done = run("remedies", "show", "Volume.tired")
    assert done.code == 1
    assert "Volume has no mode 'tired'" in done.err
    assert done.err.count("\n") == 1
