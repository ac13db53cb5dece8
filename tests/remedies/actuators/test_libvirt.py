"""The libvirt actuator against a hypervisor in memory: by UUID, and never on a guess."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

import remedies.actuators.libvirt_line as module
from ingest.libvirt.binding import Control, ErrorCode
from ingest.libvirt.states import CrashedReason, DomainState, PausedReason, ShutoffReason
from remedies import EffectError, Standing, Task
from remedies.actuators.libvirt import LibvirtActuator
from remedies.guards import NotOff, Presence, Sighting, confirmed_off
from remedies.looks import RefusedError

UUID = "5a3c0e1c-0f5e-4b7e-9f63-3e2f1f2f0001"
DEAD = (DomainState.SHUTOFF, ShutoffReason.FAILED)
RUNS = (DomainState.RUNNING, 1)
IO_ERROR = (DomainState.PAUSED, PausedReason.IOERROR)
PANICKED = (DomainState.CRASHED, CrashedReason.PANICKED)  # with a QEMU, by on_crash=preserve


class LibvirtError(Exception):
    def __init__(self, code: int, said: str = "refused") -> None:
        super().__init__(said)
        self._code = code

    def get_error_code(self) -> int:
        return self._code


@dataclass
class FakeDomain:
    now: tuple[int, int]
    calls: list[str] = field(default_factory=list)
    refuses: bool = False
    says: str = "operation failed"  # as it refuses
    deaf: int = 0  # milliseconds for which its QEMU has not answered

    def controlInfo(self, flags: int = 0) -> tuple[int, int, int]:  # noqa: ARG002 - libvirt's own
        return (2 if self.deaf else 0), 0, self.deaf

    def isPersistent(self) -> int:
        return 1

    def destroy(self) -> int:
        return self._to("destroy", (DomainState.SHUTOFF, ShutoffReason.DESTROYED))

    def state(self, flags: int = 0) -> tuple[int, int]:  # noqa: ARG002 - libvirt's signature
        return self.now

    def _to(self, call: str, after: tuple[int, int]) -> int:
        self.calls.append(call)
        if self.refuses:
            raise LibvirtError(55, self.says)
        self.now = after
        return 0

    def resume(self) -> int:
        return self._to("resume", RUNS)

    def suspend(self) -> int:
        return self._to("suspend", (DomainState.PAUSED, PausedReason.USER))

    def create(self) -> int:
        return self._to("create", RUNS)

    def reset(self, flags: int = 0) -> int:  # noqa: ARG002 - libvirt's signature
        paused = (DomainState.PAUSED, PausedReason.CRASHED)
        stays = {DomainState.CRASHED, DomainState.PAUSED}
        return self._to("reset", paused if self.now[0] in stays else RUNS)

    def shutdown(self) -> int:
        return self._to("shutdown", (DomainState.SHUTOFF, ShutoffReason.SHUTDOWN))


@dataclass
class FakePool:
    free: int
    counted: int = 0

    def refresh(self, flags: int = 0) -> int:  # noqa: ARG002 - libvirt's signature
        self.counted = self.free
        return 0

    def info(self) -> tuple[int, int, int, int]:
        return 2, 1000, 1000 - self.counted, self.counted


@dataclass
class FakeHost:
    guests: dict[str, FakeDomain] = field(default_factory=dict)
    pools: dict[str, FakePool] = field(default_factory=dict)
    closed: int = 0

    def lookupByUUIDString(self, uuid: str) -> FakeDomain:
        if uuid not in self.guests:
            raise LibvirtError(ErrorCode.NO_DOMAIN)
        return self.guests[uuid]

    def storagePoolLookupByUUIDString(self, uuid: str) -> FakePool:
        return self.pools[uuid]

    def close(self) -> int:
        self.closed += 1
        return 0


class Estate:
    """Hosts by URI; those that are not there do not answer."""

    def __init__(self, **hosts: FakeHost) -> None:
        self.hosts = {f"qemu+{name}:///system": host for name, host in hosts.items()}
        self.opened: list[str] = []
        control = Control(self._open, self._look, LibvirtError)
        uris = tuple(self.hosts)
        self.actuator = LibvirtActuator(control, uris, frozenset(uris), rest=self._rest)

    def _rest(self) -> None:
        for host in self.hosts.values():
            for guest in host.guests.values():
                guest.calls.append("rest")

    def _open(self, uri: str) -> FakeHost:
        self.opened.append(uri)
        return self._look(uri)

    def _look(self, uri: str) -> FakeHost:
        if uri not in self.hosts:
            raise LibvirtError(38, "unable to connect")
        return self.hosts[uri]


def task(action: str, effect: str, *preconditions: str, uuid: str = UUID) -> Task:
    told = {"uuid": uuid, "uri": "qemu+h1:///system"}
    return Task("P-1", action, "v1", "VirtualMachine web-1", told, preconditions, effect)


RESUME = task("resume", "running", "paused_by_fault")
START = task("start", "running", "shut_off", "off_everywhere")
RESET = task("reset", "rebooted", "there")
RESET_CRASHED = task("reset_crashed", "running", "crashed")


def alone(state: tuple[int, int]) -> tuple[Estate, FakeDomain]:
    guest = FakeDomain(state)
    return Estate(h1=FakeHost({UUID: guest}), h2=FakeHost()), guest


@pytest.mark.parametrize(
    ("asked", "state", "standing"),
    [
        (RESUME, IO_ERROR, Standing.READY),
        (RESUME, (DomainState.PAUSED, PausedReason.POSTCOPY_FAILED), Standing.UNFIT),
        (RESUME, (DomainState.PAUSED, PausedReason.USER), Standing.UNFIT),
        (RESUME, (DomainState.PAUSED, PausedReason.MIGRATION), Standing.UNFIT),
        (RESUME, DEAD, Standing.UNFIT),
        (RESUME, RUNS, Standing.DONE),
        (START, DEAD, Standing.READY),
        (START, (DomainState.SHUTOFF, ShutoffReason.SHUTDOWN), Standing.UNFIT),
        (START, (DomainState.SHUTOFF, ShutoffReason.MIGRATED), Standing.UNFIT),
        (START, (DomainState.SHUTOFF, ShutoffReason.SAVED), Standing.UNFIT),
        (START, RUNS, Standing.DONE),
        (RESET, RUNS, Standing.EITHER),
        (RESET, (DomainState.PAUSED, PausedReason.WATCHDOG), Standing.READY),
        (RESET, (DomainState.PAUSED, PausedReason.USER), Standing.UNFIT),
        (RESET, IO_ERROR, Standing.UNFIT),
        (RESET_CRASHED, (DomainState.CRASHED, CrashedReason.PANICKED), Standing.READY),
        (RESET_CRASHED, (DomainState.PAUSED, PausedReason.CRASHED), Standing.READY),
        (RESET_CRASHED, RUNS, Standing.DONE),
    ],
)
def test_a_look_tells_how_a_guest_stands_to_a_step(
    asked: Task, state: tuple[int, int], standing: Standing
) -> None:
    estate, guest = alone(state)
    assert estate.actuator.look(asked).standing is standing
    assert guest.calls == []


@pytest.mark.parametrize(
    ("asked", "state", "calls"),
    [
        (RESUME, IO_ERROR, ["resume"]),
        (START, DEAD, ["create"]),
        (RESET, RUNS, ["reset"]),
        (RESET, (DomainState.PAUSED, PausedReason.WATCHDOG), ["reset", "resume"]),
        (RESET_CRASHED, (DomainState.CRASHED, CrashedReason.PANICKED), ["reset", "resume"]),
        (task("suspend", "paused", "running"), RUNS, ["suspend"]),
        (task("shut_down", "shut_off", "running"), RUNS, ["shutdown"]),
    ],
)
def test_an_action_is_done_by_uuid_and_seen_afterwards(
    asked: Task, state: tuple[int, int], calls: list[str]
) -> None:
    estate, guest = alone(state)
    estate.actuator.act(asked)
    assert guest.calls == calls
    assert estate.actuator.look(asked).standing in {Standing.DONE, Standing.EITHER}
    host = estate.hosts["qemu+h1:///system"]
    assert host.closed >= 2  # nothing is left open


def test_a_qemu_that_does_not_answer_is_ended_and_started_anew_instead_of_reset_some_day() -> None:
    estate, guest = alone(RUNS)
    guest.deaf = 1_500  # a busy one takes its time
    estate.actuator.act(RESET)
    assert guest.calls == ["reset"]
    guest.deaf = 30_000
    estate.actuator.act(RESET)
    # libvirt may hear of the old one's end a moment later, and would end the new one for it.
    assert guest.calls == ["reset", "destroy", "rest", "create"]


def test_what_changed_since_the_look_is_not_acted_on() -> None:
    estate, guest = alone((DomainState.PAUSED, PausedReason.USER))
    with pytest.raises(RefusedError, match="not as it must be: it is paused"):
        estate.actuator.act(RESUME)
    assert guest.calls == []


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (FakeHost({UUID: FakeDomain(RUNS)}), "it runs on qemu+h2"),
        (FakeHost({UUID: FakeDomain(IO_ERROR)}), "it runs on qemu+h2"),
        (FakeHost({UUID: FakeDomain(PANICKED)}), "it runs on qemu+h2"),
        (FakeHost({UUID: FakeDomain((DomainState.SHUTOFF, 1))}), ""),
        (FakeHost(), ""),
    ],
)
def test_a_guest_is_started_only_where_no_host_runs_it(other: FakeHost, why: str) -> None:
    guest = FakeDomain(DEAD)
    estate = Estate(h1=FakeHost({UUID: guest}), h2=other)
    look = estate.actuator.look(START)
    assert (look.standing is Standing.UNFIT) is bool(why)
    assert why in look.said
    if why:
        with pytest.raises(RefusedError, match="it runs on"):
            estate.actuator.act(START)
        assert guest.calls == []
    else:
        estate.actuator.act(START)
        assert guest.calls == ["create"]


def test_a_host_that_does_not_answer_may_run_the_guest() -> None:
    estate, guest = alone(DEAD)
    del estate.hosts["qemu+h2:///system"]
    look = estate.actuator.look(START)
    assert look.standing is Standing.UNKNOWN  # it may answer in a moment: looked at again
    assert look.said == "qemu+h2:///system does not answer, and may run it"
    with pytest.raises(EffectError, match="does not answer"):
        estate.actuator.act(START)
    assert guest.calls == []


def test_a_host_whose_power_is_read_back_off_runs_nothing_and_holds_up_nobody() -> None:
    estate, guest = alone(DEAD)
    gone, hangs = "qemu+h3:///system", "qemu+h4:///system"
    control = Control(estate._open, estate._look, LibvirtError)
    all_hosts = (*estate.hosts, gone)
    acts, switches = frozenset(estate.hosts), {gone: lambda: True}
    off = LibvirtActuator(control, all_hosts, acts, switches=switches)
    assert off.look(START).standing is Standing.READY
    off.act(START)
    assert guest.calls == ["create"]
    # It counts for that host alone, and a switch that cannot be asked proves nothing.
    guest.now = DEAD
    both = LibvirtActuator(control, (*all_hosts, hangs), acts, switches=switches)
    assert f"{hangs} does not answer, and may run it" in both.look(START).said

    def broken() -> bool:
        raise EffectError("the switch is silent")

    unread = LibvirtActuator(control, all_hosts, acts, switches={gone: broken})
    assert f"{gone} does not answer, and may run it" in unread.look(START).said


def test_a_start_that_takes_a_step_back_asks_every_host_as_well() -> None:
    estate = Estate(h1=FakeHost({UUID: FakeDomain(DEAD)}), h2=FakeHost({UUID: FakeDomain(RUNS)}))
    back = task("start", "running")
    assert estate.actuator.look(back).standing is Standing.UNFIT
    with pytest.raises(RefusedError, match="runs on qemu"):
        estate.actuator.act(back)


def test_a_guest_is_not_started_on_a_host_that_has_no_power() -> None:
    rows = [Sighting("h1", Presence.POWERLESS, own=True), Sighting("h2", Presence.ABSENT)]
    assert confirmed_off(rows) == NotOff("h1 has no power")


def test_a_host_that_hangs_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    estate, _ = alone(DEAD)
    monkeypatch.setattr(module, "ASKING", timedelta(seconds=0.05))
    done = threading.Event()
    look = estate._look

    def hangs(uri: str) -> FakeHost:
        if "h2" in uri:
            done.wait(5)
        return look(uri)

    control = Control(estate._open, hangs, LibvirtError)
    actuator = LibvirtActuator(control, tuple(estate.hosts), frozenset(estate.hosts))
    try:
        assert "h2:///system does not answer" in actuator.look(START).said
    finally:
        done.set()


def test_a_uri_that_is_not_configured_is_never_opened() -> None:
    estate, _ = alone(IO_ERROR)
    stray = Task("P", "resume", "v", "v", {"uuid": UUID, "uri": "qemu+evil:///"}, (), "running")
    look = estate.actuator.look(stray)
    assert (look.standing, estate.opened) == (Standing.UNFIT, [])
    assert "not configured to be acted through" in look.said
    with pytest.raises(EffectError):
        estate.actuator.act(stray)


def test_either_spelling_of_a_uuid_is_tried() -> None:
    estate, guest = alone(IO_ERROR)
    estate.actuator.act(
        task("resume", "running", "paused_by_fault", uuid=f"1c0e3c5a-swapped,{UUID}")
    )
    assert guest.calls == ["resume"]


@pytest.mark.parametrize(
    ("break_it", "standing", "said"),
    [
        (lambda e: e.hosts.clear(), Standing.UNKNOWN, "unable to connect"),
        (
            lambda e: e.hosts["qemu+h1:///system"].guests.clear(),
            Standing.UNFIT,
            "does not know it any longer",
        ),
    ],
)
def test_what_cannot_be_seen_is_told(
    break_it: Callable[[Estate], None], standing: Standing, said: str
) -> None:
    estate, _ = alone(IO_ERROR)
    break_it(estate)
    look = estate.actuator.look(RESUME)
    assert look.standing is standing
    assert said in look.said


def test_a_refusal_of_libvirt_is_told_in_one_line() -> None:
    estate, guest = alone(IO_ERROR)
    guest.refuses = True
    with pytest.raises(EffectError, match=r"^operation failed$"):
        estate.actuator.act(RESUME)


@pytest.mark.parametrize(
    "said",
    [
        'internal error: Failed to get "write" lock',
        'internal error: Failed to get shared "write" lock Is another process using the image?',
        "resource busy: Lockspace resource '1b' is locked",
    ],
)
def test_a_disk_that_somebody_else_has_open_is_no_failed_start(said: str) -> None:
    estate, guest = alone(DEAD)
    guest.refuses, guest.says = True, said
    with pytest.raises(RefusedError, match="somebody else has its image open"):
        estate.actuator.act(START)
    estate, guest = alone(RUNS)
    guest.deaf, guest.refuses, guest.says = 30_000, True, 'Failed to get "write" lock'
    with pytest.raises(EffectError) as found:
        estate.actuator.act(RESET)
    assert not isinstance(found.value, RefusedError)  # it may have been stopped before


def test_an_action_that_libvirt_does_not_know_is_refused() -> None:
    estate, _ = alone(IO_ERROR)
    with pytest.raises(EffectError, match="knows no explode"):
        estate.actuator.act(task("explode", "running"))


def test_whether_a_pool_has_room_is_counted_anew() -> None:
    pool = FakePool(free=0)
    estate = Estate(h1=FakeHost(pools={"u": pool}))
    asked = Task("P", "ask", "p", "StoragePool p", {"pool": "u", "uri": "qemu+h1:///system"})
    assert estate.actuator.look(asked).standing is Standing.READY
    pool.free = 500
    assert estate.actuator.look(asked).said == "50.0% of it is free"
    assert estate.actuator.look(asked).standing is Standing.DONE
