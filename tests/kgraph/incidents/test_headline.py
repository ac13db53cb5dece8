"""Screen, board, tickets and reports put the same fault first."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from kgraph.incidents.case import blamed, blamed_as_kept
from kgraph.schema import (
    Answer,
    BlastRadius,
    Cause,
    Fault,
    Hypothesis,
    IncidentRecord,
    IncidentStatus,
)
from kgraph.server.viewing import on_board

AT = datetime(2026, 11, 23, tzinfo=UTC)
Row = tuple[str, int, float]


def _answer(*rows: Row, members: tuple[str, ...]) -> Answer:
    causes = tuple(
        Cause(uid, "Host", "down", chance, {"down": chance}, explains, (), (), 0)
        for uid, explains, chance in rows
    )
    sets = (Hypothesis(tuple(Fault(uid, "down") for uid in members), 0.5),)
    return Answer("", causes, sets, (), BlastRadius(), (), 0.0, 0.0, "test")


def _kept(answer: Answer) -> dict[str, Any]:
    return {
        "abstained": False,
        "causes": [
            {
                "entity": cause.entity,
                "mode": cause.mode,
                "posterior": cause.posterior,
                "explains": cause.explains,
            }
            for cause in answer.causes
        ],
        "hypotheses": [
            {"members": [{"entity": f.entity, "mode": f.mode} for f in row.members]}
            for row in answer.hypotheses
        ],
    }


@pytest.mark.parametrize(
    ("rows", "members", "order"),
    [
        ((("a", 1, 0.5), ("b", 9, 0.5)), ("a", "b"), "ba"),
        ((("a", 9, 0.2), ("b", 2, 0.95)), ("a", "b"), "ba"),
        ((("a", 2, 0.5), ("b", 1, 1.0)), ("b", "a"), "ab"),  # alike: by uid
        ((("a", 2, 0.5), ("b", 1, 0.4)), (), "a"),
        ((), (), ""),
    ],
)
def test_the_same_is_first_everywhere(
    rows: tuple[Row, ...], members: tuple[str, ...], order: str
) -> None:
    answer = _answer(*rows, members=members)
    faults = tuple(Fault(uid, "down") for uid in order)
    assert blamed(answer) == blamed_as_kept(_kept(answer)) == faults
    entities = [{"id": uid, "kind": "Host", "name": uid} for uid in "ab"]
    kept, bundle = json.dumps(_kept(answer)), json.dumps({"entities": entities})
    record = IncidentRecord("INC-1", IncidentStatus.OPEN, AT, AT, "wrong", bundle, kept)
    shown = on_board(record, None, None).cause
    assert shown == (f"Host {order[0]}" if order else "")
