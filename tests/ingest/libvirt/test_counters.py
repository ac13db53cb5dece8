"""Reading the counters of a host some of whose guests are stuck, as libvirt 9.0 behaves then."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from ingest.libvirt.binding import Connection, ConnectionLostError, Driver, load_binding
from ingest.libvirt.counters import Counters, GuestSample
from ingest.libvirt.states import DomainStats, StatsFlag
from tests.ingest.libvirt.fakes import NOW, URI, FakeError

NO_SUPPORT, BROKEN = 3, 38


@dataclass
class Guest:
    """`stuck`: its monitor answers nobody; the first to ask waits and holds its job."""

    called: str
    stuck: bool = False
    asked_at: float | None = None
    goes_on: threading.Event = field(default_factory=threading.Event)
    described: int = 0

    def name(self) -> str:
        return self.called

    def UUIDString(self) -> str:
        return f"uuid-{self.called}"

    def info(self) -> Sequence[int]:
        return (1, 1, 1, 1, 7_000_000_000)

    def XMLDesc(self) -> str:
        self.described += 1
        mac, target = "<mac address='52:54:00:00:00:01'/>", "<target dev='vnet0'/>"
        return f"<domain><devices><interface>{mac}{target}</interface></devices></domain>"

    def controlInfo(self) -> Sequence[int]:
        if self.asked_at is None:
            return (0, 0, 0)
        return (2, 0, int(1000 * (time.monotonic() - self.asked_at)))

    def answers(self) -> bool:
        """Ask its monitor with NOWAIT: whether its counters came."""
        if not self.stuck:
            return True
        if self.asked_at is None:
            self.asked_at = time.monotonic()
            self.goes_on.wait(30)
            self.asked_at, self.stuck = None, False
            return True
        return False

    def stats(self, group: int) -> dict[str, int | str]:
        if group != DomainStats.BLOCK:
            net = {"net.count": 1, "net.0.name": "vnet0", "net.0.tx.pkts": 5, "net.0.rx.pkts": 6}
            return {"state.state": 1, **net}
        found: dict[str, int | str] = {"block.count": 1, "block.0.name": "vda"}
        if self.answers():
            found |= {"block.0.rd.reqs": 1, "block.0.wr.reqs": 2, "block.0.fl.reqs": 3}
        return found


class Host:
    """A libvirtd: makes connections, and fails or stalls as it is told."""

    def __init__(self, *guests: Guest) -> None:
        self.guests = list(guests)
        self.opened, self.closed = 0, 0
        self.fails: FakeError | None = None
        self.broken_once = False
        self.moves = threading.Event()
        self.moves.set()
        self.driver = Driver(self._open, FakeError)

    def _open(self, _uri: str) -> Connection:
        if self.fails:
            raise self.fails
        self.opened += 1
        return _Connection(self)  # type: ignore[return-value]  # only counters are read


class _Connection:
    def __init__(self, host: Host) -> None:
        self._host, self._alone = host, threading.Lock()

    def getAllDomainStats(
        self, stats: int, flags: int
    ) -> Sequence[tuple[Guest, Mapping[str, int | str]]]:
        assert flags == StatsFlag.ACTIVE | StatsFlag.NOWAIT
        assert self._alone.acquire(blocking=False), "beside a call that hangs others may freeze"
        try:
            self._host.moves.wait(30)
            if self._host.broken_once:
                self._host.broken_once = False
                raise FakeError(BROKEN, "client socket is closed")
            if self._host.fails:
                raise self._host.fails
            return [(guest, guest.stats(stats)) for guest in self._host.guests]
        finally:
            self._alone.release()

    def lookupByUUIDString(self, uuid: str) -> Guest:
        assert not self._alone.locked(), "beside a call that hangs others may freeze"
        return next(g for g in self._host.guests if g.UUIDString() == uuid)

    def close(self) -> int:
        self._host.closed += 1
        return 0


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(30)
        assert not thread.is_alive(), thread.name


def counters_of(host: Host) -> Counters:
    return Counters(URI, host.driver)


def sampled(counters: Counters) -> dict[str, GuestSample]:
    return {guest.name: guest for guest in counters.sample(NOW).guests}


def test_all_counters_of_guests_that_answer_are_read() -> None:
    counters = counters_of(Host(Guest("a"), Guest("b")))
    found = sampled(counters)
    counters.close()
    assert found["a"] == GuestSample(
        "uuid-a",
        "a",
        running=True,
        answers=True,
        cpu_ns=7_000_000_000,
        disks={"vda": 6},
        sent={"vnet0": 5},
        received={"vnet0": 6},
        macs={"vnet0": "52:54:00:00:00:01"},
    )
    assert found["b"].answers


def test_where_interfaces_lead_is_read_once_of_a_few_guests_in_each_sample() -> None:
    guests = [Guest(f"g{n}") for n in range(20)]
    counters = counters_of(Host(*guests))
    known = [sum(bool(guest.macs) for guest in sampled(counters).values()) for _ in range(3)]
    counters.close()
    assert known == [16, 20, 20]
    assert [guest.described for guest in guests] == [1] * 20


def test_a_stuck_guest_is_told_apart_and_the_others_are_read_in_time() -> None:
    guests = Guest("a"), Guest("stuck", stuck=True), Guest("z")
    counters = counters_of(Host(*guests))
    started = time.monotonic()
    found = sampled(counters)
    assert time.monotonic() - started < 15
    assert [found[name].answers for name in ("a", "stuck", "z")] == [True, False, True]
    assert found["stuck"].silent_seconds >= 0.5
    assert found["stuck"].disks == {}
    assert found["stuck"].sent == {"vnet0": 5}, "what no monitor is asked for comes all the same"
    counters.close()
    guests[1].goes_on.set()


def test_one_call_hangs_per_stuck_guest_and_the_next_samples_are_quick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stuck = [Guest(f"s{n}", stuck=True) for n in range(2)]
    counters = counters_of(Host(*stuck, Guest("a")))
    for _ in range(3):
        found = sampled(counters)
        assert counters.hanging == 2
    monkeypatch.setattr(sys.modules[Counters.__module__], "_ASK_SECONDS", 1.7)

    def quick() -> bool:
        started = time.monotonic()
        sampled(counters)
        return time.monotonic() - started < 1.5

    # On a busy machine one of them may be held up; if those who hang were waited for, all were.
    assert any(quick() for _ in range(5)), "who hangs already is not waited for"
    assert found["a"].answers
    for guest in stuck:
        guest.goes_on.set()
    deadline = time.monotonic() + 30
    while counters.hanging and time.monotonic() < deadline:
        time.sleep(0.01)
    assert all(guest.answers for guest in sampled(counters).values())
    counters.close()


def test_no_more_calls_hang_than_the_daemon_can_spare() -> None:
    stuck = [Guest(f"s{n}", stuck=True) for n in range(9)]
    host = Host(*stuck, Guest("a"))
    counters = counters_of(host)
    for _ in range(4):
        found = sampled(counters)
    assert counters.hanging == 5
    assert host.opened <= 7
    assert found["a"].answers is None, "nobody knows"
    assert found["a"].cpu_ns
    counters.close()
    for guest in stuck:
        guest.goes_on.set()


def test_a_monitor_that_is_busy_for_a_moment_is_not_silent() -> None:
    busy = Guest("a", stuck=True, asked_at=time.monotonic())
    counters = counters_of(Host(busy))
    assert sampled(counters)["a"].answers is None
    counters.close()


def test_a_connection_that_went_stale_is_made_again_within_the_sample() -> None:
    host = Host(Guest("a"))
    counters = counters_of(host)
    sampled(counters)
    host.broken_once = True
    assert sampled(counters)["a"].answers
    counters.close()


def test_a_host_that_is_gone_is_one_line_and_is_read_again_when_it_is_back() -> None:
    host = Host(Guest("a"))
    counters = counters_of(host)
    sampled(counters)
    host.fails = FakeError(BROKEN, "Connection\nrefused")
    for _ in range(3):
        with pytest.raises(ConnectionLostError, match="cannot read the counters: Connection ref"):
            sampled(counters)
    host.fails = None
    assert sampled(counters)["a"].answers
    counters.close()


def test_a_daemon_that_hangs_is_given_up_on_in_time_and_asked_once() -> None:
    host = Host(Guest("a"))
    host.moves.clear()
    counters = Counters(URI, host.driver, deadline=timedelta(seconds=0.2))
    for _ in range(3):
        with pytest.raises(ConnectionLostError, match=r"no answer within 0\.2 s"):
            sampled(counters)
    assert host.opened == 1
    host.moves.set()
    deadline = time.monotonic() + 30
    while host.closed < 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sampled(counters)["a"].cpu_ns
    counters.close()


def test_closing_hangs_up_every_connection() -> None:
    host = Host(Guest("a"))
    counters = counters_of(host)
    sampled(counters)
    counters.close()
    assert host.opened == host.closed == 2


def test_a_driver_without_counters_has_no_guests_to_tell_of() -> None:
    host = Host(Guest("a"))
    counters = counters_of(host)
    sampled(counters)
    host.guests[0].stats = lambda _group: (_ for _ in ()).throw(  # type: ignore[method-assign]
        FakeError(NO_SUPPORT, "this function is not supported")
    )
    assert sampled(counters) == {}
    counters.close()


@pytest.mark.libvirt
def test_libvirts_own_test_driver_is_sampled() -> None:
    counters = Counters("test:///default", load_binding())
    (guest,) = counters.sample(NOW).guests
    counters.close()
    assert (guest.name, guest.running, guest.answers) == ("test", True, None)
    assert guest.cpu_ns > 0
