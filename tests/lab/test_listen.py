"""What real hosts tell as it happens: a killed QEMU, a killed export, a killed daemon."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from ingest.libvirt.listen import Event, EventKind, Listener, observations_of
from ingest.libvirt.place import guest_key, host_key
from kgraph.schema import Observation, State
from tests.lab.lab.laboratory import Lab
from tests.lab.lab.processes import wait_for

pytestmark = pytest.mark.lab


class Heard:
    """Everything that all hosts have told since the last `forget`."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def forget(self) -> None:
        self.events.clear()

    def rows(self) -> list[Observation]:
        return [row for event in list(self.events) for row in observations_of(event)]

    def says(self, entity: str, signal: str, state: State) -> Observation | None:
        """Return the newest standing word on it, if it says so."""
        rows = [r for r in self.rows() if (r.entity, r.signal) == (entity, signal)]
        standing = rows and rows[-1].expires_at != rows[-1].at
        return rows[-1] if standing and rows[-1].state is state else None

    def tells(self, kind: EventKind) -> list[Event]:
        return [event for event in list(self.events) if event.kind is kind]


@pytest.fixture
def heard(lab: Lab) -> Iterator[Heard]:
    """A listener on each host, connected."""
    made = Heard()
    listeners = [Listener(uri, made.events.append) for uri in lab.uris]
    for listener in listeners:
        listener.start()
    wait_for("both connections", lambda: len(made.tells(EventKind.BACK)) == len(listeners))
    made.forget()
    yield made
    for listener in listeners:
        listener.stop()


def within(seconds: float, look: Callable[[], object]) -> float:
    """Wait until the answer is true; return the seconds that it took."""
    started = time.monotonic()
    wait_for("an event", look, seconds)
    return time.monotonic() - started


def test_a_killed_qemu_is_told_within_a_second(lab: Lab, heard: Heard) -> None:
    guest = lab.guests["mail-2"]
    began = datetime.now(UTC)
    guest.host.signal_guest("mail-2", "KILL")
    within(1, lambda: heard.says(guest_key(guest.uuid), "down", State.ABNORMAL))
    (event,) = heard.tells(EventKind.DOMAIN)
    assert (event.uri, event.name) == (guest.host.uri, "mail-2")
    assert began <= event.at <= datetime.now(UTC)


def test_a_killed_export_is_told_for_each_of_its_guests_with_the_disk(
    lab: Lab, heard: Heard
) -> None:
    lab.kill_export()
    keys = {guest_key(lab.guests[name].uuid) for name in lab.guests_on_export()}
    for signal in ("paused", "ioError"):
        within(
            2,
            lambda s=signal: all(heard.says(key, s, State.ABNORMAL) for key in keys),
        )
    assert {event.name for event in heard.tells(EventKind.IO_ERROR)} == lab.guests_on_export()
    assert all("the guest is paused" in e.detail for e in heard.tells(EventKind.IO_ERROR))


def test_a_killed_daemon_is_a_lost_connection_and_a_new_one_is_heard_again(
    lab: Lab, heard: Heard
) -> None:
    host = lab.host("h2")
    host.kill_libvirtd()
    within(1, lambda: heard.says(host_key(host.uri), "unreachable", State.ABNORMAL))
    assert not heard.says(host_key(lab.host("h1").uri), "unreachable", State.ABNORMAL)
    host.start_libvirtd()
    within(5, lambda: heard.says(host_key(host.uri), "unreachable", State.HEALTHY))
    heard.forget()
    lab.guests["wiki-1"].host.signal_guest("wiki-1", "KILL")
    key = guest_key(lab.guests["wiki-1"].uuid)
    within(1, lambda: heard.says(key, "down", State.ABNORMAL))


def test_a_panic_is_told_at_once(lab: Lab, heard: Heard) -> None:
    guest = lab.guests["mail-1"]
    guest.press("p")
    within(1, lambda: heard.says(guest_key(guest.uuid), "panic", State.ABNORMAL))


def test_a_daemon_that_stands_still_is_silent_after_six_seconds_and_then_heard_again(
    lab: Lab, heard: Heard
) -> None:
    host = lab.host("h2")
    pid = host.inside("cat", "/run/libvirtd.pid").strip()
    host.inside("kill", "-STOP", pid)
    try:
        took = within(9, lambda: heard.says(host_key(host.uri), "unreachable", State.ABNORMAL))
        (lost,) = heard.tells(EventKind.LOST)
        assert lost.detail == "the far end is silent"
        assert took > 3
    finally:
        host.inside("kill", "-CONT", pid)
    within(8, lambda: heard.says(host_key(host.uri), "unreachable", State.HEALTHY))
