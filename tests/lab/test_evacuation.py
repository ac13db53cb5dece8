"""A host that hangs with its guests on it: nobody starts them twice, with image locks or without.

It has power, so whoever starts its guests elsewhere at once has them twice as soon as it goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest.libvirt import read
from ingest.libvirt.binding import load_control
from kgraph.app.sources.shelf import Shelf
from remedies import EffectError, Standing, Task
from remedies.actuators.definitions import Definitions
from remedies.actuators.libvirt import LibvirtActuator
from remedies.actuators.power import Method, PowerActuator
from tests.lab.campaign.truth import Witness
from tests.lab.lab.acting import configured, has_baseline, moving
from tests.lab.lab.guests import Disk
from tests.lab.lab.laboratory import Lab
from tests.lab.lab.power import PowerSwitch
from tests.lab.lab.processes import wait_for
from tests.lab.lab.watching import Watching

pytestmark = pytest.mark.lab

POLICY = """
format: kgraph.policy/v1
rules:
  - {name: heal by itself, mode: auto, when: {risk: high, posterior: 0.5, synced: true}}
"""


@pytest.fixture
def switch(lab: Lab, tmp_path: Path) -> Iterator[PowerSwitch]:
    with closing(lab.serve_power(tmp_path)) as served:
        yield served


@pytest.mark.parametrize("disk", [Disk.LOCAL, Disk.NBD])
def test_a_guest_of_a_hung_host_starts_elsewhere_only_once_that_is_read_back_off(
    lab: Lab, switch: PowerSwitch, tmp_path: Path, disk: Disk
) -> None:
    """With an image lock QEMU itself refuses the second start; without one nothing below would."""
    definitions = Definitions(tmp_path / "definitions")
    for uri in lab.uris:
        list(read(uri, now=datetime.now(UTC), shelf=Shelf([definitions])).items)
    actuator = LibvirtActuator(
        load_control(), tuple(lab.uris), frozenset(lab.uris), definitions, {}
    )
    power = PowerActuator([Method(switch.agent, switch.options("h1"))])
    guest = lab.guests[min(n for n in lab.guests_on(disk) if lab.guests[n].host.name == "h1")]
    told = {"uuid": guest.uuid, "uri": guest.host.uri, "toUri": lab.host("h2").uri, "toName": "h2"}
    limit = timedelta(seconds=20)
    elsewhere = Task("P", "start_elsewhere", guest.name, guest.name, told, (), "runs_there", limit)
    fence = Task("P", "fence", "h1", "Host h1", {}, (), "powered_off", limit)
    with closing(Witness(lab)) as witness:
        lab.hang_host("h1")
        assert power.look(fence).standing is Standing.READY  # it is on, whatever it looks like
        if disk is Disk.LOCAL:
            with pytest.raises(EffectError, match='Failed to get "write" lock'):
                actuator.act(elsewhere)
        power.act(fence)
        assert power.look(fence).standing is Standing.DONE
        actuator.act(elsewhere)
        assert lab.running_on(guest.name) == ["h2"]
        witness.now()
        assert not [name for picture in witness.pictures for name in picture.twice]
        if disk is Disk.NBD:  # with a lock, the QEMU that was turned away was there for a moment
            assert max(len(picture.copies[guest.name]) for picture in witness.pictures) == 1
    assert lab.starts(guest.name)[-1].host == "h2"


def test_a_hung_host_is_fenced_by_policy_and_its_guests_run_elsewhere_and_never_twice(
    lab: Lab, switch: PowerSwitch, tmp_path: Path
) -> None:
    config = configured(lab, tmp_path, POLICY, moving(lab) + switch.endpoints())
    shared = lab.guests_at("h2") & lab.guests_on_export()
    with closing(Witness(lab)) as witness, closing(Watching(config)) as watch:
        watch.wait_for("the first sync", lambda e: e["event"] == "watch.synced", seconds=120)
        wait_for("the baseline of the export", lambda: has_baseline(config), seconds=60)
        lab.hang_host("h2")

        def evacuated() -> bool:
            copies = witness.now().copies
            return all(copies[name] and "h2" not in copies[name] for name in shared)

        wait_for("its guests to run elsewhere", evacuated, seconds=90)
        assert switch.ordered == ["off h2"]
        assert not [name for picture in witness.pictures for name in picture.twice]
        # Each of them was started once more, after the power was off, and on one host.
        assert all(
            max(len(picture.copies[name]) for picture in witness.pictures) == 1 for name in shared
        )
