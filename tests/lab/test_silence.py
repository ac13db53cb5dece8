"""What stands still on real hosts and says nothing: a stopped QEMU, a stopped storage server."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest.exports import ExportError, Look, Reason, parse_address
from ingest.exports.nbd import look
from ingest.libvirt import read
from ingest.libvirt.binding import load_binding
from ingest.libvirt.counters import Counters
from ingest.libvirt.place import guest_key
from ingest.libvirt.stillness import History, Limits, step
from kgraph.app.asking import investigation
from kgraph.app.configured.toolkit import toolkit
from kgraph.app.reading.parallel import Setting, sync
from kgraph.app.reading.stillness import Stillness
from kgraph.app.reading.sync import Commitment, Job, Reading, unshown
from kgraph.app.sources import Context, jobs
from kgraph.config import Configuration, LibvirtSource, NbdSource, Settings
from kgraph.schema import Answer, Observation, State
from kgraph.store import GraphStore, open_store
from tests.lab.lab.laboratory import Lab
from tests.lab.lab.processes import LabError, run

pytestmark = pytest.mark.lab

EVERY = 0.5  # seconds between samples
LASTS = timedelta(seconds=10)
# Guests that write every 55 ms: a few seconds tell what is usual.
QUICK = Limits(moves=8, history=timedelta(seconds=4), pause=timedelta(seconds=3))


class Sampled:
    """One host's guests, sampled again and again; `states` is what stands of `hung`."""

    def __init__(self, lab: Lab, host: str) -> None:
        self._names = {guest_key(g.uuid): name for name, g in lab.guests.items()}
        self.counters = Counters(lab.host(host).uri, load_binding())
        self._history: History = {}
        self.rows: list[Observation] = []
        self.slowest = 0.0

    def sample(self) -> None:
        started = time.monotonic()
        sample = self.counters.sample(datetime.now(UTC))
        self.slowest = max(self.slowest, time.monotonic() - started)
        self._history, self.rows = step(self._history, sample, lasts=LASTS, limits=QUICK)

    @property
    def states(self) -> dict[str, State]:
        return {
            self._names[row.entity]: row.state
            for row in self.rows
            if row.signal == "hung" and row.expires_at != row.at
        }

    def until(self, true: Callable[[], bool], seconds: float) -> float:
        """Sample until it is so; return the seconds that it took."""
        started = time.monotonic()
        while True:
            self.sample()
            took = time.monotonic() - started
            if true():
                return took
            assert took < seconds, f"{self.states} after {took:.1f} s"
            time.sleep(EVERY)


@pytest.fixture
def h2(lab: Lab) -> Iterator[Sampled]:
    with closing_counters(Sampled(lab, "h2")) as sampled:
        yield sampled


@contextmanager
def closing_counters(sampled: Sampled) -> Iterator[Sampled]:
    try:
        yield sampled
    finally:
        sampled.counters.close()


@contextmanager
def stopped(lab: Lab, *names: str) -> Iterator[None]:
    """Freeze the QEMUs of these guests for a while."""
    try:
        for name in names:
            lab.guests[name].host.signal_guest(name, "STOP")
        yield
    finally:
        for name in names:
            lab.guests[name].host.signal_guest(name, "CONT")


def signal_export(lab: Lab, signal: str) -> None:
    run(*lab.via, "bash", "-c", f"kill -{signal} $(cat /run/nbd.pid)")


@pytest.fixture
def frozen_export(lab: Lab) -> Iterator[Callable[[], None]]:
    """Call it to freeze the storage server; it goes on at the end of the test."""
    yield lambda: signal_export(lab, "STOP")
    signal_export(lab, "CONT")


def seen(lab: Lab) -> Look | Reason:
    address = parse_address(lab.export_address)
    deadline = timedelta(seconds=1)
    try:
        return look(address.host, address.port, address.export, deadline=deadline)
    except ExportError as error:
        return error.reason


ON_H2 = {"shop-3", "shop-4", "mail-2", "wiki-1"}
WELL = dict.fromkeys(ON_H2, State.HEALTHY)


def test_a_stopped_guest_is_hung_within_seconds_and_its_siblings_are_read_throughout(
    lab: Lab, h2: Sampled
) -> None:
    h2.until(lambda: h2.states == WELL, 60)
    with stopped(lab, "wiki-1"):
        started = time.monotonic()
        while h2.states.get("wiki-1") is not State.ABNORMAL:
            h2.sample()
            assert time.monotonic() - started < 15, h2.rows
            others = {name: h2.states.get(name) for name in ON_H2 - {"wiki-1"}}
            assert others == dict.fromkeys(others, State.HEALTHY)
            time.sleep(EVERY)
        assert h2.states == WELL | {"wiki-1": State.ABNORMAL}
        assert h2.counters.hanging <= 1  # none, where libvirtd itself had just asked it
    h2.until(lambda: h2.states == WELL, 60)
    assert h2.counters.hanging == 0
    assert h2.slowest < 2


def test_three_stopped_guests_are_told_apart_from_the_one_that_runs(lab: Lab, h2: Sampled) -> None:
    h2.until(lambda: h2.states == WELL, 60)
    hung = ON_H2 - {"shop-4"}
    with stopped(lab, *hung):
        h2.until(lambda: h2.states == WELL | dict.fromkeys(hung, State.ABNORMAL), 60)
        assert h2.counters.hanging <= 3
    h2.until(lambda: h2.states == WELL, 60)
    assert h2.counters.hanging == 0


def test_a_stopped_guest_holds_up_no_reading_of_its_host(lab: Lab, h2: Sampled) -> None:
    uri = lab.host("h2").uri
    read(uri, now=datetime.now(UTC))  # a daemon's first look at its capabilities takes seconds
    with stopped(lab, "wiki-1"):
        h2.until(lambda: h2.states.get("wiki-1") is State.ABNORMAL, 60)
        started = time.monotonic()
        snapshot = read(uri, now=datetime.now(UTC))
        assert time.monotonic() - started < 10  # that guest alone would hold it up for ever
        assert snapshot.complete


def test_a_guest_that_is_killed_while_its_monitor_is_asked_leaves_nothing_behind(
    lab: Lab, h2: Sampled
) -> None:
    h2.until(lambda: h2.states == WELL, 60)
    lab.guests["wiki-1"].host.signal_guest("wiki-1", "STOP")
    h2.until(lambda: h2.states.get("wiki-1") is State.ABNORMAL, 60)
    lab.kill_guest("wiki-1")
    h2.until(lambda: "wiki-1" not in h2.states and h2.counters.hanging == 0, 60)


def test_a_frozen_storage_server_is_silent_and_the_disks_of_its_guests_stand_still(
    lab: Lab, h2: Sampled, frozen_export: Callable[[], None]
) -> None:
    well = seen(lab)
    assert isinstance(well, Look)
    assert well.signature.startswith("mbr:")
    learned = time.monotonic() + 6
    h2.until(lambda: h2.states == WELL and time.monotonic() > learned, 20)
    frozen_export()
    stalled = {"shop-3": State.ABNORMAL, "shop-4": State.ABNORMAL}
    h2.until(lambda: h2.states == WELL | stalled, 30)
    told = {row.detail for row in h2.rows if row.abnormal and row.signal == "hung"}
    assert all(text.startswith("no request of disk vda was done for") for text in told)
    assert seen(lab) is Reason.SILENT
    signal_export(lab, "CONT")
    h2.until(lambda: h2.states == WELL, 60)
    assert seen(lab) == well


def test_of_each_interface_that_is_counted_the_address_in_its_guest_is_known(
    lab: Lab, h2: Sampled
) -> None:
    sample = h2.counters.sample(datetime.now(UTC))
    assert {guest.name for guest in sample.guests} == ON_H2
    for guest in sample.guests:
        told = ET.fromstring(lab.guests[guest.name].domain.XMLDesc())  # noqa: S314 - our own
        macs = {mac.attrib["address"] for mac in told.iterfind("devices/interface/mac")}
        assert guest.macs.keys() == guest.received.keys()
        assert set(guest.macs.values()) == macs


def test_a_killed_storage_server_refuses(lab: Lab) -> None:
    lab.kill_export()
    assert seen(lab) is Reason.REFUSED


class Watched:
    """The whole lab in a store: read, checked and sampled round by round."""

    def __init__(self, lab: Lab, store: GraphStore) -> None:
        hosts = tuple(LibvirtSource(type="libvirt", uri=uri) for uri in lab.uris)
        checks = NbdSource(type="nbd", deadline_seconds=1)
        self.configuration = Configuration(Settings(sources=(*hosts, checks)))
        self._store = store
        self._stillness = [Stillness(uri, lasts=LASTS, limits=QUICK) for uri in lab.uris]
        self._read = jobs(Context(self.configuration))
        self._sampled = [Job("counters", each.fetch) for each in self._stillness]

    def round(self, *, sampled_only: bool = False) -> None:
        chosen = self._sampled if sampled_only else [*self._read, *self._sampled]
        reading = Reading(self._store, datetime.now(UTC), Commitment.COMMIT, unshown)
        for outcome in sync(Setting(reading, lambda: reading.at, "test"), chosen):
            assert outcome.failure == ""

    def learn(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.round(sampled_only=True)
            time.sleep(EVERY)

    def answer(self) -> Answer:
        tools = toolkit(self.configuration, datetime.now(UTC))
        return investigation.of_store(self._store, tools)[0].case.answer

    def blamed(self) -> tuple[str, str, float]:
        """Return name, mode and posterior of the likeliest cause."""
        causes = self.answer().causes
        if not causes:
            return "", "", 0.0
        first = causes[0]
        (entity,) = self._store.get([first.entity])
        return entity.name, first.mode, first.posterior

    def until_blamed(self, name: str, mode: str, seconds: float) -> float:
        """Go on until this is the believed cause; return the seconds that it took."""
        started = time.monotonic()
        while True:
            self.round()
            found, took = self.blamed(), time.monotonic() - started
            if found[:2] == (name, mode) and found[2] > 0.5:
                return took
            if took > seconds:
                raise LabError(f"after {took:.0f} s the cause is {found}")

    def close(self) -> None:
        for each in self._stillness:
            each.close()


@pytest.fixture
def watched(lab: Lab, tmp_path: Path) -> Iterator[Watched]:
    with (
        closing(open_store(tmp_path / "estate.db")) as store,
        closing(Watched(lab, store)) as all_,
    ):
        all_.round()
        all_.learn(6)
        yield all_


def test_a_stopped_guest_is_named_as_the_cause(lab: Lab, watched: Watched) -> None:
    with stopped(lab, "mail-1"):
        watched.until_blamed("mail-1", "hung", 60)


def test_a_frozen_storage_server_is_named_and_none_of_its_guests(
    lab: Lab, watched: Watched, frozen_export: Callable[[], None]
) -> None:
    frozen_export()
    watched.until_blamed(lab.export_address, "hung", 60)
    guests = [cause for cause in watched.answer().causes if cause.kind == "VirtualMachine"]
    assert all(cause.posterior < 0.2 for cause in guests)
