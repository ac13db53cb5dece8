"""A real Open vSwitch under a real OVN: what their daemons' deaths show, and to whom."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ingest import catalogue
from kgraph.schema import Observation
from kgraph.sourcekit import Found, Here
from kgraph.sourcekit.machines import Told
from tests.ingest.readings import relations
from tests.ingest.switching import Switching, stopped, switching
from tests.real import until

pytestmark = pytest.mark.sources

DAEMON, CONTROLLER = "unit:h1/ovs-vswitchd.service", "unit:h1/ovn-controller.service"


@pytest.fixture(scope="module")
def running() -> Iterator[Switching]:
    with TemporaryDirectory(prefix="kgo-") as folder, switching(Path(folder)) as chassis:
        yield chassis


@pytest.fixture
def chassis(running: Switching) -> Iterator[Switching]:
    yield running
    running.signal("ovs-vswitchd", signal.SIGCONT)
    if running.daemons["ovn-controller"].poll() is not None:
        running.start_controller()
    running.nbctl("--wait=hv", "sync")


def _found(type_: str, chassis: Switching, later: timedelta = timedelta()) -> list[Told]:
    """Read as of now, or some time later."""
    source = catalogue.declared(type_)
    entry = source.entry.model_validate({"type": type_, "via": chassis.via})
    reading: Found = source.read(entry, Here("dc1", datetime.now(UTC) + later, lambda path: path))
    return list(reading.items)


def _seen(items: list[Told], *, abnormal: bool) -> dict[str, str]:
    """Return what is seen and stands, by entity."""
    rows = (item for item in items if isinstance(item, Observation))
    return {o.entity: o.detail for o in rows if o.abnormal is abnormal and o.expires_at != o.at}


def test_both_sources_name_one_port_and_all_is_well(chassis: Switching) -> None:
    by_ovs, by_ovn = _found("ovs", chassis), _found("ovn", chassis)
    assert ("bridge:h1/br-int", "CALLS", CONTROLLER) in relations(by_ovs)
    assert ("port:vm2", "USES", CONTROLLER) in relations(by_ovn)
    for items in (by_ovs, by_ovn):
        assert _seen(items, abnormal=True) == {}
        assert {CONTROLLER, DAEMON} & _seen(items, abnormal=False).keys()


def test_a_stopped_vswitchd_cuts_the_guests_off_and_is_told(chassis: Switching) -> None:
    chassis.signal("ovs-vswitchd", signal.SIGSTOP)
    assert stopped(chassis, chassis.guests[1:]) == list(chassis.guests[1:])
    items = _found("ovs", chassis)
    assert _seen(items, abnormal=True) == {DAEMON: "ovs-vswitchd does not answer within 3 s"}
    assert _seen(items, abnormal=False).keys() <= {CONTROLLER}


def test_a_killed_controller_is_told_by_its_chassis_at_once(chassis: Switching) -> None:
    chassis.signal("ovn-controller", signal.SIGKILL)
    seen = _seen(_found("ovs", chassis), abnormal=True)
    assert seen.keys() == {CONTROLLER}
    assert seen[CONTROLLER].startswith("ovn-controller does not run: ")


def test_a_killed_controller_is_told_by_ovn_once_it_lags(chassis: Switching) -> None:
    chassis.signal("ovn-controller", signal.SIGKILL)
    late = timedelta(seconds=16)

    def told() -> dict[str, str]:
        return _seen(_found("ovn", chassis, late), abnormal=True)

    assert told() == {}, "nobody has numbered"
    chassis.nbctl("--wait=sb", "sync")  # as Neutron does every few seconds
    seen = until("OVN to see it lag", told)
    assert seen == {CONTROLLER: "it does not take what OVN has told it"}
    well = _seen(_found("ovn", chassis, late), abnormal=False)
    assert not {"port:vm1", "port:vm2"} & well.keys()
    chassis.start_controller()
    until("OVN to see it well again", lambda: not told())
