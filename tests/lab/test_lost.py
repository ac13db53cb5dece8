"""Real hosts lose the definition of a network or pool that guests need, and get it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.libvirt import read
from ingest.libvirt.binding import load_control
from kgraph.app.sources.shelf import Shelf
from kgraph.schema import Item, Observation, Record
from remedies import Standing, Task
from remedies.actuators.definitions import Definitions
from remedies.actuators.libvirt import LibvirtActuator
from tests.lab.lab.acting import configured, has_baseline, moving
from tests.lab.lab.hypervisor import Hypervisor
from tests.lab.lab.laboratory import Lab
from tests.lab.lab.processes import wait_for
from tests.lab.lab.watching import Watching

pytestmark = pytest.mark.lab

POLICY = """
format: kgraph.policy/v1
rules:
  - {name: heal by itself, mode: auto, when: {risk: medium, posterior: 0.5, synced: true}}
"""


@pytest.fixture
def host(lab: Lab) -> Iterator[Hypervisor]:
    """A host whose network is back afterwards, whatever a test has left."""
    found = lab.host("h1")
    xml = found.connection.networkLookupByName("default").XMLDesc(0)
    yield found
    if "default" not in {each.name() for each in found.connection.listAllNetworks()}:
        found.connection.networkDefineXML(xml)
    found.mend_network()


def lose_network(host: Hypervisor) -> str:
    """Take the network away, its definition too, as an operator's slip would; return its UUID."""
    network = host.connection.networkLookupByName("default")
    uuid = str(network.UUIDString())
    network.destroy()
    network.undefine()
    return uuid


def plugged(host: Hypervisor) -> list[str]:
    shown = host.inside("sh", "-c", "ip -o link show master virbr0 2>/dev/null || true")
    return sorted(line.split(": ")[1] for line in shown.splitlines())


def seen(items: list[Item], kind: str, signal: str) -> list[tuple[object, str]]:
    """Return (whether it is defined, how it is) of everything of a kind."""
    said = {
        item.entity: item.state.value
        for item in items
        if isinstance(item, Observation) and item.signal == signal
    }
    found = [item for item in items if isinstance(item, Record) and item.kind == kind]
    return [(each.props.get("defined"), said[each.key]) for each in found if each.key in said]


def test_a_network_that_was_undefined_under_its_guests_is_defined_and_started_again(
    lab: Lab, host: Hypervisor, tmp_path: Path
) -> None:
    definitions = Definitions(tmp_path)
    shelf, uris = Shelf([definitions]), tuple(lab.uris)

    def look() -> list[tuple[object, str]]:
        items = list(read(host.uri, now=datetime.now(UTC), shelf=shelf).items)
        return seen(items, "Network", "down")

    assert look() == [(None, "healthy")]
    uuid = lose_network(host)
    assert look() == [(False, "abnormal")]
    actuator = LibvirtActuator(load_control(), uris, frozenset(uris), definitions)
    (folder,) = {each.parent for each in tmp_path.rglob("network-*.xml")}
    (kept,) = [each for each in folder.iterdir() if uuid in each.name]
    assert "<name>default</name>" in kept.read_text()
    hosts = {
        record.keys[0].value.rpartition("/")[0]
        for record in read(host.uri, now=datetime.now(UTC), shelf=shelf).items
        if isinstance(record, Record) and record.kind == "Network"
    }
    told = {"network": uuid, "uri": host.uri, "host": min(hosts)}
    define = Task("P", "define", "n", "Network default", told, (), "defined")
    activate = Task("P", "activate", "n", "Network default", told, (), "active")
    undefine = Task("P", "undefine", "n", "Network default", told, (), "undefined")
    assert actuator.look(activate).standing is Standing.UNFIT
    assert actuator.look(define).standing is Standing.READY
    for _ in range(2):  # taken back, and done once more
        actuator.act(define)
        assert actuator.look(define).standing is Standing.DONE
        actuator.act(undefine)
        assert actuator.look(define).standing is Standing.READY
    actuator.act(define)
    actuator.act(activate)
    assert actuator.look(activate).standing is Standing.DONE
    assert actuator.look(undefine).standing is Standing.UNFIT  # guests may use it
    network = host.connection.networkLookupByName("default")
    assert network.UUIDString() == uuid
    assert look() == [(None, "healthy")]


def test_a_pool_that_was_undefined_under_disks_is_defined_and_started_again(
    lab: Lab, tmp_path: Path
) -> None:
    host, definitions = lab.host("h1"), Definitions(tmp_path)
    shelf, connection = Shelf([definitions]), lab.host("h1").connection
    pool = connection.storagePoolLookupByName("local")
    xml, uuid = pool.XMLDesc(0), str(pool.UUIDString())

    def look() -> list[tuple[object, str]]:
        items = list(read(host.uri, now=datetime.now(UTC), shelf=shelf).items)
        return seen(items, "StoragePool", "offline")

    before = look()
    assert {state for _, state in before} == {"healthy"}
    pool.destroy()
    pool.undefine()
    try:
        assert (False, "abnormal") in look()
        (record,) = [
            each
            for each in read(host.uri, now=datetime.now(UTC), shelf=shelf).items
            if isinstance(each, Record) and each.props.get("defined") is False
        ]
        told = {"pool": uuid, "uri": host.uri, "host": record.keys[0].value.rpartition("/")[0]}
        uris = tuple(lab.uris)
        actuator = LibvirtActuator(load_control(), uris, frozenset(uris), definitions)
        for action, effect in (("define", "defined"), ("activate", "active")):
            task = Task("P", action, "p", "StoragePool", told, (), effect)
            assert actuator.look(task).standing is Standing.READY
            actuator.act(task)
            assert actuator.look(task).standing is Standing.DONE
        assert look() == before
    finally:
        if uuid not in {each.UUIDString() for each in connection.listAllStoragePools()}:
            connection.storagePoolDefineXML(xml, 0).create()


def test_the_watch_defines_a_lost_network_starts_it_and_plugs_its_guests_in_again(
    lab: Lab, host: Hypervisor, tmp_path: Path
) -> None:
    config = configured(lab, tmp_path, POLICY, moving(lab))
    before = plugged(host)
    with closing(Watching(config)) as watch:
        watch.wait_for("the first sync", lambda e: e["event"] == "watch.synced", seconds=120)
        wait_for("the baseline of the export", lambda: has_baseline(config), seconds=60)
        lose_network(host)
        ended = watch.wait_for("a plan to end", lambda e: e["event"] == "plan.ended", seconds=90)
        assert ended["state"] == "done", "\n".join(event["line"] for event in watch.events)
        network = host.connection.networkLookupByName("default")
        assert network.isActive()
        wait_for("its guests to be on it", lambda: len(plugged(host)) == len(before), seconds=30)
        done = [e["line"] for e in watch.of("plan.step")]
        assert any("define" in line for line in done), done
