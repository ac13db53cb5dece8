"""The storage server of the three-in-the-morning sketch, built by hand: no engine involved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kgraph.incidents import Case, SourceAge
from kgraph.schema import (
    Answer,
    BlastRadius,
    Cause,
    Change,
    Entity,
    Fault,
    Hit,
    Hypothesis,
    Incident,
    NextCheck,
    Observation,
    Path,
    Plan,
    PlanStep,
    Relation,
    State,
    Step,
    Witness,
)

NOW = datetime(2026, 11, 23, 3, 8, 2, tzinfo=UTC)
ONSET = NOW - timedelta(seconds=48)
VICTIMS = {"web-03": "h07", "web-04": "h07", "web-07": "h12", "db-02": "h12"}


def _entities() -> list[Entity]:
    found = [Entity(name, "Host", name) for name in ("h07", "h12", "stor1")]
    found += [
        Entity("export", "StorageExport", "nbd1/vmstore"),
        Entity("nbd2", "StorageExport", "nbd2"),
    ]
    found += [Entity(name, "VirtualMachine", name) for name in VICTIMS]
    found += [Entity(f"vm-{n:02}", "VirtualMachine", f"vm-{n:02}") for n in range(38)]
    found.append(Entity("shop", "Service", "shop-web", labels={"owner": "team-shop"}))
    return found


def _relations() -> list[Relation]:
    found = [Relation("export", "RUNS_ON", "stor1")]
    for name, host in VICTIMS.items():
        found += [Relation(name, "RUNS_ON", host), Relation(name, "STORED_ON", "export")]
    for number in range(38):
        host = "h07" if number % 2 else "h12"
        found += [
            Relation(f"vm-{number:02}", "RUNS_ON", host),
            Relation(f"vm-{number:02}", "STORED_ON", "nbd2"),
        ]
    members = ["web-03", "web-04", "web-07", "vm-00", "vm-01"]
    found += [Relation("shop", "RUNS_ON", vm, group="copies", need=3) for vm in members]
    return found


def _seen(entity: str, signal: str, state: State, ms: int = 0, detector: str = "") -> Observation:
    at = ONSET + timedelta(milliseconds=ms)
    return Observation(entity, signal, state, at=at, detector=detector)


def _answer(paused: list[Observation], healthy: list[Observation]) -> Answer:
    refused = _seen("export", "down", State.ABNORMAL, 36_000, "blackbox/tcp")
    cause = Cause(
        entity="export",
        kind="StorageExport",
        mode="down",
        posterior=0.938,
        modes={"down": 0.92, "hung": 0.018},
        explains=5,
        supporting=(*(Witness(row, 2.5) for row in paused), Witness(refused, 4.0)),
        contradicting=tuple(Witness(row, -0.2) for row in healthy),
        unknown=3,
    )
    host = Cause("stor1", "Host", "down", 0.031, {"down": 0.031}, 5, (), (), 1)
    return Answer(
        id="INC-0412",
        causes=(cause, host),
        hypotheses=(
            Hypothesis((Fault("export", "down"),), 0.93),
            Hypothesis((Fault("stor1", "down"),), 0.03),
            Hypothesis((), 0.002, "monitoring"),
        ),
        explanation=tuple(
            Path(
                Fault("export", "down"),
                row,
                (
                    Step("export", "down", "", 1.0),
                    Step(row.entity, "paused_io_error", "STORED_ON", 0.95),
                ),
            )
            for row in paused
        ),
        blast_radius=BlastRadius(
            now=tuple(Hit(row.entity, "paused_io_error", 1.0, 1) for row in paused),
            next=(Hit("shop", "failing", 0.6, 2),),
        ),
        next_checks=(
            NextCheck(
                "export",
                "down",
                0.4,
                "ssh stor1 journalctl -u nbd1 -n 20",
                "crash from upgrade",
            ),
        ),
        elsewhere=0.02,
        monitoring=0.002,
        model_version="rules-test",
    )


def _plan() -> Plan:
    return Plan(
        "P-88",
        "INC-0412",
        Fault("export", "down"),
        (
            PlanStep("restart_export", "export", inverse="stop", duration=timedelta(seconds=3)),
            PlanStep("check_signature", "export", duration=timedelta(seconds=2)),
            PlanStep("resume_guests", "db-02", {"tries": "2"}, duration=timedelta(seconds=10)),
        ),
        ("fencing h07, h12 (healthy)", "starting copies elsewhere (split brain)"),
    )


@pytest.fixture
def storage_case() -> Case:
    paused = [_seen(vm, "paused", State.ABNORMAL, 10 * n) for n, vm in enumerate(VICTIMS)]
    healthy = [_seen(host, "down", State.HEALTHY) for host in ("h07", "h12")]
    answer = _answer(paused, healthy)
    incident = Incident(
        "INC-0412",
        tuple(_entities()),
        tuple(_relations()),
        (*paused, *healthy, answer.causes[0].supporting[-1].observation),
        (
            Change("stor1", "upgrade", ONSET - timedelta(seconds=76), "package upgraded"),
            Change("vm-03", "config", ONSET - timedelta(minutes=20)),
        ),
    )
    sources = (
        SourceAge("libvirt", NOW - timedelta(seconds=2)),
        SourceAge("prometheus", NOW - timedelta(seconds=9)),
        SourceAge("netbox", NOW - timedelta(hours=3)),
    )
    return Case("INC-0412", incident, answer, NOW, _plan(), sources)


@pytest.fixture
def with_answer(storage_case: Case) -> Callable[..., Case]:
    def changed(**fields: Any) -> Case:
        return replace(storage_case, answer=replace(storage_case.answer, **fields))

    return changed
