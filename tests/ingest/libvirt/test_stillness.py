"""Who stands still, told from made-up samples: one a second unless a test says otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.libvirt import verdicts
from ingest.libvirt.counters import GuestSample, Sample
from ingest.libvirt.place import guest_key
from ingest.libvirt.stillness import History, Limits, step
from kgraph.schema import Direction, Observation, State
from tests.ingest.libvirt.fakes import NOW, URI, VM_UUID

LASTS = timedelta(seconds=10)
SECOND = timedelta(seconds=1)
MINUTES = 200  # seconds: long enough to have learned what is usual
Counter = Callable[[int], int]  # second -> value


def moving(second: int) -> int:
    return 10 * second


def stopped_at(second: int) -> Counter:
    return lambda now: moving(min(now, second))


def guest(second: int, cpu: Counter = moving, disk: Counter = moving) -> GuestSample:
    return GuestSample(
        VM_UUID,
        "web1",
        running=True,
        answers=True,
        cpu_ns=1_000_000 * cpu(second),
        disks={"vda": disk(second)},
        sent={"vnet0": moving(second)},
        received={"vnet0": moving(second)},
    )


def played(
    guests: Iterable[tuple[int, GuestSample | None]], limits: Limits | None = None
) -> dict[int, dict[str, Observation]]:
    """Play samples; return second -> signal -> what was said."""
    history: History = {}
    said = {}
    for second, seen in guests:
        sample = Sample(URI, NOW + second * SECOND, () if seen is None else (seen,))
        history, rows = step(history, sample, lasts=LASTS, limits=limits)
        said[second] = {row.signal: row for row in rows}
    return said


def standing(rows: Mapping[str, Observation], signal: str) -> State | None:
    row = rows.get(signal)
    return None if row is None or row.expires_at == row.at else row.state


def test_a_guest_that_moves_on_is_well_from_the_second_sample_on() -> None:
    said = played((s, guest(s)) for s in range(3))
    assert [standing(said[s], "hung") for s in range(3)] == [None, State.HEALTHY, State.HEALTHY]
    row = said[2]["hung"]
    assert row.entity == guest_key(VM_UUID)
    assert row.detector == f"libvirt-stats/{URI}"
    assert row.at == NOW + 2 * SECOND
    assert row.expires_at == row.at + LASTS


def silent(second: int, since: int) -> GuestSample:
    return GuestSample(
        VM_UUID, "web1", running=True, answers=False, silent_seconds=second - since, cpu_ns=1
    )


def test_a_monitor_that_owes_an_answer_twice_is_a_hung_guest_that_grows_louder() -> None:
    said = played(
        [(1, guest(1)), (2, guest(2)), *((s, silent(s, 2)) for s in (3, 4, 10)), (11, guest(11))]
    )
    assert standing(said[3], "hung") is None, "once may be a slow moment"
    assert standing(said[4], "hung") is State.ABNORMAL
    assert said[4]["hung"].detail == "its monitor owes an answer for 2 s"
    assert (said[4]["hung"].score or 0) < (said[10]["hung"].score or 0)
    assert standing(said[11], "hung") is State.HEALTHY


def test_what_is_wrong_stands_where_the_stopped_qemu_holds_up_its_libvirtd_next() -> None:
    said = played([(1, guest(1)), *((s, silent(s, 1)) for s in (2, 3))])
    assert said[3]["hung"].expires_at == NOW + 3 * SECOND + verdicts.LASTS


@pytest.mark.parametrize("then", [None, replace(guest(4), running=False)])
def test_it_is_taken_back_once_where_the_guest_is_gone_or_runs_no_longer(
    then: GuestSample | None,
) -> None:
    said = played([(1, guest(1)), *((s, silent(s, 1)) for s in (2, 3)), (4, then), (5, then)])
    assert said[3]["hung"].abnormal
    assert set(said[4]) == {"hung", "network"}
    assert all(standing(said[4], signal) is None for signal in said[4])
    assert said[5] == {}


def test_a_guest_that_was_not_asked_is_unknown() -> None:
    unasked = GuestSample(VM_UUID, "web1", running=True, cpu_ns=5)
    said = played([(1, guest(1)), (2, unasked)])
    assert standing(said[2], "hung") is None


def test_a_disk_that_has_always_moved_and_stops_is_told_with_its_name() -> None:
    said = played((s, guest(s, disk=stopped_at(MINUTES))) for s in range(MINUTES + 40))
    told = {s: rows["hung"] for s, rows in said.items() if rows["hung"].abnormal}
    assert min(told) == MINUTES + 10
    assert told[MINUTES + 20].detail == (
        "no request of disk vda was done for 20 s, never before for more than 1.0 s"
    )
    assert (told[MINUTES + 10].score, told[MINUTES + 20].score) == (10, 20)
    assert told[MINUTES + 39].score == 30, "never more than a hint"


def test_a_running_processor_is_no_alibi_for_a_disk_that_stands_still() -> None:
    said = played((s, guest(s, disk=stopped_at(MINUTES))) for s in range(MINUTES + 10))
    assert standing(said[MINUTES + 3], "hung") is State.HEALTHY
    assert {standing(said[s], "hung") for s in range(MINUTES + 4, MINUTES + 10)} == {None}


def test_cpu_time_that_stands_still_is_told() -> None:
    said = played((s, guest(s, cpu=stopped_at(MINUTES))) for s in range(MINUTES + 12))
    assert said[MINUTES + 11]["hung"].detail.startswith("its CPU time stands still for 11 s")


@pytest.mark.parametrize("way", ["sent", "received"])
def test_packets_that_stop_are_a_network_that_went_down(way: str) -> None:
    def seen(second: int) -> GuestSample:
        whole = guest(second)
        still = {"vnet0": stopped_at(MINUTES)(second)}
        return GuestSample(**{f: getattr(whole, f) for f in whole.__slots__} | {way: still})

    said = played((s, seen(s)) for s in range(MINUTES + 12))
    row = said[MINUTES + 11]["network"]
    assert (row.state, row.direction) == (State.ABNORMAL, Direction.DOWN)
    assert row.detail.startswith(f"nothing was {way} on vnet0 for 11 s")
    assert standing(said[MINUTES + 11], "hung") is State.HEALTHY


def test_too_little_history_accuses_nobody() -> None:
    said = played((s, guest(s, disk=stopped_at(60))) for s in range(MINUTES))
    assert not any(rows["hung"].abnormal for rows in said.values())


def test_a_pause_that_ended_is_learned_and_not_accused_again() -> None:
    def disk(second: int) -> int:
        resting = [(200, 230), (400, 440)]
        return moving(second - sum(max(0, min(second, b) - a) for a, b in resting))

    said = played((s, guest(s, disk=disk)) for s in range(500))
    accused = {s for s, rows in said.items() if rows["hung"].abnormal}
    assert accused
    assert all(200 < s <= 230 for s in accused), "the second pause is little longer"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=5, max_size=30), st.integers(0, 200))
def test_nobody_is_accused_of_a_pause_that_is_usual(pauses: list[int], rest: int) -> None:
    """Law: an abnormal row means a pause of more than `factor` times every one before it."""
    moves = [sum(pauses[: n + 1]) for n in range(len(pauses))]
    limits = Limits(moves=3, history=SECOND, pause=SECOND)
    end = moves[-1] + rest

    def disk(second: int) -> int:
        return sum(at <= second for at in moves)

    said = played(((s, guest(s, disk=disk)) for s in range(end)), limits)
    for second, rows in said.items():
        if rows["hung"].abnormal:
            past = [at for at in (0, *moves) if at <= second]
            longest = max(b - a for a, b in pairwise(past))
            assert second - past[-1] > limits.factor * longest


@settings(max_examples=30, deadline=None)
@given(st.sets(st.integers(0, 600), max_size=15))
def test_an_idle_guest_is_never_accused(busy: set[int]) -> None:
    """One that moved fewer times than make a habit, whenever that was."""

    def rarely(second: int) -> int:
        return sum(at <= second for at in busy)

    said = played((s, guest(s, cpu=rarely, disk=rarely)) for s in range(0, 900, 10))
    assert not any(rows["hung"].abnormal for rows in said.values())


def test_a_guest_that_was_started_anew_begins_anew() -> None:
    def disk(second: int) -> int:
        return moving(second) if second < MINUTES else 3  # its counter fell to little more than 0

    said = played((s, guest(s, disk=disk)) for s in range(MINUTES + 60))
    assert not any(rows["hung"].abnormal for rows in said.values())


def test_a_paused_guest_stands_still_by_right_and_what_was_said_of_it_is_withdrawn() -> None:
    paused = GuestSample(VM_UUID, "web1", running=False)
    said = played(
        [
            *((s, silent(s, 0)) for s in (1, 2, 3)),
            (4, paused),
            (5, paused),
            (6, silent(6, 5)),
        ]
    )
    assert standing(said[3], "hung") is State.ABNORMAL
    assert set(said[4]) == {"hung", "network"}
    assert standing(said[4], "hung") is None
    assert said[5] == {}, "nothing new"
    assert standing(said[6], "hung") is None, "its silence begins anew"


def test_a_disk_that_was_taken_out_is_not_missed() -> None:
    def seen(second: int) -> GuestSample:
        whole = guest(second)
        disks = {"vda": moving(second)} | ({"vdb": moving(second)} if second < MINUTES else {})
        return GuestSample(**{f: getattr(whole, f) for f in whole.__slots__} | {"disks": disks})

    said = played((s, seen(s)) for s in range(MINUTES + 60))
    assert not any(rows["hung"].abnormal for rows in said.values())


def test_a_hole_between_samples_is_a_long_pause_only_if_nothing_moved_in_it() -> None:
    seconds = [*range(MINUTES), *range(MINUTES + 60, MINUTES + 80)]
    said = played((s, guest(s)) for s in seconds)
    assert not any(rows["hung"].abnormal for rows in said.values())


def test_a_guest_that_is_gone_is_forgotten() -> None:
    history: History = {}
    for second in range(3):
        at: datetime = NOW + second * SECOND
        seen = (guest(second),) if second < 2 else ()
        history, _ = step(history, Sample(URI, at, seen), lasts=LASTS)
    assert history == {}
