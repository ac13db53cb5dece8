"""What each event says, against what a reading of the same moment would say."""

from __future__ import annotations

import pytest

from ingest.libvirt.events import DomainEvent, Event, EventKind, LifecycleEvent, observations_of
from ingest.libvirt.place import guest_key, host_key
from ingest.libvirt.verdicts import OBSERVED_SIGNALS
from kgraph.schema import Observation, State
from tests.ingest.libvirt.fakes import HOST_UUID, NOW, URI, VM, VM_UUID, items_of, standing
from tests.ingest.libvirt.fakes import guest as guest_of

WELL, ILL = State.HEALTHY, State.ABNORMAL


def lifecycle(code: DomainEvent, reason: int = 0) -> Event:
    return Event(URI, NOW, EventKind.DOMAIN, VM_UUID, "web1", code, reason)


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (lifecycle(DomainEvent.STARTED), {"down": WELL, "paused": WELL}),
        (lifecycle(DomainEvent.RESUMED), {"down": WELL, "paused": WELL}),
        (lifecycle(DomainEvent.STOPPED, 5), {"down": ILL}),  # its QEMU died
        (lifecycle(DomainEvent.STOPPED, 2), {"down": ILL}),  # it crashed
        (lifecycle(DomainEvent.STOPPED, 0), {}),  # shut down
        (lifecycle(DomainEvent.STOPPED, 1), {}),  # destroyed by a person
        (lifecycle(DomainEvent.STOPPED, 3), {}),  # migrated away
        (lifecycle(DomainEvent.STOPPED, 99), {}),
        (lifecycle(DomainEvent.SUSPENDED, 0), {}),  # by a person
        (lifecycle(DomainEvent.SUSPENDED, 2), {"paused": ILL}),  # on an I/O error
        (lifecycle(DomainEvent.SUSPENDED, 3), {"hung": ILL}),  # by its watchdog
        (lifecycle(DomainEvent.SUSPENDED, 8), {"down": ILL}),  # a broken migration
        (lifecycle(DomainEvent.CRASHED), {"panic": ILL}),
        (lifecycle(DomainEvent.SHUTDOWN), {}),
        (lifecycle(DomainEvent.PMSUSPENDED), {}),
    ],
)
def test_a_guests_life_cycle_says_what_a_reading_would(
    event: Event, says: dict[str, State]
) -> None:
    rows = observations_of(event)
    assert standing(rows, VM) == says
    assert {row.detector for row in rows} == {f"libvirt/{URI}"}
    assert {row.at for row in rows} == {NOW}


@pytest.mark.parametrize(
    "event", [lifecycle(code) for code in DomainEvent if code > DomainEvent.UNDEFINED]
)
def test_a_change_of_state_leaves_nothing_standing_that_was_said_before(event: Event) -> None:
    assert {row.signal for row in observations_of(event)} == set(OBSERVED_SIGNALS)


@pytest.mark.parametrize("code", [DomainEvent.DEFINED, DomainEvent.UNDEFINED])
def test_a_changed_definition_says_nothing_of_health(code: DomainEvent) -> None:
    assert observations_of(lifecycle(code)) == []


def test_an_io_error_keeps_its_disk_when_the_pause_follows() -> None:
    told = Event(URI, NOW, EventKind.IO_ERROR, VM_UUID, detail="virtio-disk0: no space left")
    (row,) = observations_of(told)
    assert (row.signal, row.state, row.detail) == ("ioError", ILL, "virtio-disk0: no space left")
    paused = observations_of(lifecycle(DomainEvent.SUSPENDED, 2))
    assert "ioError" not in {row.signal for row in paused}


def test_an_expired_watchdog_is_a_hung_guest_and_a_reboot_is_nothing() -> None:
    (row,) = observations_of(Event(URI, NOW, EventKind.WATCHDOG, VM_UUID, detail="reset"))
    assert (row.entity, row.signal, row.state) == (VM, "hung", ILL)
    assert observations_of(Event(URI, NOW, EventKind.REBOOT, VM_UUID)) == []


@pytest.mark.parametrize(
    ("kind", "signal"), [(EventKind.NETWORK, "down"), (EventKind.POOL, "offline")]
)
def test_whether_a_stop_was_meant_is_left_to_the_next_reading(
    kind: EventKind, signal: str
) -> None:
    def rows(code: LifecycleEvent) -> list[Observation]:
        return observations_of(Event(URI, NOW, kind, VM_UUID, code=code, host_id=HOST_UUID))

    (started,) = rows(LifecycleEvent.STARTED)
    assert (started.signal, started.state) == (signal, WELL)
    stopped = rows(LifecycleEvent.STOPPED)
    assert signal in {row.signal for row in stopped}
    assert all(row.expires_at == row.at for row in stopped)
    assert rows(LifecycleEvent.DEFINED) == []
    assert {row.entity for row in stopped} == {
        f"{'network' if kind is EventKind.NETWORK else 'pool'}:{HOST_UUID}/{VM_UUID}"
    }


def test_a_lost_connection_is_an_unreachable_host_and_one_made_again_a_well_one() -> None:
    lost = observations_of(Event(URI, NOW, EventKind.LOST, detail="the far end is silent"))
    assert standing(lost, host_key(URI)) == {"unreachable": ILL}
    assert {row.signal for row in lost} == {"unreachable", "down"}
    back = observations_of(Event(URI, NOW, EventKind.BACK))
    assert standing(back, host_key(URI)) == {"unreachable": WELL, "down": WELL}


def test_events_and_readings_name_the_same_entities() -> None:
    read = {item.entity for item in items_of(guest_of()) if isinstance(item, Observation)}
    told = observations_of(lifecycle(DomainEvent.STARTED)) + observations_of(
        Event(URI, NOW, EventKind.BACK)
    )
    assert {row.entity for row in told} == {guest_key(VM_UUID), host_key(URI)} <= read
