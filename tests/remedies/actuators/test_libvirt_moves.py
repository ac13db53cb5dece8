"""Moves against hypervisors in memory; on real ones they are in tests/lab/test_moves.py."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest.libvirt.binding import Control, ErrorCode
from ingest.libvirt.states import DomainState, PausedReason, ShutoffReason
from remedies import EffectError, Standing, Task
from remedies.actuators import definitions
from remedies.actuators.definitions import Definitions
from remedies.actuators.libvirt import LibvirtActuator
from remedies.actuators.libvirt_line import NO_SWITCHES
from remedies.looks import RefusedError
from tests.remedies.actuators.test_libvirt import (
    DEAD,
    IO_ERROR,
    PANICKED,
    RUNS,
    UUID,
    FakeDomain,
    LibvirtError,
)

ARRIVING = (DomainState.PAUSED, PausedReason.MIGRATION)
SHUT = (DomainState.SHUTOFF, ShutoffReason.SHUTDOWN)
H1, H2, H3 = (f"qemu+h{n}:///system" for n in (1, 2, 3))


@dataclass
class MovingDomain(FakeDomain):
    """One that can go to another host."""

    home: Host | None = None
    breaks: bool = False  # the migration breaks off, and it stays where it is
    stubborn: bool = False  # it does not shut down
    xml: str = "<domain/>"

    def XMLDesc(self, flags: int = 0) -> str:  # noqa: ARG002 - libvirt's signature
        return self.xml

    def shutdown(self) -> int:
        self.calls.append("shutdown")
        if not self.stubborn:
            self.now = SHUT
        return 0

    def create(self) -> int:
        self.refuses = self.home is not None and not self.home.starts
        return super().create()

    def migrate3(self, dconn: Host, params: dict[str, str], flags: int = 0) -> None:
        self.calls.append(f"migrate {flags} {params}")
        if self.breaks:
            raise LibvirtError(9, "operation failed: migration job: unexpectedly failed")
        assert self.home is not None
        dconn.guests[UUID] = self
        del self.home.guests[UUID]
        self.home = dconn


SMBIOS = "11112222-3333-4444-8555-66667777888{}"
PART = "dd8fe884-6c02-401e-9551-cca97df1c5df"


@dataclass
class Part:
    """A network or a pool."""

    active: bool
    calls: list[str] = field(default_factory=list)
    gone: bool = False

    def undefine(self) -> int:
        self.calls.append("undefine")
        self.gone = True
        return 0

    def setAutostart(self, autostart: int) -> int:
        self.calls.append(f"autostart {autostart}")
        return 0

    def isActive(self) -> int:
        return int(self.active)

    def create(self, flags: int = 0) -> int:  # noqa: ARG002 - libvirt's signature
        self.calls.append("create")
        self.active = True
        return 0

    def destroy(self) -> int:
        self.calls.append("destroy")
        self.active = False
        return 0

    def refresh(self, flags: int = 0) -> int:  # noqa: ARG002 - libvirt's signature
        self.calls.append("refresh")
        return 0


@dataclass
class Host:
    guests: dict[str, MovingDomain] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    defined: list[str] = field(default_factory=list)
    uuid: str = SMBIOS.format(1)
    cpu: str = "<cpu><model>Skylake</model></cpu>"
    compared: list[str] = field(default_factory=list)
    fits: int = 1  # virCPUCompareResult
    starts: bool = True  # what is started here; else it fails

    def getCapabilities(self) -> str:
        uuid = f"<uuid>{self.uuid}</uuid>"
        return f"<capabilities><host>{uuid}{self.cpu}</host></capabilities>"

    def compareCPU(self, xml: str, flags: int = 0) -> int:  # noqa: ARG002 - libvirt's signature
        self.compared.append(xml)
        return self.fits

    def lookupByUUIDString(self, uuid: str) -> MovingDomain:
        if uuid not in self.guests:
            raise LibvirtError(ErrorCode.NO_DOMAIN)
        return self.guests[uuid]

    def networkLookupByUUIDString(self, uuid: str) -> Part:
        if uuid not in self.parts or self.parts[uuid].gone:
            raise LibvirtError(ErrorCode.NO_NETWORK, "network not found")
        return self.parts[uuid]

    def storagePoolLookupByUUIDString(self, uuid: str) -> Part:
        return self.networkLookupByUUIDString(uuid)

    def networkDefineXML(self, xml: str) -> Part:
        self.defined.append(xml)
        self.parts[PART] = Part(active=False)
        return self.parts[PART]

    def storagePoolDefineXML(self, xml: str, flags: int = 0) -> Part:  # noqa: ARG002 - libvirt's
        return self.networkDefineXML(xml)

    def defineXML(self, xml: str) -> MovingDomain:
        self.defined.append(xml)
        self.guests[UUID] = MovingDomain((DomainState.SHUTOFF, 0), home=self)
        return self.guests[UUID]

    def close(self) -> int:
        return 0


class Estate:
    """Three hosts; those that are taken out do not answer."""

    def __init__(
        self,
        definitions: Definitions | None = None,
        switches: Mapping[str, Callable[[], bool]] = NO_SWITCHES,
    ) -> None:
        self.hosts = {uri: Host() for uri in (H1, H2, H3)}
        control = Control(self._open, self._open, LibvirtError)
        uris = tuple(self.hosts)
        routes = {"h2": "tcp://10.0.0.2"}
        self.actuator = LibvirtActuator(
            control, uris, frozenset(uris), definitions, routes, switches=switches
        )

    def put(self, uri: str, state: tuple[int, int], **how: Any) -> MovingDomain:
        host = self.hosts[uri]
        host.guests[UUID] = MovingDomain(state, home=host, **how)
        return host.guests[UUID]

    def _open(self, uri: str) -> Host:
        if uri not in self.hosts:
            raise LibvirtError(38, "unable to connect")
        return self.hosts[uri]


def move(action: str, **more: str) -> Task:
    told = {"uuid": UUID, "uri": H1, "toUri": H2, "toName": "h2"} | more
    return Task("P", action, "v1", "web-1", told, (), "runs_there", timedelta(seconds=2))


LIVE, COLD, ELSEWHERE = move("migrate"), move("migrate_cold"), move("start_elsewhere")
BEGUN = replace(COLD, begun=True)


@pytest.mark.parametrize(
    ("asked", "here", "there", "standing", "said"),
    [
        (LIVE, RUNS, None, Standing.READY, "here it is running"),
        (LIVE, RUNS, DEAD, Standing.READY, "here it is running"),
        (LIVE, None, RUNS, Standing.DONE, "there it is running"),
        (LIVE, SHUT, RUNS, Standing.DONE, "there it is running"),
        (LIVE, RUNS, ARRIVING, Standing.UNKNOWN, "it is on its way"),
        (LIVE, ARRIVING, RUNS, Standing.UNKNOWN, "it is on its way"),
        (LIVE, RUNS, RUNS, Standing.UNKNOWN, "both hosts have it"),
        (LIVE, None, IO_ERROR, Standing.UNFIT, "there it is paused (ioerror)"),
        (LIVE, IO_ERROR, None, Standing.UNFIT, "here it is paused (ioerror)"),
        (LIVE, DEAD, None, Standing.UNFIT, "here it is shutoff (failed)"),
        (LIVE, None, None, Standing.UNFIT, "here it is unknown"),
        (COLD, RUNS, None, Standing.READY, "here it is running"),
        (COLD, DEAD, None, Standing.READY, "here it is shutoff (failed)"),
        (COLD, SHUT, None, Standing.UNFIT, "here it is shutoff (shutdown)"),  # a person did it
        # Nobody has begun to move it: who took it away here did not want it to be started there.
        (COLD, None, (DomainState.SHUTOFF, 0), Standing.UNFIT, "here it is unknown, and there"),
        (BEGUN, None, (DomainState.SHUTOFF, 0), Standing.READY, "here it is unknown, and there"),
        (ELSEWHERE, RUNS, None, Standing.UNFIT, "its old host answers"),
        (ELSEWHERE, PANICKED, None, Standing.UNFIT, "its old host answers"),
        (ELSEWHERE, DEAD, SHUT, Standing.UNFIT, "its old host answers"),
        (ELSEWHERE, DEAD, RUNS, Standing.DONE, "there it is running"),  # it was, before
        (ELSEWHERE, RUNS, RUNS, Standing.UNFIT, "its old host answers"),
        (ELSEWHERE, None, None, Standing.UNFIT, "no definition of it was kept"),
        (ELSEWHERE, None, SHUT, Standing.READY, "no other host runs it"),
        (ELSEWHERE, None, RUNS, Standing.DONE, "there it is running"),
        (ELSEWHERE, None, IO_ERROR, Standing.UNFIT, "there it is paused"),
    ],
)
def test_a_move_is_judged_by_what_both_ends_say(
    asked: Task,
    here: tuple[int, int] | None,
    there: tuple[int, int] | None,
    standing: Standing,
    said: str,
) -> None:
    estate = Estate()
    for uri, state in ((H1, here), (H2, there)):
        if state is not None:
            estate.put(uri, state)
    look = estate.actuator.look(asked)
    assert look.standing is standing
    assert said in look.said


@pytest.mark.parametrize("asked", [LIVE, COLD, ELSEWHERE])
def test_a_third_host_that_runs_it_stops_every_move(asked: Task) -> None:
    estate = Estate()
    estate.put(H2, SHUT)
    stray = estate.put(H3, RUNS)
    look = estate.actuator.look(asked)
    assert (look.standing, look.said) == (Standing.UNFIT, f"{H3} runs it")
    with pytest.raises(EffectError, match="runs it"):
        estate.actuator.act(asked)
    assert stray.calls == []


def test_a_host_that_does_not_answer_may_run_what_is_to_be_started_elsewhere() -> None:
    estate = Estate()
    guest = estate.put(H2, SHUT)
    del estate.hosts[H1]  # its old host: a guard sees to it that this one is read back off
    del estate.hosts[H3]
    with pytest.raises(EffectError, match="h3:///system does not answer, and may run it"):
        estate.actuator.act(ELSEWHERE)
    assert guest.calls == []


@pytest.mark.parametrize("here", [DEAD, None])
def test_a_cold_move_that_starts_a_guest_asks_every_host_first(
    here: tuple[int, int] | None,
) -> None:
    estate = Estate()
    guest = estate.put(H1, here) if here else estate.put(H2, (DomainState.SHUTOFF, 0))
    del estate.hosts[H3]
    look = estate.actuator.look(BEGUN)
    assert (look.standing, "may run it" in look.said) == (Standing.UNKNOWN, True)
    with pytest.raises(EffectError, match="h3:///system does not answer, and may run it"):
        estate.actuator.act(BEGUN)
    assert guest.calls == []


def test_a_guest_that_runs_moves_past_a_third_host_that_is_silent() -> None:
    estate = Estate()
    estate.put(H1, RUNS)
    del estate.hosts[H3]
    assert estate.actuator.look(COLD).standing is Standing.READY


def test_an_old_host_that_was_switched_on_since_it_was_fenced_may_run_its_guests() -> None:
    power = {"off": True}
    estate = Estate(switches={H1: lambda: power["off"]})
    guest = estate.put(H2, SHUT)
    del estate.hosts[H1]
    assert estate.actuator.look(ELSEWHERE).standing is Standing.READY
    power["off"] = False  # its network is still away, so nobody hears it
    with pytest.raises(EffectError, match="its power is not read back off"):
        estate.actuator.act(ELSEWHERE)
    assert guest.calls == []


def test_a_running_guest_migrates_over_the_route_of_its_target() -> None:
    estate = Estate()
    guest = estate.put(H1, RUNS)
    estate.actuator.act(LIVE)
    live, persist_there, undefine_here, abort_on_error = 1, 8, 16, 4096
    flags = live | persist_there | undefine_here | abort_on_error
    assert guest.calls == [f"migrate {flags} {{'migrate_uri': 'tcp://10.0.0.2'}}"]
    assert estate.actuator.look(LIVE).standing is Standing.DONE
    with pytest.raises(RefusedError, match="not as it must be"):
        estate.actuator.act(LIVE)  # once is enough
    assert len(guest.calls) == 1


PASSED = "<domain><cpu mode='host-passthrough' check='none' migratable='on'/></domain>"


@pytest.mark.parametrize(
    ("xml", "fits", "goes"),
    [
        (PASSED, 0, False),
        (PASSED, 1, True),
        (PASSED, 2, True),  # it has more than that
        ("<domain><cpu mode='host-model'/></domain>", 0, True),  # libvirt itself sees to it
        ("<domain/>", 0, True),
    ],
)
def test_who_uses_its_host_s_processor_as_it_is_moves_to_no_lesser_one(
    xml: str,
    fits: int,
    goes: bool,  # noqa: FBT001 - a table
) -> None:
    estate = Estate()
    guest = estate.put(H1, RUNS, xml=xml)
    there = estate.hosts[H2]
    there.fits = fits
    if goes:
        estate.actuator.act(LIVE)
    else:
        with pytest.raises(RefusedError, match=r"qemu.h2.* has another one"):
            estate.actuator.act(LIVE)
    assert bool(guest.calls) is goes
    if xml == PASSED:
        assert there.compared == ["<cpu><model>Skylake</model></cpu>"]


def test_whose_processor_nobody_can_compare_stays() -> None:
    estate = Estate()
    guest = estate.put(H1, RUNS, xml=PASSED)
    estate.hosts[H1].cpu = ""
    with pytest.raises(RefusedError):
        estate.actuator.act(LIVE)
    assert guest.calls == []


def test_a_migration_that_breaks_off_leaves_the_guest_where_it_was() -> None:
    estate = Estate()
    estate.put(H1, RUNS, breaks=True)
    with pytest.raises(EffectError, match="unexpectedly failed"):
        estate.actuator.act(LIVE)
    assert estate.actuator.look(LIVE).standing is Standing.READY


def test_a_cold_move_shuts_down_brings_over_and_starts() -> None:
    estate = Estate()
    guest = estate.put(H1, RUNS)
    estate.actuator.act(COLD)
    assert [call.split()[0] for call in guest.calls] == ["shutdown", "migrate", "create"]
    assert estate.actuator.look(COLD).standing is Standing.DONE


@pytest.mark.parametrize("breaks", ["the move", "the start"])
def test_a_guest_that_ran_runs_where_it_was_once_its_cold_move_has_broken_off(breaks: str) -> None:
    estate = Estate()
    guest = estate.put(H1, RUNS, breaks=breaks == "the move")
    estate.hosts[H2].starts = False
    with pytest.raises(EffectError, match="failed"):
        estate.actuator.act(COLD)
    assert (guest.now, guest.home) == (RUNS, estate.hosts[H1])
    assert list(estate.hosts[H2].guests) == []


def test_a_cold_move_that_was_killed_half_way_is_gone_on_with() -> None:
    """Shut down for the move, it looks as if a person had done it, and would stay off."""
    estate = Estate()
    guest = estate.put(H1, SHUT)
    assert estate.actuator.look(COLD).standing is Standing.UNFIT
    assert estate.actuator.look(BEGUN).standing is Standing.READY
    estate.actuator.act(BEGUN)
    assert (guest.now, guest.home) == (RUNS, estate.hosts[H2])


def test_one_that_was_killed_half_way_and_breaks_off_then_runs_where_it_was() -> None:
    estate = Estate()
    guest = estate.put(H1, SHUT, breaks=True)
    with pytest.raises(EffectError, match="unexpectedly failed"):
        estate.actuator.act(BEGUN)
    assert (guest.now, guest.home) == (RUNS, estate.hosts[H1])


def test_a_guest_that_was_dead_is_not_started_where_it_does_not_stay_up() -> None:
    estate = Estate()
    guest = estate.put(H1, DEAD, breaks=True)
    with pytest.raises(EffectError, match="unexpectedly failed"):
        estate.actuator.act(COLD)
    assert "create" not in guest.calls


def test_a_guest_that_does_not_shut_down_is_not_killed_for_a_move() -> None:
    estate = Estate()
    guest = estate.put(H1, RUNS, stubborn=True)
    with pytest.raises(EffectError, match="asked to shut down, and does not"):
        estate.actuator.act(COLD)
    assert guest.calls == ["shutdown"]
    assert guest.now == RUNS


def test_a_guest_is_started_elsewhere_from_the_definition_that_was_kept(tmp_path: Path) -> None:
    kept = Definitions(tmp_path / "kept")
    kept.keep(UUID, "<domain/>")
    estate = Estate(kept)
    del estate.hosts[H1]
    estate.actuator.act(ELSEWHERE)
    assert estate.hosts[H2].defined == ["<domain/>"]
    assert estate.hosts[H2].guests[UUID].calls == ["create"]
    assert estate.actuator.look(ELSEWHERE).standing is Standing.DONE


def test_a_definition_over_there_is_newer_than_one_that_was_kept(tmp_path: Path) -> None:
    kept = Definitions(tmp_path)
    kept.keep(UUID, "<domain/>")
    estate = Estate(kept)
    guest = estate.put(H2, SHUT)
    estate.actuator.act(ELSEWHERE)
    assert estate.hosts[H2].defined == []
    assert guest.calls == ["create"]


RAN_WITH = (
    "<domain><devices><disk type='file' device='disk'><source file='/nfs/{}.qcow2'{}/></disk>"
    "<disk type='file' device='cdrom'><source file='/iso/{}.iso'/></disk></devices></domain>"
)


@pytest.mark.parametrize(("disk", "starts"), [("web", True), ("web-of-last-year", False)])
def test_a_definition_that_was_left_behind_with_other_disks_is_not_started(
    tmp_path: Path,
    disk: str,
    starts: bool,  # noqa: FBT001 - a table
) -> None:
    """A snapshot since then has made another file of its disk: it would go back in time."""
    kept = Definitions(tmp_path)
    kept.keep(UUID, RAN_WITH.format("web", " index='2'", "debian"))
    estate = Estate(kept)
    guest = estate.put(H2, SHUT, xml=RAN_WITH.format(disk, "", "rescue"))
    if starts:
        estate.actuator.act(ELSEWHERE)
    else:
        with pytest.raises(RefusedError, match="other disks than those that it ran with"):
            estate.actuator.act(ELSEWHERE)
    assert guest.calls == (["create"] if starts else [])


def test_nothing_goes_to_where_nobody_may_act() -> None:
    estate = Estate()
    guest = estate.put(H1, RUNS)
    astray = move("migrate", toUri="qemu+evil:///system")
    assert estate.actuator.look(astray).standing is Standing.UNKNOWN
    nowhere = move("migrate", toUri="")
    assert estate.actuator.look(nowhere).standing is Standing.UNFIT
    for task in (astray, nowhere):
        with pytest.raises(EffectError):
            estate.actuator.act(task)
    assert guest.calls == []


def test_definitions_are_whole_private_and_named_by_a_uuid_only(tmp_path: Path) -> None:
    kept = Definitions(tmp_path / "kept")
    kept.keep(UUID, "one")
    kept.keep(UUID, "two")
    kept.keep("../../etc/passwd", "evil")
    (file,) = (tmp_path / "kept").iterdir()
    assert (file.name, stat.S_IMODE(file.stat().st_mode)) == (f"{UUID}.xml", 0o600)
    assert kept.find(f"{'0' * 8}-0000-0000-0000-{'0' * 12},{UUID}") == "two"
    assert kept.find("../../etc/passwd") == ""


def part(action: str, effect: str, named: str = "network") -> Task:
    return Task("P", action, "n", "default", {named: "u", "uri": H1}, (), effect)


@pytest.mark.parametrize("named", ["network", "pool"])
@pytest.mark.parametrize(
    ("action", "effect", "active", "before", "calls", "after"),
    [
        ("activate", "active", False, Standing.READY, ["create"], Standing.DONE),
        ("deactivate", "inactive", True, Standing.READY, ["destroy"], Standing.DONE),
        ("rebuild", "active_anew", True, Standing.EITHER, ["destroy", "create"], Standing.EITHER),
        ("rebuild", "active_anew", False, Standing.READY, ["create"], Standing.EITHER),
    ],
)
def test_networks_and_pools_are_started_and_stopped_once(
    *,
    named: str,
    action: str,
    effect: str,
    active: bool,
    before: Standing,
    calls: list[str],
    after: Standing,
) -> None:
    estate = Estate()
    found = estate.hosts[H1].parts["u"] = Part(active)
    asked = part(action, effect, named)
    assert estate.actuator.look(asked).standing is before
    estate.actuator.act(asked)
    assert found.calls == calls
    assert estate.actuator.look(asked).standing is after


@pytest.mark.parametrize("named", ["network", "pool"])
@pytest.mark.parametrize(
    ("action", "effect", "active"),
    [("activate", "active", True), ("deactivate", "inactive", False)],
)
def test_what_became_so_between_look_and_effect_is_none_of_our_doing(
    *, named: str, action: str, effect: str, active: bool
) -> None:
    estate = Estate()
    found = estate.hosts[H1].parts["u"] = Part(active)
    asked = part(action, effect, named)
    with pytest.raises(RefusedError, match="so already"):
        estate.actuator.act(asked)
    assert found.calls == []
    assert estate.actuator.look(asked).standing is Standing.DONE


@pytest.mark.parametrize("action", ["activate", "deactivate", "rebuild"])
def test_a_connection_to_another_host_acts_on_no_part_of_the_same_uuid(action: str) -> None:
    """Images that were copied have the same UUIDs, and an endpoint may name one connection."""
    estate = Estate()
    found = estate.hosts[H1].parts["u"] = Part(active=False)
    effect = {"activate": "active", "deactivate": "inactive", "rebuild": "active_anew"}[action]
    told = {"network": "u", "uri": H1, "host": SMBIOS.format(2)}
    asked = Task("P", action, "n", "default", told, (), effect)
    look = estate.actuator.look(asked)
    assert (look.standing, "leads to another host" in look.said) == (Standing.UNFIT, True)
    with pytest.raises(EffectError, match="leads to another host"):
        estate.actuator.act(asked)
    assert found.calls == []
    estate.hosts[H1].uuid = SMBIOS.format(2)
    assert estate.actuator.look(asked).standing is not Standing.UNFIT


def test_a_pool_is_counted_anew_where_it_is_active() -> None:
    estate = Estate()
    found = estate.hosts[H1].parts["u"] = Part(active=True)
    asked = part("refresh", "counted_anew", "pool")
    assert estate.actuator.look(asked).standing is Standing.EITHER
    estate.actuator.act(asked)
    assert found.calls == ["refresh"]
    found.active = False
    assert estate.actuator.look(asked).standing is Standing.UNFIT


def test_a_network_that_was_undefined_cannot_be_started() -> None:
    look = Estate().actuator.look(part("activate", "active"))
    assert (look.standing, look.said) == (
        Standing.UNFIT,
        "libvirt does not know it any longer",
    )


@pytest.mark.parametrize("named", ["network", "pool"])
def test_what_libvirt_has_lost_is_defined_as_it_was_and_starts_with_its_host_again(
    tmp_path: Path, named: str
) -> None:
    estate = Estate(Definitions(tmp_path))
    told = {named: PART, "uri": H1, "host": SMBIOS.format(1)}
    define = Task("P", "define", "n", "default", told, (), "defined")
    undefine = Task("P", "undefine", "n", "default", told, (), "undefined")
    look = estate.actuator.look(define)
    assert (look.standing, "no definition of it was kept" in look.said) == (Standing.UNFIT, True)
    with pytest.raises(EffectError, match="no definition"):
        estate.actuator.act(define)
    kept = Definitions(tmp_path)
    kept.keep_part(SMBIOS.format(2), definitions.Part(named, PART, "<of-another-host/>"))
    kept.keep_part(SMBIOS.format(1), definitions.Part(named, PART, "<as-it-was/>", autostart=True))
    assert estate.actuator.look(define).standing is Standing.READY
    assert estate.actuator.look(undefine).standing is Standing.DONE
    estate.actuator.act(define)
    host = estate.hosts[H1]
    assert (host.defined, host.parts[PART].calls) == (["<as-it-was/>"], ["autostart 1"])
    assert estate.actuator.look(define).standing is Standing.DONE
    with pytest.raises(RefusedError, match="defined already"):  # twice is once
        estate.actuator.act(define)
    assert len(host.defined) == 1
    # It is taken back only while nobody can use it.
    host.parts[PART].active = True
    assert estate.actuator.look(undefine).standing is Standing.UNFIT
    with pytest.raises(EffectError, match="guests may use it"):
        estate.actuator.act(undefine)
    host.parts[PART].active = False
    assert estate.actuator.look(undefine).standing is Standing.READY
    estate.actuator.act(undefine)
    assert estate.actuator.look(undefine).standing is Standing.DONE


def test_networks_and_pools_are_kept_host_by_host_readable_by_their_owner_only(
    tmp_path: Path,
) -> None:
    kept = Definitions(tmp_path / "kept")
    row = definitions.Part("network", PART, "<n/>", autostart=True)
    kept.keep_part("qemu+ssh://h1/system", row)
    assert kept.parts("qemu+ssh://h1/system") == [row]
    assert kept.parts("qemu+ssh://h2/system") == []
    assert kept.part("qemu+ssh://h1/system", "network", "../../etc/passwd") is None
    (file,) = (tmp_path / "kept").rglob("*.xml")
    assert file.stat().st_mode & 0o077 == 0
    kept.keep_part("qemu+ssh://h1/system", definitions.Part("network", PART, "<n/>"))
    assert [part.autostart for part in kept.parts("qemu+ssh://h1/system")] == [False]
