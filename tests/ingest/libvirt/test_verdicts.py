from __future__ import annotations

import pytest

from ingest.libvirt.states import (
    CrashedReason,
    DomainState,
    PausedReason,
    PoolState,
    ShutoffReason,
)
from ingest.libvirt.verdicts import Look, guest_verdict, observe_guest, observe_pool
from kgraph.schema import State
from tests.ingest.libvirt.fakes import NOW, URI, standing

A, H = State.ABNORMAL, State.HEALTHY
LOOK = Look(URI, NOW)
NO_BLIND: frozenset[str] = frozenset()
OPERATORS = [
    (DomainState.PAUSED, PausedReason.USER),
    (DomainState.PAUSED, PausedReason.MIGRATION),
    (DomainState.PAUSED, PausedReason.SNAPSHOT),
    (DomainState.PAUSED, 99),
    (DomainState.SHUTDOWN, 1),
    (DomainState.SHUTOFF, ShutoffReason.UNKNOWN),
    (DomainState.SHUTOFF, ShutoffReason.SHUTDOWN),
    (DomainState.SHUTOFF, ShutoffReason.DESTROYED),
    (DomainState.SHUTOFF, ShutoffReason.MIGRATED),
    (DomainState.SHUTOFF, ShutoffReason.SAVED),
    (DomainState.PMSUSPENDED, 0),
    (DomainState.NOSTATE, 0),
    (99, 99),
]
FAULTS = [
    (DomainState.PAUSED, PausedReason.IOERROR, {"paused", "ioError"}),
    (DomainState.PAUSED, PausedReason.WATCHDOG, {"hung"}),
    (DomainState.PAUSED, PausedReason.CRASHED, {"panic"}),
    (DomainState.PAUSED, PausedReason.POSTCOPY_FAILED, {"down"}),
    (DomainState.SHUTOFF, ShutoffReason.FAILED, {"down"}),
    (DomainState.SHUTOFF, ShutoffReason.CRASHED, {"down"}),
    (DomainState.SHUTOFF, ShutoffReason.DAEMON, {"down"}),
    (DomainState.CRASHED, CrashedReason.PANICKED, {"panic"}),
    (DomainState.CRASHED, CrashedReason.UNKNOWN, {"down"}),
]


def seen(state: int, reason: int, blind: frozenset[str] = NO_BLIND) -> dict[str, State]:
    return standing(
        list(observe_guest("vm:a", guest_verdict(state, reason), LOOK, blind=blind)), "vm:a"
    )


@pytest.mark.parametrize(("state", "reason"), OPERATORS)
def test_what_an_operator_does_to_a_guest_is_neither_fault_nor_health(
    state: int, reason: int
) -> None:
    assert seen(state, reason) == {}


@pytest.mark.parametrize(("state", "reason", "signals"), FAULTS)
def test_a_fault_is_named_and_nothing_else_is_called_healthy(
    state: int, reason: int, signals: set[str]
) -> None:
    assert seen(state, reason) == dict.fromkeys(signals, A)


def test_a_running_guest_is_healthy_in_all_that_libvirt_can_see() -> None:
    assert seen(DomainState.RUNNING, 1) == {"down": H, "paused": H, "ioError": H, "panic": H}


def test_a_running_guest_proves_nothing_where_a_fault_would_go_unnoticed() -> None:
    assert seen(DomainState.RUNNING, 1, frozenset({"ioError", "panic"})) == {
        "down": H,
        "paused": H,
    }


def test_every_look_replaces_each_earlier_verdict_on_the_guest() -> None:
    for state, reason in OPERATORS:
        verdict = guest_verdict(state, reason)
        signals = [o.signal for o in observe_guest("vm:a", verdict, LOOK, blind=NO_BLIND)]
        assert signals == ["down", "paused", "ioError", "panic", "hung"]


def test_an_io_error_says_which_disk_and_why() -> None:
    verdict = guest_verdict(DomainState.PAUSED, PausedReason.IOERROR)
    found = observe_guest("vm:a", verdict, LOOK, blind=NO_BLIND, disk_errors=(("vdb", 2),))
    assert {o.signal: o.detail for o in found}["ioError"] == "vdb: no space left"


@pytest.mark.parametrize(
    ("state", "autostart", "available", "expected"),
    [
        (PoolState.RUNNING, True, 0.5, {"offline": H, "full": H}),
        (PoolState.RUNNING, True, 0.01, {"offline": H, "full": A}),
        (PoolState.RUNNING, True, None, {"offline": H}),
        (PoolState.DEGRADED, True, 0.5, {"offline": H, "full": H, "degraded": A}),
        (PoolState.INACTIVE, True, None, {"offline": A}),
        (PoolState.INACTIVE, False, None, {}),
        (PoolState.INACCESSIBLE, False, None, {"offline": A}),
        (PoolState.BUILDING, True, None, {}),
    ],
)
def test_a_pool_is_missed_only_where_it_was_meant_to_be(
    *,
    state: PoolState,
    autostart: bool,
    available: float | None,
    expected: dict[str, State],
) -> None:
    found = list(observe_pool("pool:a", state, LOOK, autostart=autostart, available=available))
    assert standing(found, "pool:a") == expected
