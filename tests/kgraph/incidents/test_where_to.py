"""A plan that brings guests to other hosts says where to, for each host once."""

from __future__ import annotations

from kgraph.cli.plan import steps
from kgraph.incidents.advice import where_to
from kgraph.schema import PlanDocument, PlanStep
from tests.remedies.estates import plan, step


def test_a_step_says_which_host_it_brings_something_to() -> None:
    moved = step("start_elsewhere", "web-1", to="h2", toName="host-2")
    assert where_to(moved) == " to host-2"
    assert where_to(PlanStep("resume", "web-1")) == ""
    (line,) = steps(PlanDocument(plan(moved)), [])
    assert line.startswith("1 start elsewhere web-1 to host-2 (by ")
