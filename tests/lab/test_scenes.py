"""The closed loop on real hypervisors: a fault, its cause named, healed, and verified.

`kgraph watch` runs as a process of its own, with a policy that lets it act by itself. Each scene
prints the seconds from the fault to the named cause and to the end of the repair.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.alertmanager import parse_payload
from ingest.libvirt.states import DomainState
from kgraph.app.reading import alerts
from kgraph.app.stored.stores import Access, opened
from kgraph.config import load
from kgraph.signals import Outcome
from kgraph.store import Toward, open_store
from tests.lab.lab.acting import configured, has_baseline
from tests.lab.lab.guests import Disk
from tests.lab.lab.laboratory import Lab
from tests.lab.lab.processes import wait_for
from tests.lab.lab.watching import Event, Watching, since
from tests.neo4j.served import Served

pytestmark = pytest.mark.lab

Say = Callable[[str], None]


@dataclass(frozen=True)
class Stage:
    """The lab with a watch on it that may act."""

    lab: Lab
    watch: Watching
    say: Say

    def named(self, kind: str, name: str = "") -> Event:
        """Wait until an entity is named as the cause; say how long that took."""

        def chosen(event: Event) -> bool:
            titles = [cause["title"] for cause in event.get("causes", ())]
            return any(title.startswith(kind) and name in title for title in titles)

        event = self.watch.wait_for(f"{kind} {name} named", chosen)
        self.say(f"cause named after {since(event, self.lab.fault_at):.1f} s: {event['line']}")
        return event

    def ended(self, state: str, seconds: float = 180) -> Event:
        """Wait until a plan has ended; say how long that took."""
        event = self.watch.wait_for(
            f"a plan {state}", lambda e: e["event"] == "plan.ended", seconds=seconds
        )
        self.say(f"repair over after {since(event, self.lab.fault_at):.1f} s: {event['line']}")
        assert event["state"] == state, self.story()
        return event

    def story(self) -> str:
        """Return all that the watch has told, a line each."""
        return "\n".join(event["line"] for event in self.watch.events)

    def blamed(self) -> set[str]:
        """Return the titles of all that was ever named as a cause."""
        told = self.watch.of("incident.explained")
        return {cause["title"] for event in told for cause in event.get("causes", ())}

    def done(self) -> list[tuple[str, str]]:
        """Return (event, line) of all that was done."""
        return [(e["event"], e["line"]) for e in self.watch.of("plan.begun", "plan.step")]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Say:
    def line(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n  {request.node.name}: {text}")

    return line


@pytest.fixture
def stage(lab: Lab, tmp_path: Path, say: Say) -> Iterator[Stage]:
    """All is well, everything was read, and the watch may act."""
    yield from staged(lab, configured(lab, tmp_path), say)


@pytest.fixture
def neo4j_stage(lab: Lab, tmp_path: Path, say: Say, neo4j_database: Served) -> Iterator[Stage]:
    """The same with the graph, its incidents, plans and journal on a Neo4j server."""
    config = configured(lab, tmp_path)
    (tmp_path / "password").write_text(neo4j_database.password)
    store = f'[store]\nurl = "{neo4j_database.server.url}"\npassword_file = "password"'
    own = f'[store]\nurl = "sqlite:///{tmp_path / "kgraph.db"}"'
    config.write_text(config.read_text().replace(own, store))
    yield from staged(lab, config, say)


def staged(lab: Lab, config: Path, say: Say) -> Iterator[Stage]:
    watch = Watching(config)
    try:
        # A server that has just been started compiles every statement first.
        synced = watch.wait_for(
            "the first complete sync", lambda e: e["event"] == "watch.synced", seconds=120
        )
        say(f"{synced['entities']} entities were read")
        # Each look opens the store anew: asked all the time, a server has no time for the watch.
        wait_for("the baseline of the export", lambda: has_baseline(config), 180, every=2)
        yield Stage(lab, watch, say)
        # A guest that has just been moved or started again is read a moment later.
        wait_for("nearly all alerts to be mapped", lambda: _nearly_all(lab, config), 90, every=2)
        assert watch.stop() == 0
        found = _mapped(lab, config)
        say(f"{len(_lost(found))} of {len(found)} alerts unmapped")
    finally:
        watch.close()


def _nearly_all(lab: Lab, config: Path) -> bool:
    found = _mapped(lab, config)
    return len(_lost(found)) <= 0.02 * len(found)


def _lost(found: list[tuple[str, Outcome]]) -> list[tuple[str, Outcome]]:
    return [row for row in found if row[1] in {Outcome.NOT_FOUND, Outcome.AMBIGUOUS}]


def _mapped(lab: Lab, config: Path) -> list[tuple[str, Outcome]]:
    """Return what became of all alerts that Alertmanager posted while a scene was played.

    Those of guests that only an earlier test had are none of this scene's.
    """
    here = {None, *(guest.uuid for guest in lab.guests.values())}
    configuration = load(cwd=config.parent, environ={}, file=config)
    packs, found = alerts.packs_of(configuration), list[tuple[str, Outcome]]()
    with opened(configuration, Access.READ) as store:
        for payload in lab.webhook.payloads:
            own = [each for each in payload["alerts"] if each["labels"].get("uuid") in here]
            content = json.dumps({**payload, "alerts": own}).encode()
            batch = parse_payload(content, where="webhook", received_at=datetime.now(UTC))
            rows = alerts.translated(batch, store, packs).explanations
            found += [(row.alert, row.outcome) for row in rows]
    return found


def pause(seconds: float) -> None:
    """Let time pass in which nothing wrong must happen."""
    time.sleep(seconds)


def copies(lab: Lab) -> dict[str, int]:
    return {name: lab.running_copies(name) for name in lab.guests}


def test_a_killed_storage_server_is_restarted_and_its_guests_resume(stage: Stage) -> None:
    stage.lab.kill_export()
    stage.named("StorageExport", "vmstore")
    ended = stage.ended("done")
    assert ended["outcome"] == "helped"
    guests = stage.lab.guests
    assert all(guests[name].is_in(DomainState.RUNNING) for name in stage.lab.guests_on_export())
    assert not any(title.startswith("Host") for title in stage.blamed())
    assert set(copies(stage.lab).values()) == {1}


def test_a_killed_qemu_is_started_again_where_it_was(stage: Stage) -> None:
    stage.lab.kill_guest("mail-2")
    stage.named("VirtualMachine", "mail-2")
    assert stage.ended("done")["outcome"] == "helped"
    assert set(copies(stage.lab).values()) == {1}


@pytest.mark.neo4j
def test_a_killed_qemu_is_started_again_with_all_that_is_known_on_a_server(
    neo4j_stage: Stage,
) -> None:
    neo4j_stage.lab.kill_guest("mail-1")
    neo4j_stage.named("VirtualMachine", "mail-1")
    assert neo4j_stage.ended("done")["outcome"] == "helped"
    assert neo4j_stage.lab.running_copies("mail-1") == 1


def test_a_watch_that_is_killed_in_the_middle_of_a_repair_is_taken_up_by_the_next(
    stage: Stage,
) -> None:
    stage.lab.kill_export()
    stage.watch.wait_for("the repair to begin", lambda e: e["event"] == "plan.begun")
    stage.watch.kill()
    stage.watch.go_on()
    ended = stage.ended("done", seconds=90)
    assert ended["outcome"] == "helped"
    guests = stage.lab.guests
    assert all(guests[name].is_in(DomainState.RUNNING) for name in stage.lab.guests_on_export())
    assert set(copies(stage.lab).values()) == {1}


def test_a_full_file_system_has_a_person_asked_and_its_guests_resume_once_there_is_room(
    stage: Stage,
) -> None:
    stage.lab.fill_pool()
    stage.named("StoragePool", "small")
    asked = stage.watch.wait_for(
        "a person to be asked", lambda e: e["event"] == "plan.step" and "make room" in e["line"]
    )
    stage.say(f"a person asked after {since(asked, stage.lab.fault_at):.1f} s: {asked['line']}")
    hurt = stage.lab.guests_on(Disk.GROWING)
    assert not any("resume" in line for _, line in stage.done())
    stage.lab.make_room()
    assert stage.ended("done")["outcome"] == "helped"
    assert all(stage.lab.guests[name].is_in(DomainState.RUNNING) for name in hurt)
    assert set(copies(stage.lab).values()) == {1}


def test_a_host_without_power_is_named_and_its_guests_are_started_nowhere_else(
    stage: Stage,
) -> None:
    lost = stage.lab.guests_at("h1")
    stage.lab.power_off("h1")
    stage.named("Host", "h1")
    told = stage.watch.wait_for(
        "why its guests are not started elsewhere",
        lambda e: any("elsewhere" in why and "off" in why for why in e.get("refused", ())),
    )
    stage.say(f"it says: {told['line']}")
    pause(10)
    assert {name: stage.lab.running_copies(name) for name in lost} == dict.fromkeys(lost, 0)
    assert not any("start" in line for _, line in stage.done()), stage.story()
    assert set(copies(stage.lab).values()) <= {0, 1}


def test_a_stalled_guest_is_named_and_not_the_host_that_looks_down(stage: Stage) -> None:
    stage.lab.stall_guest("wiki-2")
    stage.named("VirtualMachine", "wiki-2")
    pause(5)
    assert not any(title.startswith("Host") for title in stage.blamed()), stage.story()
    stage.lab.resume_guest("wiki-2")
    resolved = stage.watch.wait_for(
        "the incident to be over", lambda e: e["event"] == "incident.resolved"
    )
    stage.say(f"over after {since(resolved, stage.lab.fault_at):.1f} s")


def test_when_all_scrapes_fail_the_monitoring_is_suspected_and_nothing_is_touched(
    stage: Stage,
) -> None:
    stage.lab.blind_monitoring()
    told = stage.watch.wait_for(
        "the monitoring to be suspected",
        lambda e: "monitoring" in e["line"] or "Prometheus" in str(e.get("causes", "")),
    )
    stage.say(f"suspected after {since(told, stage.lab.fault_at):.1f} s: {told['line']}")
    pause(5)
    assert not any(t.startswith(("Host", "Virtual", "Storage")) for t in stage.blamed())
    assert stage.done() == [], stage.story()
    stage.lab.restore_monitoring()


def test_a_guest_that_migrates_while_its_alert_fires_stays_one_guest(stage: Stage) -> None:
    stage.lab.spin_guest("shop-1")
    stage.lab.wait_for_alerts({("GuestCpuHigh", "shop-1")})
    opened = stage.watch.wait_for("an incident", lambda e: e["event"] == "incident.opened")
    stage.lab.migrate_guest("shop-1", "h3")
    wait_for("its alert from h3", lambda: _alert_hosts(stage.lab) == {"h3"}, seconds=60)
    path = stage.watch.config.with_name("kgraph.db")
    wait_for("one busy guest on h3", lambda: _busy(path, "shop-1") == [["h3"]])
    assert {e["incident"] for e in stage.watch.of("incident.opened")} == {opened["incident"]}
    assert stage.lab.running_copies("shop-1") == 1


def _alert_hosts(lab: Lab) -> set[str]:
    return {alert["labels"]["host"] for alert in lab.alerts() if "domain" in alert["labels"]}


def _busy(path: Path, name: str) -> list[list[str]]:
    """Return the hosts of every guest of this name that is seen to use much of its CPU."""
    with closing(open_store(path, read_only=True)) as store:
        found = []
        for guest in store.find(kind="VirtualMachine", text=name):
            part = store.neighbourhood([guest.uid], Toward.DEPENDENCIES, depth=1)
            names = {entity.uid: entity.name for entity in part.entities}
            own = (r for r in part.relations if r.dependent == guest.uid and r.type == "RUNS_ON")
            seen = store.evidence([guest.uid], now=datetime.now(UTC)).observations
            if any(row.abnormal and row.signal == "cpu" for row in seen):
                found.append([names[relation.dependency] for relation in own])
        return found
