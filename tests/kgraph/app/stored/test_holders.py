"""No two processes are called alike in leases."""

from __future__ import annotations

from kgraph.app.stored.holders import holder


def test_two_containers_with_one_host_name_and_process_number_are_two_holders() -> None:
    first, second = holder("watch"), holder("watch")
    assert first.startswith("watch@")
    assert first != second
    assert "/" not in first  # what follows it is the plan
