"""Silent faults of a real switch, from the daemon's death to the cause that is named.

The guests are network namespaces, told of by a table as a hypervisor would. Each that really
cannot be reached is alerted; the alert is ours, as no Prometheus runs here.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from ingest.libvirt.counters import GuestSample, Sample
from ingest.libvirt.place import guest_key
from ingest.libvirt.stillness import Limits, Past, step
from ingest.libvirt.unanswered import Plug, cut_off, plugs
from kgraph.app.reading.cut_off import CutOff
from kgraph.schema import Observation
from kgraph.store import open_store
from tests.ingest.switching import Guest, Switching, stopped, switching
from tests.real import until

pytestmark = pytest.mark.sources

ROOT = Path(__file__).parents[3]
NEWCOMER = Guest.numbered(4)
HEADINGS = "id,kind,name,uuid,key.ownerInterface,rel.USES,rel.RUNS_ON.Host"


@pytest.fixture
def chassis() -> Iterator[Switching]:
    with TemporaryDirectory(prefix="kgo-") as folder, switching(Path(folder)) as running:
        yield running


def _kgraph(folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", "kgraph", *words, "--config", str(folder / "kgraph.toml")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def _configured(folder: Path, chassis: Switching, guests: tuple[Guest, ...]) -> None:
    via = json.dumps(chassis.via)
    rows = [HEADINGS]
    for guest in guests:
        rows.append(f"{guest.name},VirtualMachine,{guest.name},{guest.uuid},,nic-{guest.name},h1")
        rows.append(f"nic-{guest.name},VirtualNic,{guest.mac},,{guest.uuid}/{guest.mac},,")
    (folder / "guests.csv").write_text("\n".join(rows) + "\n")
    sources = [
        f'type = "csv"\npath = "{folder}/guests.csv"',
        f'type = "ovs"\nvia = {via}',
        f'type = "ovn"\nvia = {via}',
    ]
    entries = "\n".join(f"[[sources]]\n{each}\n" for each in sources)
    text = f'[store]\nurl = "sqlite:///{folder}/kgraph.db"\n{entries}'
    (folder / "kgraph.toml").write_text(text)


def _alerted(folder: Path, guests: list[Guest]) -> Path:
    """Return a payload as Alertmanager posts it, one alert for each guest."""
    now = datetime.now(UTC).isoformat()
    alerts = [
        {
            "status": "firing",
            "labels": {"alertname": "GuestUnreachable", "domain": guest.name},
            "annotations": {},
            "startsAt": now,
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": guest.name,
        }
        for guest in guests
    ]
    shared = {"version": "4", "status": "firing", "receiver": "kgraph", "groupKey": "{}"}
    rest = {"groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": ""}
    path = folder / "alerts.json"
    path.write_text(json.dumps({**shared, **rest, "alerts": alerts}))
    return path


def _cause(folder: Path, hurt: list[Guest]) -> tuple[str, float]:
    """Read everything, take the alerts, and return what is named first."""
    for _ in range(2):
        _kgraph(folder, "sync")
    _kgraph(folder, "ingest", "alertmanager", str(_alerted(folder, hurt)))
    return _named(folder)


def _named(folder: Path) -> tuple[str, float]:
    answer: dict[str, Any] = json.loads(_kgraph(folder, "investigate", "--output", "json"))
    first = answer["causes"][0]
    with closing(open_store(folder / "kgraph.db", read_only=True)) as store:
        (entity,) = store.get([first["entity"]])
    return entity.title, first["posterior"]


def test_a_stopped_vswitchd_is_named_and_not_the_guests_that_it_cuts_off(
    chassis: Switching, tmp_path: Path
) -> None:
    _configured(tmp_path, chassis, chassis.guests)
    _kgraph(tmp_path, "sync")
    chassis.signal("ovs-vswitchd", signal.SIGSTOP)
    hurt = stopped(chassis, chassis.guests[1:])
    assert len(hurt) == 2
    title, posterior = _cause(tmp_path, hurt)
    assert title == "ServiceInstance h1/ovs-vswitchd.service"
    assert posterior >= 0.5


class _Counted:
    """The guests' counters as a hypervisor would count them, judged as the product does."""

    def __init__(self, chassis: Switching) -> None:
        self._chassis, self._history = chassis, dict[str, Past]()
        self.still: list[Observation] = []
        self.plugs: list[Plug] = []

    def sample(self) -> None:
        at = datetime.now(UTC)
        packets = self._chassis.packets()
        guests = (_counted(guest, *packets[guest.name]) for guest in self._chassis.guests)
        told = Sample(_HYPERVISOR, at, tuple(guests))
        rows: Sequence[Observation]
        self._history, rows = step(self._history, told, lasts=_LASTS, limits=_HURRIED)
        self.still = [row for row in rows if row.abnormal and row.signal == "network"]
        self.plugs = plugs(self._history, told, _HURRIED)

    def learn(self) -> None:
        """Sample until all guests have a habit; nothing stands still meanwhile."""

        def known() -> bool:
            self.sample()
            assert self.still == []
            return all(
                track.moves >= _HURRIED.moves and track.moved_at - track.first >= _HURRIED.history
                for past in self._history.values()
                for name, track in past.tracks.items()
                if name != "cpu"
            )

        until("the guests to have a habit", known, seconds=60)


def _counted(guest: Guest, sent: int, received: int) -> GuestSample:
    return GuestSample(
        guest.uuid,
        guest.name,
        running=True,
        sent={guest.name: sent},
        received={guest.name: received},
        macs={guest.name: guest.mac},
    )


_HYPERVISOR = "qemu+ssh://h1/system"
# A habit of seconds rather than of minutes, and a pause to match: all else as in the product.
_HURRIED = Limits(history=timedelta(seconds=4), pause=timedelta(seconds=2))
_LASTS = timedelta(minutes=10)


def test_a_stopped_vswitchd_is_named_by_counters_that_stopped_on_running_guests_without_any_alert(
    chassis: Switching, tmp_path: Path
) -> None:
    _configured(tmp_path, chassis, chassis.guests)
    _kgraph(tmp_path, "sync")
    counted = _Counted(chassis)
    with chassis.talking():
        counted.learn()
        chassis.signal("ovs-vswitchd", signal.SIGSTOP)

        def all_still() -> bool:
            counted.sample()
            return len(counted.still) == len(chassis.guests)

        until("all counters to stand still", all_still, seconds=60)
    for _ in range(2):
        _kgraph(tmp_path, "sync")
    with closing(open_store(tmp_path / "kgraph.db")) as store:
        uids = {guest.name: guest.uid for guest in store.find(kind="VirtualMachine")}
        names = {guest_key(guest.uuid): guest.name for guest in chassis.guests}
        store.observe([replace(row, entity=uids[names[row.entity]]) for row in counted.still])
    title, posterior = _named(tmp_path)
    assert title == "ServiceInstance h1/ovs-vswitchd.service"
    assert posterior >= 0.5


def test_a_stopped_switch_that_no_probe_reaches_is_named_by_the_packets_of_its_guests_alone(
    chassis: Switching, tmp_path: Path
) -> None:
    """Its database answers on, with the links of before; nobody may ask its daemon."""
    _configured(tmp_path, chassis, chassis.guests)
    text = (tmp_path / "kgraph.toml").read_text()
    own = f'type = "ovs"\nvia = {json.dumps(chassis.via)}'
    assert own in text
    by_database = f'type = "ovs"\ndb = "{chassis.db("db")}"'
    (tmp_path / "kgraph.toml").write_text(text.replace(own, by_database))
    _kgraph(tmp_path, "sync")
    counted, said = _Counted(chassis), CutOff(f"libvirt-stats/{_HYPERVISOR}", _LASTS)

    def told() -> list[Observation]:
        counted.sample()
        return said.told(store, counted.plugs, datetime.now(UTC))

    with closing(open_store(tmp_path / "kgraph.db")) as store, chassis.talking():
        counted.learn()
        assert told() == []
        chassis.signal("ovs-vswitchd", signal.SIGSTOP)
        rows = list(until("the switch to be suspected", told, seconds=60))
        asking = {guest.uuid for guest in chassis.guests[1:]}

        def all_who_ask() -> bool:
            rows.extend(told())
            return asking <= {plug.uuid for plug in cut_off(counted.plugs)}

        until("all who ask to be cut off", all_who_ask, seconds=60)
        store.observe(rows)
    _kgraph(tmp_path, "sync")
    title, posterior = _named(tmp_path)
    assert title == "ServiceInstance h1/ovs-vswitchd.service"
    assert posterior >= 0.35  # a bridge that somebody took down would look the same
    chassis.signal("ovs-vswitchd", signal.SIGCONT)
    with closing(open_store(tmp_path / "kgraph.db")) as store, chassis.talking():
        withdrawn = until("the switch to forward again", told, seconds=60)
    assert all(row.expires_at == row.at for row in withdrawn)


def test_a_killed_ovn_controller_is_named_for_the_guest_that_came_after_it(
    chassis: Switching, tmp_path: Path
) -> None:
    _configured(tmp_path, chassis, (*chassis.guests, NEWCOMER))
    _kgraph(tmp_path, "sync")
    chassis.signal("ovn-controller", signal.SIGKILL)
    chassis.plug(NEWCOMER)
    hurt = stopped(chassis, (*chassis.guests[1:], NEWCOMER))
    assert hurt == [NEWCOMER], "what is plugged in already has its flows"
    title, posterior = _cause(tmp_path, hurt)
    assert title == "ServiceInstance h1/ovn-controller.service"
    assert posterior >= 0.5
