"""What a host's running guests have used up: CPU time, disk requests, packets. The only I/O.

A QEMU that is stopped tells nothing, raises no event, and blocks whoever asks its monitor first:
for ever, and with it the reading of all guests. Found on libvirt 9.0 (tests/lab):

- state, CPU time by `virDomainGetInfo`, interface counters and `virDomainGetControlInfo` never ask
  a monitor;
- block counters do. The first to ask a stuck guest hangs and holds the guest's job; whoever asks
  after that with NOWAIT is answered at once, with that guest's counters missing. So asking again
  reads all others, and as many calls hang as guests are stuck;
- control info tells for how long a monitor has owed an answer.
"""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ingest.libvirt.binding import Connection, ConnectionLostError, Driver, ErrorCode
from ingest.libvirt.line import Line
from ingest.libvirt.states import ControlState, DomainState, DomainStats, StatsFlag
from kgraph.schema.errors import one_line

DEADLINE = timedelta(seconds=2)
_ASK_SECONDS = 0.6  # for the block counters of a host; and a little more for each of its guests
_ASK_SECONDS_PER_GUEST = 0.005
_OWES_SECONDS = 0.5  # what a monitor may take for an answer, now and then
_MOST_HANGING = 5  # libvirtd has 20 workers, and each call that hangs holds one
_CLOSE_SECONDS = 1.0
_DEFINITIONS = 16  # read in one sample: each is a round trip, and the sample has a deadline
_QUIET = DomainStats.STATE | DomainStats.INTERFACE
_FLAGS = StatsFlag.ACTIVE | StatsFlag.NOWAIT


@dataclass(frozen=True, slots=True)
class GuestSample:
    """One running or paused guest.

    Attributes:
        running: as far as libvirt knows.
        answers: whether its monitor answered; None: it was not asked, or is busy just now.
        silent_seconds: for how long its monitor has owed an answer.
        cpu_ns: CPU time that its QEMU has used.
        disks: target -> requests done since it was started.
        sent, received: interface -> packets since it was started.
        macs: interface -> its address within the guest, where that is known.
    """

    uuid: str
    name: str
    running: bool
    answers: bool | None = None
    silent_seconds: float = 0
    cpu_ns: int = 0
    disks: Mapping[str, int] = field(default_factory=dict)
    sent: Mapping[str, int] = field(default_factory=dict)
    received: Mapping[str, int] = field(default_factory=dict)
    macs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """All active guests of one host at one moment."""

    uri: str
    at: datetime
    guests: tuple[GuestSample, ...]


class Counters:
    """Samples one host again and again, over connections that stay open in between.

    Not to be used from two threads at once.

    Args:
        uri: the connection.
        driver: how to connect.
        deadline: how long one sample may take.
    """

    def __init__(self, uri: str, driver: Driver, *, deadline: timedelta = DEADLINE) -> None:
        self.uri, self._driver = uri, driver
        self._seconds = deadline.total_seconds()
        self._eyes = Line(driver, uri)
        self._asker = Line(driver, uri)
        self._hanging: list[Line] = []
        self._plugs: dict[str, dict[str, str]] = {}  # guest -> interface -> address

    @property
    def hanging(self) -> int:
        """How many calls wait for stuck guests."""
        self._hanging = [line for line in self._hanging if line.hanging]
        return len(self._hanging)

    def sample(self, at: datetime) -> Sample:
        """Read all counters that can be read in time.

        Raises:
            ConnectionLostError: the host itself does not answer.
        """
        end = time.monotonic() + self._seconds
        try:
            guests = self._look(end)
            counted = self._ask(len(guests), end)
            mute = frozenset(guests).difference(counted)
            silent = self._eyes.call(lambda c: _silences(c, self._driver, mute), _left(end))
        except TimeoutError:
            raise ConnectionLostError(
                f"no answer within {self._seconds:g} s",
                where=f"libvirt {self.uri}",
                mend="look for a hung libvirtd there",
            ) from None
        except self._driver.error as error:
            raise ConnectionLostError(
                f"cannot read the counters: {one_line(error)}",
                where=f"libvirt {self.uri}",
                mend="check that libvirtd runs there and that you may read it",
            ) from error
        found = (_merged(guests[uuid], counted.get(uuid), silent.get(uuid)) for uuid in guests)
        return Sample(self.uri, at, tuple(found))

    def close(self) -> None:
        """Hang up. What waits for a stuck guest ends when that goes on or dies."""
        for line in (self._eyes, self._asker):
            line.close()
        for line in (self._eyes, self._asker):
            line.join(_CLOSE_SECONDS)

    def _look(self, end: float) -> dict[str, GuestSample]:
        """Read what no guest can hold up."""
        if self._eyes.spent and not self._eyes.hanging:
            self._eyes = Line(self._driver, self.uri)
        try:
            return self._eyes.call(lambda c: _quiet(c, self._driver, self._plugs), _left(end))
        except self._driver.error:
            # The connection has gone stale, or its far end has: a new one tells which.
            self._eyes.close()
            self._eyes = Line(self._driver, self.uri)
            return self._eyes.call(lambda c: _quiet(c, self._driver, self._plugs), _left(end))

    def _ask(self, guests: int, end: float) -> Mapping[str, Mapping[str, int]]:
        """Return guest -> its disk counters, of those whose monitors answer."""
        seconds = _ASK_SECONDS + guests * _ASK_SECONDS_PER_GUEST
        stale = 0
        while self.hanging < _MOST_HANGING and time.monotonic() + seconds < end:
            try:
                return self._asker.call(lambda c: _blocks(c, self._driver), seconds)
            except TimeoutError:
                self._hanging.append(self._asker)
            except self._driver.error:
                self._asker.close()
                stale += 1
                if stale > 1:
                    raise
            self._asker = Line(self._driver, self.uri)
        return {}


def _left(end: float) -> float:
    return max(0.05, end - time.monotonic())


def _quiet(
    connection: Connection, driver: Driver, plugs: dict[str, dict[str, str]]
) -> dict[str, GuestSample]:
    """Read what libvirtd knows without asking any guest: uuid -> sample.

    `plugs` (guest -> interface -> address) is what was read before: a definition is only read
    where an interface is new, of a few guests in one sample.
    """
    left = _DEFINITIONS
    try:
        rows = connection.getAllDomainStats(_QUIET, _FLAGS)
    except driver.error as error:
        if error.get_error_code() == ErrorCode.NO_SUPPORT:  # type: ignore[attr-defined] # see Driver.error
            return {}
        raise
    found = {}
    for domain, stats in rows:
        with suppress(driver.error):  # gone between list and look
            uuid, sent = domain.UUIDString(), _numbered(stats, "net", ("tx.pkts",))
            macs = plugs.get(uuid, {})
            if macs.keys() != sent.keys() and left:
                left -= 1
                told = addresses(domain.XMLDesc())
                macs = plugs[uuid] = {name: told.get(name, "") for name in sent}
            found[uuid] = GuestSample(
                uuid,
                domain.name(),
                running=stats.get("state.state") == DomainState.RUNNING,
                cpu_ns=int(domain.info()[4]),
                sent=sent,
                received=_numbered(stats, "net", ("rx.pkts",)),
                macs={name: mac for name, mac in macs.items() if mac},
            )
    for uuid in plugs.keys() - found.keys():
        del plugs[uuid]
    return found


def addresses(xml: str) -> dict[str, str]:
    """Return a running guest's interface on its host -> its address within the guest."""
    try:
        domain = ET.fromstring(xml)  # noqa: S314 - written by our own hypervisor
    except ET.ParseError:
        return {}  # a full reading says so
    ends = (
        (each.find("target[@dev]"), each.find("mac[@address]"))
        for each in domain.iterfind("devices/interface")
    )
    return {
        target.attrib["dev"]: mac.attrib["address"]
        for target, mac in ends
        if target is not None and mac is not None
    }


def _blocks(connection: Connection, driver: Driver) -> dict[str, Mapping[str, int]]:
    """Read uuid -> disk -> requests done; a guest whose monitor is held by a job is left out."""
    try:
        rows = connection.getAllDomainStats(DomainStats.BLOCK, _FLAGS)
    except driver.error as error:
        if error.get_error_code() == ErrorCode.NO_SUPPORT:  # type: ignore[attr-defined] # see Driver.error
            return {}
        raise
    requests = ("rd.reqs", "wr.reqs", "fl.reqs")
    counted = (
        (domain.UUIDString(), _numbered(stats, "block", requests)) for domain, stats in rows
    )
    return {uuid: disks for uuid, disks in counted if disks}


def _silences(connection: Connection, driver: Driver, uuids: frozenset[str]) -> dict[str, float]:
    """Read uuid -> seconds for which its monitor has owed an answer; 0 where it owes none."""
    found = {}
    for uuid in uuids:
        with suppress(driver.error):  # gone meanwhile, or no monitor to be silent
            state, _, milliseconds = connection.lookupByUUIDString(uuid).controlInfo()
            found[uuid] = milliseconds / 1000 if state == ControlState.OCCUPIED else 0.0
    return found


def _merged(
    guest: GuestSample, disks: Mapping[str, int] | None, silent: float | None
) -> GuestSample:
    if disks is not None:
        return replace(guest, answers=True, disks=disks)
    if silent is not None and silent >= _OWES_SECONDS:
        return replace(guest, answers=False, silent_seconds=silent)
    return guest


def _numbered(
    stats: Mapping[str, int | str], group: str, fields: tuple[str, ...]
) -> dict[str, int]:
    """Add up fields of each device in `block.0.name`, `block.0.rd.reqs`, ...: name -> sum."""
    found: dict[str, int] = {}
    for number in range(int(stats.get(f"{group}.count", 0))):
        values = [stats.get(f"{group}.{number}.{field}") for field in fields]
        known = [int(value) for value in values if value is not None]
        if known:
            name = str(stats.get(f"{group}.{number}.name", number))
            found[name] = found.get(name, 0) + sum(known)
    return found
