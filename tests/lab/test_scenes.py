"""The closed loop on real hypervisors: a fault, its cause named, healed, and verified.

`kgraph watch` runs as a process of its own, with a policy that lets it act by itself. Each scene
prints the seconds from the fault to the named cause and to the end of the repair.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from ingest.libvirt.states import DomainState
from kgraph.store import open_store
from tests.lab.lab.laboratory import Lab
from tests.lab.lab.processes import wait_for
from tests.lab.lab.watching import Event, Watching, since

pytestmark = pytest.mark.lab

ACTING = """
[watch]
tick = 0.2
hold = 1

[folders]
catalogue = ["catalogue"]

[policy]
file = "policy.yaml"

[[sources]]
type = "nbd"
every = 1

[[endpoints]]
name = "guests"
type = "libvirt"
select = {{kind = "VirtualMachine"}}

[[endpoints]]
name = "pools"
type = "libvirt"
select = {{kind = "StoragePool"}}

[[endpoints]]
name = "storage"
type = "systemd"
select = {{kind = "StorageExport"}}
unit = "{unit}"
via = {via}
"""
POLICY = """
format: kgraph.policy/v1
rules:
  - {name: heal by itself, mode: auto, when: {risk: low, posterior: 0.5, synced: true}}
"""
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

    def ended(self, state: str, seconds: float = 60) -> Event:
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


def configured(lab: Lab, folder: Path) -> Path:
    text = lab.config(folder / "kgraph.db").replace("[[sources]]\n", "[[sources]]\nevery = 1\n")
    via = "[" + ", ".join(f'"{word}"' for word in lab.via) + "]"
    config = folder / "kgraph.toml"
    config.write_text(text + ACTING.format(unit=lab.export_unit, via=via))
    (folder / "policy.yaml").write_text(POLICY)
    _settle_quickly(folder / "catalogue")
    return config


def _settle_quickly(folder: Path) -> None:
    """Write a site's own catalogue: the shipped actions, with symptoms away for 3 s enough."""
    folder.mkdir()
    shipped = yaml.safe_load((files("remedies") / "catalogue" / "actions.yaml").read_text("utf-8"))
    for action in shipped["actions"]:
        action["settleSeconds"] = 3
    (folder / "own.yaml").write_text(yaml.safe_dump(shipped))


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Say:
    def line(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n  {request.node.name}: {text}")

    return line


@pytest.fixture
def stage(lab: Lab, tmp_path: Path, say: Say) -> Iterator[Stage]:
    """All is well, everything was read, and the watch may act."""
    watch = Watching(configured(lab, tmp_path))
    try:
        watch.wait_for("the first complete sync", lambda e: e["event"] == "watch.synced")
        wait_for("the baseline of the export", lambda: _baseline(tmp_path / "kgraph.db"))
        yield Stage(lab, watch, say)
        assert watch.stop() == 0
    finally:
        watch.close()


def _baseline(path: Path) -> bool:
    """Tell whether it is known what is on the export: nothing resumes on an unknown disk."""
    with closing(open_store(path, read_only=True)) as store:
        exports = store.find(kind="StorageExport")
        return any("signature" in export.props for export in exports)


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
