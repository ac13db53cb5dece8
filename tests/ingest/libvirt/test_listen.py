"""Listening: to libvirt's own test driver, and to a library that fails on demand."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from queue import Empty, Queue
from types import SimpleNamespace
from typing import Any

import pytest

from ingest.libvirt.listen import Event, EventKind, Listener, observations_of
from kgraph.schema import State
from tests.ingest.libvirt.fakes import NOW, URI, FakeError, standing

MOCK = "test:///default"


class Heard:
    """What a listener told, to be waited for."""

    def __init__(self) -> None:
        self._queue: Queue[Event] = Queue()
        self.thread = ""

    def __call__(self, event: Event) -> None:
        self.thread = threading.current_thread().name
        self._queue.put(event)

    def next(self, kind: EventKind, seconds: float = 30) -> Event:
        """Return the next event of this kind; others before it are passed over."""
        end = time.monotonic() + seconds
        while True:
            try:
                event = self._queue.get(timeout=max(0, end - time.monotonic()))
            except Empty:
                pytest.fail(f"nothing told of {kind} within {seconds} s")
            if event.kind is kind:
                return event

    def nothing(self, seconds: float = 0.3) -> bool:
        time.sleep(seconds)
        return self._queue.empty()


def _no_threads_left(before: set[threading.Thread]) -> None:
    end = time.monotonic() + 30
    while set(threading.enumerate()) - before and time.monotonic() < end:
        time.sleep(0.02)
    assert set(threading.enumerate()) - before == set()


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    _no_threads_left(before)


@pytest.fixture
def listening() -> Iterator[Callable[..., Heard]]:
    started: list[Listener] = []

    def start(uri: str, **options: Any) -> Heard:
        heard = Heard()
        listener = Listener(uri, heard, **options)
        started.append(listener)
        listener.start()
        return heard

    yield start
    for listener in started:
        listener.stop()


@pytest.fixture
def mock() -> Iterator[Any]:
    """A connection that may change things, and what it changes put back."""
    libvirt = pytest.importorskip("libvirt")
    connection = libvirt.open(MOCK)
    yield connection
    domain = connection.lookupByName("test")
    if not domain.isActive():
        domain.create()
    network = connection.networkLookupByName("default")
    if not network.isActive():
        network.create()
    pool = connection.storagePoolLookupByName("default-pool")
    if not pool.isActive():
        pool.create()
    connection.close()


@pytest.mark.libvirt
def test_what_happens_to_a_guest_is_told_as_it_happens(
    listening: Callable[..., Heard], mock: Any
) -> None:
    heard = listening(MOCK, clock=lambda: NOW)
    assert heard.next(EventKind.BACK).at == NOW
    domain = mock.lookupByName("test")
    domain.destroy()
    told = heard.next(EventKind.DOMAIN)
    assert (told.uri, told.uuid, told.name, told.at) == (MOCK, domain.UUIDString(), "test", NOW)
    domain.create()
    rows = observations_of(heard.next(EventKind.DOMAIN))
    assert standing(rows, rows[0].entity) == {"down": State.HEALTHY, "paused": State.HEALTHY}


@pytest.mark.libvirt
def test_networks_and_pools_are_told_of_too(listening: Callable[..., Heard], mock: Any) -> None:
    heard = listening(MOCK)
    heard.next(EventKind.BACK)
    mock.networkLookupByName("default").destroy()
    assert heard.next(EventKind.NETWORK).name == "default"
    mock.storagePoolLookupByName("default-pool").destroy()
    assert heard.next(EventKind.POOL).name == "default-pool"


@pytest.mark.libvirt
def test_two_listeners_share_one_event_loop_and_each_may_stop_first(mock: Any) -> None:
    first, second = Heard(), Heard()
    one, two = Listener(MOCK, first), Listener(MOCK, second)
    one.start()
    two.start()
    first.next(EventKind.BACK)
    second.next(EventKind.BACK)
    assert [t.name for t in threading.enumerate()].count("libvirt events") == 1
    one.stop()
    mock.lookupByName("test").destroy()
    second.next(EventKind.DOMAIN)
    assert first.nothing()
    two.stop()


@pytest.mark.libvirt
def test_a_caller_who_takes_its_time_holds_up_nobody_else(
    listening: Callable[..., Heard], mock: Any
) -> None:
    release = threading.Event()
    slow = Listener(MOCK, lambda _event: bool(release.wait(60)) or None)
    slow.start()
    heard = listening(MOCK)
    heard.next(EventKind.BACK)
    mock.lookupByName("test").destroy()
    heard.next(EventKind.DOMAIN)
    release.set()
    slow.stop()


@pytest.mark.libvirt
def test_a_refused_connection_is_told_once_and_tried_again(
    listening: Callable[..., Heard],
) -> None:
    heard = listening("qemu+tcp://127.0.0.1:1/system", jitter=lambda: 0)
    assert heard.next(EventKind.LOST).detail.startswith("cannot connect: ")
    assert heard.nothing(1)


class Library(SimpleNamespace):
    """A libvirt that connects, fails, hangs and hangs up as it is told; it has no guests."""

    libvirtError = FakeError  # noqa: N815 - libvirt's own name
    VIR_ERR_NO_SUPPORT = 3
    VIR_DOMAIN_EVENT_ID_LIFECYCLE = VIR_DOMAIN_EVENT_ID_REBOOT = 0
    VIR_DOMAIN_EVENT_ID_WATCHDOG = VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON = 0
    VIR_NETWORK_EVENT_ID_LIFECYCLE = VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE = 0

    def __init__(self) -> None:
        super().__init__()
        self.opened = 0
        self.closed = 0
        self.refuses = False
        self.lacks: set[str] = set()
        self.asked = threading.Event()
        self.may_open = threading.Event()
        self.may_open.set()
        self.hang_up: Callable[[int], None] = lambda _why: None
        self._wake = threading.Event()

    def virEventAddTimeout(self, *_: object) -> int:
        self._wake.set()
        return 1

    def virEventRemoveTimeout(self, _timer: int) -> None:
        self._wake.clear()

    def virEventRunDefaultImpl(self) -> None:
        self._wake.wait(0.05)

    def openReadOnly(self, _uri: str) -> Connection:
        self.asked.set()
        self.may_open.wait(30)
        if self.refuses:
            raise FakeError(38, "Connection refused")
        self.opened += 1
        return Connection(self)


class Connection:
    def __init__(self, library: Library) -> None:
        self._library, self._callbacks = library, 0

    def getCapabilities(self) -> str:
        return "<capabilities/>"

    def setKeepAlive(self, *_: int) -> int:
        return 0

    def registerCloseCallback(self, callback: Callable[..., None], opaque: object) -> int:
        self._library.hang_up = lambda why: callback(self, why, opaque)
        return self._registered("registerCloseCallback")

    def unregisterCloseCallback(self) -> int:
        return self._taken_back()

    def domainEventRegisterAny(self, *_: object) -> int:
        return self._registered("domainEventRegisterAny")

    def networkEventRegisterAny(self, *_: object) -> int:
        return self._registered("networkEventRegisterAny")

    def storagePoolEventRegisterAny(self, *_: object) -> int:
        return self._registered("storagePoolEventRegisterAny")

    def domainEventDeregisterAny(self, _number: int) -> int:
        return self._taken_back()

    def networkEventDeregisterAny(self, _number: int) -> int:
        return self._taken_back()

    def storagePoolEventDeregisterAny(self, _number: int) -> int:
        return self._taken_back()

    def close(self) -> int:
        assert self._callbacks == 0, "libvirt keeps a connection that has callbacks"
        self._library.closed += 1
        return 0

    def _registered(self, what: str) -> int:
        if what in self._library.lacks:
            raise FakeError(3, "this function is not supported")
        self._callbacks += 1
        return self._callbacks

    def _taken_back(self) -> int:
        self._callbacks -= 1
        raise FakeError(38, "client socket is closed")


def test_a_lost_connection_is_told_with_its_reason_and_made_again() -> None:
    library, heard = Library(), Heard()
    listener = Listener(URI, heard, library=library, jitter=lambda: 0)
    listener.start()
    heard.next(EventKind.BACK)
    library.hang_up(2)
    assert heard.next(EventKind.LOST).detail == "the far end is silent"
    heard.next(EventKind.BACK)
    listener.stop()
    assert (library.opened, library.closed) == (2, 2)


def test_a_late_word_of_an_old_connection_does_not_end_the_new_one() -> None:
    library, heard = Library(), Heard()
    listener = Listener(URI, heard, library=library, jitter=lambda: 0)
    listener.start()
    heard.next(EventKind.BACK)
    old = library.hang_up
    old(1)
    heard.next(EventKind.LOST)
    heard.next(EventKind.BACK)
    old(1)
    assert heard.nothing()
    listener.stop()


def test_attempts_grow_rarer_and_many_listeners_spread_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paused: list[float] = []

    class Recorded(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            paused.append(timeout or 0)
            return super().wait(0.001)

    library, heard = Library(), Heard()
    library.refuses = True
    listener = Listener(URI, heard, library=library, jitter=lambda: 0.5)
    monkeypatch.setattr(listener, "_stopping", Recorded())
    listener.start()
    end = time.monotonic() + 30
    while len(paused) < 12 and time.monotonic() < end:
        time.sleep(0.01)
    listener.stop()
    assert paused[:8] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15.0]
    assert heard.next(EventKind.LOST)
    assert heard.nothing(0), "refused again and again is no news"


def test_a_daemon_that_takes_the_call_and_says_nothing_is_told_and_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.modules[Listener.__module__], "_PATIENCE_SECONDS", 0.1)
    library, heard = Library(), Heard()
    library.may_open.clear()
    listener = Listener(URI, heard, library=library)
    listener.start()
    assert heard.next(EventKind.LOST).detail == "no answer within 0.1 s"
    assert heard.nothing()
    library.may_open.set()
    heard.next(EventKind.BACK)
    listener.stop()
    assert library.opened == 1


def test_stopping_does_not_wait_for_a_call_that_hangs_and_closes_what_comes_of_it() -> None:
    library = Library()
    library.may_open.clear()
    listener = Listener(URI, Heard(), library=library)
    listener.start()
    assert library.asked.wait(30)
    started = time.monotonic()
    listener.stop()
    assert time.monotonic() - started < 15
    library.may_open.set()
    _settled(lambda: library.opened == library.closed == 1)


def test_a_driver_that_cannot_tell_of_everything_is_listened_to_for_the_rest() -> None:
    library, heard = Library(), Heard()
    library.lacks = {"networkEventRegisterAny", "registerCloseCallback"}
    listener = Listener(URI, heard, library=library)
    listener.start()
    heard.next(EventKind.BACK)
    listener.stop()
    assert library.closed == 1


def _settled(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
