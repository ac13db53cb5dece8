from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from kgraph.incidents import Case, Detail, View
from kgraph.incidents.timeline import timeline


def _told(case: Case) -> list[tuple[float, str]]:
    moments = timeline(View.of(case, Detail.FULL))
    return [(row.offset.total_seconds(), row.what) for row in moments]


def test_changes_come_before_the_symptoms_that_followed_them(storage_case: Case) -> None:
    assert _told(storage_case) == [
        (-1200, "VirtualMachine vm-03: config"),
        (-76, "Host stor1: package upgraded"),
        (0, "4 VMs paused: web-03 web-04 web-07 db-02"),
        (36, "StorageExport nbd1/vmstore down"),
    ]


def test_a_change_of_long_before_is_no_part_of_it(storage_case: Case) -> None:
    old = replace(
        storage_case.incident.changes[0], at=storage_case.now - timedelta(hours=9), detail="old"
    )
    incident = replace(storage_case.incident, changes=(old,))
    assert not any("old" in what for _, what in _told(replace(storage_case, incident=incident)))


def test_without_any_time_there_is_no_time_line(storage_case: Case) -> None:
    rows = tuple(replace(row, at=None) for row in storage_case.incident.observations)
    causes = tuple(replace(c, supporting=()) for c in storage_case.answer.causes)
    case = replace(
        storage_case,
        incident=replace(storage_case.incident, observations=rows),
        answer=replace(storage_case.answer, causes=causes),
    )
    assert _told(case) == []
