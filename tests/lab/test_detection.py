"""Faults that raise no event, seen by detectors in what exporters tell: each has its cause named.

Nothing is alerted on here: libvirt says what there is, and detectors look at the series.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgraph.app.stored.stores import Access, opened
from kgraph.config import load
from kgraph.schema import Observation
from kgraph.store import GraphStore
from tests.lab.lab.detecting import detecting
from tests.lab.lab.guests import Disk
from tests.lab.lab.laboratory import Lab
from tests.lab.lab.processes import wait_for
from tests.lab.lab.telemetry import Telemetry
from tests.lab.lab.watching import Event, Watching, since
from tests.lab.test_scenes import Say, say

__all__ = ["say"]
pytestmark = pytest.mark.lab

_SLOW = 50_000  # bits a second for two guests that write 65,000 each
_ROOM = 22 << 20  # bytes that may be written to the pool `small`, about


@dataclass(frozen=True)
class Scene:
    """The lab with a watch on it that sees by detectors alone."""

    lab: Lab
    watch: Watching
    telemetry: Telemetry
    say: Say

    def named(self, kind: str, name: str, seconds: float = 180) -> Event:
        """Wait until an entity is named; say how long that took."""
        event = self.watch.wait_for(
            f"{kind} {name} named",
            lambda e: any(t.startswith(kind) and name in t for t in _titles(e)),
            seconds=seconds,
        )
        self.say(f"named after {since(event, self.lab.fault_at):.1f} s: {event['line']}")
        return event

    def first(self) -> set[str]:
        """Return the titles of all that was ever named first."""
        told = self.watch.of("incident.explained")
        return {titles[0] for event in told if (titles := _titles(event))}

    def now(self) -> str:
        """Return the title of what was named first most lately."""
        told = [
            titles for event in self.watch.of("incident.explained") if (titles := _titles(event))
        ]
        return told[-1][0]

    @contextmanager
    def store(self) -> Iterator[GraphStore]:
        config = self.watch.config
        configuration = load(cwd=config.parent, environ={}, file=config)
        with opened(configuration, Access.READ) as store:
            yield store

    def covered(self, signal: str) -> set[str]:
        """Return the names of what a detector looks at now and finds well."""
        with self.store() as store:
            evidence = store.evidence(now=datetime.now(UTC))
            names = {entity.uid: entity.name for entity in store.find()}
        now = datetime.now(UTC)
        ours = (look for look in evidence.coverage if look.detector.startswith("detect/"))
        rows = (look for look in ours if look.fresh(now))
        return {names[look.entity] for look in rows if look.signal == signal}

    def wrong(self) -> list[Observation]:
        """Return what detectors call abnormal now."""
        with self.store() as store:
            rows = store.evidence(now=datetime.now(UTC)).observations
        return [row for row in rows if row.abnormal and row.detector.startswith("detect/")]

    def done(self) -> list[Event]:
        """Return all that was begun."""
        return self.watch.of("plan.begun", "plan.step")


def _titles(event: Event) -> list[str]:
    return [cause["title"] for cause in event.get("causes", ())]


@pytest.fixture(scope="module")
def telemetry(running_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telemetry]:
    found = Telemetry(running_lab, tmp_path_factory.mktemp("telemetry"))
    yield found
    found.close()


@pytest.fixture
def start(
    lab: Lab, telemetry: Telemetry, tmp_path: Path, say: Say
) -> Iterator[Callable[[], Scene]]:
    """Call it once the guests of the scene run."""
    watches: list[Watching] = []
    telemetry.start()
    wait_for("scrapes", telemetry.targets_up)

    def started() -> Scene:
        watches.append(watch := detecting(lab, telemetry, tmp_path))
        return Scene(lab, watch, telemetry, say)

    yield started
    for watch in watches:
        watch.close()


@pytest.fixture
def paced(lab: Lab) -> Iterator[frozenset[str]]:
    """Two guests on two hosts, on an export of nbdkit that is as fast as it can be."""
    names = {"slow-1": "h1", "slow-2": "h2"}
    lab.pace_storage()
    try:
        for name, host in names.items():
            lab.start_guest(host, name, Disk.PACED)
        lab.settle()
        yield frozenset(names)
    finally:
        lab.pace_storage()
        for name in names:
            lab.remove_guest(name)
            lab.monitoring.forget(name)
        wait_for("their alerts to end", lambda: not lab.monitoring.pending(), seconds=100)


def test_hung_storage_is_named_by_the_counters_that_stand_still(
    lab: Lab, start: Callable[[], Scene]
) -> None:
    scene = start()
    wait_for("a past", lambda: lab.guests_on_export() <= scene.covered("hung"), seconds=60)
    lab.hang_export()
    try:
        scene.named("StorageExport", "vmstore")
        time.sleep(3)
        assert not any(title.startswith("Host") for title in scene.first())
    finally:
        lab.revive_export()


def test_a_full_disk_is_foreseen_ten_minutes_ahead(lab: Lab, start: Callable[[], Scene]) -> None:
    scene = start()
    wait_for("a past", lambda: "small" in scene.covered("filling"), seconds=60)
    lab.fill_slowly(1 << 20)
    began, written = time.monotonic(), 0
    event = None
    while event is None:
        # So much by now that it is full ten minutes from when a minute's past shows it.
        due = int((time.monotonic() - began) * _ROOM / 660)
        lab.fill_slowly(max(4096, due - written))
        written = max(due, written + 4096)
        # On a machine that does much else, disks are slow besides, and are told of, too.
        told = scene.watch.of("incident.explained")
        event = next((e for e in told if "StoragePool" in "".join(_titles(e)[:1])), None)
        assert time.monotonic() - began < 120, scene.wrong()
        time.sleep(0.5)
    assert "small" in _titles(event)[0]
    (row,) = (row for row in scene.wrong() if row.signal == "filling")
    assert row.due_at is not None
    ahead = row.due_at - datetime.now(UTC)
    scene.say(f"foreseen {ahead.total_seconds() / 60:.1f} min ahead: {row.detail}")
    assert timedelta(minutes=5) < ahead < timedelta(minutes=20)
    assert "StoragePool" in {title.partition(" ")[0] for title in scene.first()}
    assert scene.done() == []


def test_when_the_monitoring_is_out_nothing_of_the_estate_is_blamed_or_touched(
    lab: Lab, start: Callable[[], Scene]
) -> None:
    scene = start()
    wait_for("a past", lambda: lab.guests_on_export() <= scene.covered("hung"), seconds=60)
    scene.telemetry.stop()
    try:
        time.sleep(15)
        blamed = {title.partition(" ")[0] for title in scene.first()}
        scene.say(f"named: {sorted(scene.first())}")
        assert blamed <= {"Probe"}
        assert scene.done() == []
        assert scene.wrong() == []
        assert scene.covered("hung") == set()
    finally:
        scene.telemetry.start()


def test_slow_storage_of_which_no_event_tells_is_named(
    lab: Lab, paced: frozenset[str], start: Callable[[], Scene]
) -> None:
    scene = start()
    wait_for("a past", lambda: paced <= scene.covered("latency"), seconds=60)
    time.sleep(20)  # what is slow must not become most of what is known
    lab.pace_storage(_SLOW)
    scene.named("StorageExport", "paced")
    # Of two guests one is seen to be slow a moment before the other, and suspected until then.
    assert scene.now().startswith("StorageExport")
    assert not any(title.startswith("Host") for title in scene.first())
    lab.pace_storage()
    scene.watch.wait_for("it to be over", lambda e: e["event"] == "incident.resolved", seconds=60)
