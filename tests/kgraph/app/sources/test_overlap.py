"""One small lab as seven systems see it: one graph from power feed to service, in any order.

None of them knows it all, and they spell names differently: libvirt says `h1.dc1`, lldpd `h1`.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.haproxy.normalise import Place as Balancer
from ingest.haproxy.normalise import normalise as haproxy
from ingest.haproxy.stat import rows as stat_rows
from ingest.libvirt.fetch import GuestReading
from ingest.libvirt.fetch import Reading as HostReading
from ingest.libvirt.normalise import normalise as libvirt
from ingest.ovs import TABLES
from ingest.ovs.normalise import normalise as ovs
from ingest.systemd.normalise import normalise as systemd
from ingest.systemd.units import units
from ingest.tables import Entry, table
from ingest.tables import normalise as tables
from kgraph.app.reading import prometheus
from kgraph.app.reading.sync import Commitment, Reading, keep, unshown
from kgraph.app.sources.declared import bring
from kgraph.config import Configuration, PrometheusSource, Settings
from kgraph.schema import Snapshot
from kgraph.sourcekit import Found, Here, folded
from kgraph.sourcekit import Machine as SomeMachine
from kgraph.sourcekit import Place as Machine
from kgraph.sourcekit.ovsdb import database
from kgraph.sourcekit.wires import Chassis, Local, Neighbour, Wire
from kgraph.sourcekit.wires import wired as lldp
from kgraph.store import GraphStore
from tests.ingest.libvirt.fakes import CAPABILITIES, domain_xml
from tests.ingest.prometheus.answers import PACKS, reading, target
from tests.ingest.readings import NOW
from tests.stores import new_store

HERE = Here("default", NOW, lambda path: path)
HOSTS = {
    "h1": "0c4d2f10-8a5e-4f35-9d7b-1f2a3b4c5d6e",
    "h2": "1d5e3021-9b6f-4a46-8e8c-2a3b4c5d6e7f",
}
GUESTS = {  # name -> host, UUID, MAC
    "web1": ("h1", "7a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d", "52:54:00:00:00:11"),
    "lb1": ("h1", "8b2c3d4e-5f6a-4b7c-9d8e-0f1a2b3c4d5e", "52:54:00:00:00:12"),
    "web2": ("h2", "9c3d4e5f-6a7b-4c8d-ae9f-1a2b3c4d5e6f", "52:54:00:00:00:21"),
}
SWITCH = Chassis("0a:52:e1:3e:27:a5", "tor-1", can=frozenset({"Bridge"}))
CMDB = """\
id,kind,name,key.chassisId,rel.LOCATED_IN.Rack,any.POWERED_BY.PowerFeed
1,Host,h1.dc1,,r1,feed-a;feed-b
2,Host,h2.dc1,,r1,feed-a;feed-b
3,Switch,tor-1,,r1,feed-a
"""
PLACED = "id,kind,uuid,rel.RUNS_ON.Host\n" + "".join(
    f"{name},VirtualMachine,{uuid},{host}\n" for name, (host, uuid, _) in GUESTS.items()
)
STAT = """\
# pxname,svname,status,addr
shop,FRONTEND,OPEN,
shop,BACKEND,UP,
shop,web1,UP,10.0.0.11:80
shop,web2,UP,10.0.0.21:80
"""
Step = Callable[[Reading], object]


def _libvirt(host: str) -> Step:
    uri = f"qemu+ssh://{host}/system"
    nic = (
        "<interface type='bridge'><mac address='{}'/><source bridge='br0'/>"
        "<virtualport type='openvswitch'/><target dev='vnet0'/></interface>"
    )
    here = {name: told for name, told in GUESTS.items() if told[0] == host}
    guests = tuple(
        GuestReading(domain_xml(nic.format(mac), name=name, uuid=uuid), 1, 1)
        for name, (_, uuid, mac) in here.items()
    )
    eth0 = (
        "<interface type='ethernet' name='eth0'><link state='up'/>"
        f"<mac address='aa:00:00:00:00:0{host[1]}'/></interface>"
    )
    told = HostReading(
        uri,
        f"{host}.dc1",
        "QEMU",
        CAPABILITIES.format(uuid=HOSTS[host]),
        guests=guests,
        interfaces=(eth0,),
    )

    def step(reading: Reading) -> object:
        items = libvirt(told, site="default", now=NOW)
        return keep(reading, Snapshot("libvirt", uri, complete=True, items=items))

    return step


def _declared(name: str, scope: str, items: Callable[[], Any]) -> Step:
    return lambda reading: bring(reading, name, "default", Found(scope, folded(items())))


def _lldp(host: str) -> Step:
    wires = [Wire("eth0", f"mac:aa:00:00:00:00:0{host[1]}")]
    heard = [Neighbour("eth0", SWITCH, f"ifname:swp{host[1]}", f"swp{host[1]}", "LLDP")]
    local = Local(Chassis(f"c-{host}", host))
    return _declared("lldp", host, lambda: lldp(local, wires, heard, HERE))


def _table(headings: str, *rows: list[Any]) -> str:
    return json.dumps({"headings": headings.split(), "data": list(rows)})


def _ovs(host: str) -> Step:
    here = [(name, told) for name, told in GUESTS.items() if told[0] == host]
    interfaces: list[list[Any]] = [
        [["uuid", "e"], "eth0", ["map", [["driver_name", "ixgbe"]]], ["map", []], "up"]
    ]
    for number, (name, (_, uuid, mac)) in enumerate(here):
        ids = ["map", [["vm-id", uuid], ["attached-mac", mac]]]
        interfaces.append([["uuid", name], f"vnet{number}", ["map", []], ids, "up"])
    ports = [[row[0], row[1], row[0]] for row in interfaces]
    text = "\n".join(
        [
            _table("_uuid external_ids", [["uuid", "o"], ["map", [["hostname", host]]]]),
            _table("_uuid name ports", [["uuid", "b"], "br0", ["set", [p[0] for p in ports]]]),
            _table("_uuid name interfaces", *ports),
            _table("_uuid name status external_ids link_state", *interfaces),
        ]
    )
    return _declared(
        "ovs", host, lambda: ovs(database(text, "x", TABLES), Machine(host), HERE, {})
    )


def _systemd(host: str) -> Step:
    told = "Id=ovs-vswitchd.service\nLoadState=loaded\nActiveState=active\nSubState=running\n"
    machine = SomeMachine(f"machine:{host}", f"{host}.dc1")
    return _declared("systemd", host, lambda: systemd(units(told, "x"), machine, (), HERE))


def _written(name: str, text: str) -> Step:
    entry = Entry(type="csv", path=Path(f"{name}.csv"))
    return _declared("csv", name, lambda: tables(table(text, name, entry)[0], "", HERE))


def _haproxy() -> Step:
    place = Balancer("edge", "lb1", "/run/s")
    return _declared("haproxy", "/run/s", lambda: haproxy(stat_rows(STAT, "s"), place, None, HERE))


def _prometheus() -> Step:
    source = PrometheusSource(type="prometheus", url="http://127.0.0.1:9090")
    configuration = Configuration(Settings(sources=(source,)))
    server = prometheus.server(source, configuration, PACKS)
    answers = reading([target("h1"), target("h2")])

    def step(at: Reading) -> object:
        found = prometheus.read(answers, server, at.store, NOW)
        return keep(at, found.snapshot(server.origin))

    return step


STEPS: dict[str, Step] = {
    "cmdb": _written("cmdb", CMDB),
    "placed": _written("placed", PLACED),  # its hosts have no row of their own
    **{f"libvirt {host}": _libvirt(host) for host in HOSTS},
    **{f"ovs {host}": _ovs(host) for host in HOSTS},
    **{f"lldp {host}": _lldp(host) for host in HOSTS},
    **{f"systemd {host}": _systemd(host) for host in HOSTS},
    "haproxy": _haproxy(),
    "prometheus": _prometheus(),
}
WANTED = {
    "Rack": 1,
    "PowerFeed": 2,
    "Host": 2,
    "Nic": 2,
    "Switch": 1,
    "SwitchPort": 2,
    "Network": 2,
    "VirtualMachine": 3,
    "VirtualNic": 3,
    "LoadBalancer": 1,
    "Endpoint": 1,
    "Service": 1,
    "ServiceInstance": 4,  # two servers of the service, and a daemon on each host
    "Probe": 5,  # two connections of libvirt, two targets, and the Prometheus itself
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    found = new_store(tmp_path / "kgraph.db")
    yield found
    found.close()


def _orders() -> list[tuple[str, ...]]:
    names, dice = list(STEPS), random.Random(7)
    shuffled = [tuple(dice.sample(names, len(names))) for _ in range(10)]
    return [tuple(names), tuple(reversed(names)), *shuffled]


def _read(store: GraphStore, order: tuple[str, ...]) -> None:
    """Read all of them in an order, until each has seen what the others told."""
    for _ in range(3):
        for name in order:
            STEPS[name](Reading(store, NOW, Commitment.COMMIT, unshown))


@pytest.mark.parametrize("order", _orders(), ids=lambda order: order[0])
def test_in_any_order_each_thing_is_there_once(store: GraphStore, order: tuple[str, ...]) -> None:
    _read(store, order)
    kinds = Counter(entity.kind for entity in store.graph().entities)
    titles = sorted(f"{e.title} {[k.value for k in e.keys]}" for e in store.graph().entities)
    assert kinds == WANTED, "\n".join(titles)


@pytest.mark.parametrize("order", _orders()[:4], ids=lambda order: order[0])
def test_a_service_stands_on_its_power_feeds_by_way_of_all_between(
    store: GraphStore, order: tuple[str, ...]
) -> None:
    _read(store, order)
    graph = store.graph()
    names = {entity.uid: entity.title for entity in graph.entities}
    needs: dict[str, set[str]] = {}
    for tie in graph.relations:
        if tie.type != "WATCHED_BY":
            needs.setdefault(names[tie.dependent], set()).add(names[tie.dependency])
    reached, waiting = set(), ["Endpoint edge/shop", "LoadBalancer edge"]
    while waiting:
        title = waiting.pop()
        if title not in reached:
            reached.add(title)
            waiting += needs.get(title, ())
    assert {
        "Service shop",
        "ServiceInstance shop/web2",
        "VirtualMachine web2",
        "VirtualMachine lb1",
        "Network br0",
        "Nic eth0",
        "SwitchPort tor-1/swp2",
        "Switch tor-1",
        "PowerFeed feed-a",
        "PowerFeed feed-b",
    } <= reached


def test_nothing_stands_alone_and_nothing_is_left_to_decide(store: GraphStore) -> None:
    order = tuple(STEPS)
    _read(store, order)
    graph = store.graph()
    tied = {end for tie in graph.relations for end in (tie.dependent, tie.dependency)}
    assert [e.title for e in graph.entities if e.uid not in tied] == []
    assert store.shared_keys() == []


def test_a_second_reading_of_everything_changes_nothing(store: GraphStore) -> None:
    order = tuple(STEPS)
    _read(store, order)
    before = store.graph()
    _read(store, order)
    after = store.graph()
    assert {e.uid for e in after.entities} == {e.uid for e in before.entities}
    assert set(after.relations) == set(before.relations)


def test_a_target_of_prometheus_watches_the_host_that_all_others_tell_of(
    store: GraphStore,
) -> None:
    _read(store, tuple(STEPS))
    graph = store.graph()
    names = {entity.uid: entity.title for entity in graph.entities}
    watched = {
        (names[r.dependent], names[r.dependency])
        for r in graph.relations
        if r.type == "WATCHED_BY" and "exporter" in names[r.dependency]
    }
    hosts = {e.title for e in graph.entities if e.kind == "Host"}
    assert {dependent for dependent, _ in watched} == hosts
    assert len(watched) == 2
