"""Guests that ask and are sent nothing, told from made-up samples, one a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest

from ingest.libvirt.counters import GuestSample, Sample
from ingest.libvirt.stillness import History, step
from ingest.libvirt.unanswered import Plug, cut_off, loudness, plugs
from tests.ingest.libvirt.fakes import NOW, URI

SECOND = timedelta(seconds=1)
STOP, END = 200, 215
Counter = Callable[[int], int]  # second -> packets


def busy(second: int) -> int:
    return 10 * second


def idle(_: int) -> int:
    return 7


def until(stop: int) -> Counter:
    return lambda second: busy(min(second, stop))


def slowly(stop: int, every: int) -> Counter:
    return lambda second: min(second, stop) // every


def looked(guests: Mapping[str, tuple[Counter, Counter]], end: int = END) -> list[Plug]:
    """Play samples of guests, each with what it has sent and received; return the last look."""
    history: History = {}
    for second in range(end + 1):
        told = tuple(
            GuestSample(
                uuid, uuid, running=True, cpu_ns=second,
                sent={f"tap-{uuid}": sent(second)}, received={f"tap-{uuid}": received(second)},
                macs={f"tap-{uuid}": f"mac-{uuid}"},
            )
            for uuid, (sent, received) in guests.items()
        )  # fmt: skip
        sample = Sample(URI, NOW + second * SECOND, told)
        history, _ = step(history, sample, lasts=10 * SECOND)
    return plugs(history, sample)


def blamed(guests: Mapping[str, tuple[Counter, Counter]]) -> set[str]:
    return {plug.uuid for plug in cut_off(looked(guests))}


ASKS = (busy, until(STOP))  # it goes on sending, and receives nothing any more


def test_guests_that_ask_and_stopped_receiving_at_one_moment_are_cut_off() -> None:
    assert blamed({"a": ASKS, "b": ASKS, "c": ASKS}) == {"a", "b", "c"}


def test_more_guests_that_are_cut_off_are_louder() -> None:
    two = cut_off(looked({"a": ASKS, "b": ASKS}))
    three = cut_off(looked({"a": ASKS, "b": ASKS, "c": ASKS}))
    assert 20 < loudness(two) < loudness(three)


def test_an_idle_neighbour_changes_nothing() -> None:
    assert blamed({"a": ASKS, "b": ASKS, "idle": (idle, idle)}) == {"a", "b"}


@pytest.mark.parametrize(
    ("why", "guests"),
    [
        ("one guest may have been unplugged", {"a": ASKS}),
        ("they have nothing to ask", dict.fromkeys("abc", (until(STOP), until(STOP)))),
        ("the switch forwards to another", {"a": ASKS, "b": ASKS, "c": (busy, busy)}),
        ("one sends a packet now and then", {"a": ASKS, "b": ASKS, "c": (idle, slowly(999, 7))}),
        ("they stopped one after another", {"a": ASKS, "b": (busy, until(STOP - 30))}),
        ("they never had a habit", dict.fromkeys("abc", (busy, slowly(STOP, 40)))),
        ("they always were idle", dict.fromkeys("abc", (idle, idle))),
    ],
)
def test_nobody_is_blamed(why: str, guests: Mapping[str, tuple[Counter, Counter]]) -> None:
    assert blamed(guests) == set(), why


def test_nothing_is_said_before_a_pause_is_unusual() -> None:
    guests = {"a": ASKS, "b": ASKS}
    assert cut_off(looked(guests, STOP + 9)) == ()
    assert len(cut_off(looked(guests, STOP + 11))) == 2


def test_a_guest_that_is_paused_stands_still_by_right() -> None:
    history: History = {}
    for second in range(END):
        running = second < STOP
        told = tuple(
            GuestSample(
                uuid, uuid, running=running, sent={"tap": busy(second)},
                received={"tap": busy(min(second, STOP))}, macs={"tap": uuid},
            )
            for uuid in "ab"
        )  # fmt: skip
        sample = Sample(URI, NOW + second * SECOND, told)
        history, _ = step(history, sample, lasts=10 * SECOND)
    assert plugs(history, sample) == []
