"""libvirt, Open vSwitch, LLDP, HAProxy, Prometheus and a table: one graph of one real lab."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from kgraph.app.queries import hygiene
from kgraph.app.views.identity import conflicts
from kgraph.store import GraphStore, open_store
from tests.lab.lab.edge import BRIDGE, Edge
from tests.lab.lab.laboratory import Lab
from tests.lab.lab.processes import wait_for
from tests.real import need

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
SERVED = ("mail-1", "mail-2")  # of h1 and h2


@pytest.fixture
def edge(lab: Lab) -> Iterator[Edge]:
    need("ovs-vswitchd", "ovsdb-server", "lldpd", "lldpcli", "haproxy", root=True)
    with TemporaryDirectory(prefix="kge-") as folder:
        Path(folder).chmod(0o755)  # lldpd lets go of root
        with Edge(lab, Path(folder), SERVED) as made:
            yield made


def kgraph(config: Path, *words: str) -> str:
    command = [sys.executable, "-m", "kgraph", *words, "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def config(edge: Edge, tmp_path: Path) -> Path:
    """All sources, read until each has seen what the others told."""
    path = tmp_path / "kgraph.toml"
    path.write_text(edge.lab.config(tmp_path / "kgraph.db") + edge.config)
    for _ in range(2):
        kgraph(path, "sync")
    return path


@pytest.fixture
def store(config: Path) -> Iterator[GraphStore]:
    with closing(open_store(config.with_name("kgraph.db"), read_only=True)) as opened:
        yield opened


WANTED = {
    "Rack": 1,
    "PowerFeed": 2,
    "Host": 3,
    "Nic": 3,
    "Switch": 1,
    "SwitchPort": 5,  # three hosts, the storage server, and the one that we are plugged into
    "Network": 4,  # one of libvirt's own on each host, and the bridge of Open vSwitch
    "VirtualMachine": 10,
    "VirtualNic": 11,
    "StoragePool": 6,
    "StorageExport": 1,
    "Volume": 6,
    "LoadBalancer": 1,
    "Endpoint": 1,
    "Service": 1,
    "ServiceInstance": 3,  # two servers of the service, and the switch's daemon
    "Probe": 13,  # libvirt on each host, three exporters for each, and the Prometheus itself
}


def _reached(store: GraphStore, title: str) -> set[str]:
    """Return the titles of all that something depends on."""
    graph = store.graph()
    names = {entity.uid: entity.title for entity in graph.entities}
    needs: dict[str, set[str]] = {}
    for tie in graph.relations:
        if tie.type != "WATCHED_BY":
            needs.setdefault(names[tie.dependent], set()).add(names[tie.dependency])
    reached, waiting = set[str](), [title]
    while waiting:
        each = waiting.pop()
        if each not in reached:
            reached.add(each)
            waiting += needs.get(each, ())
    return reached


def test_one_graph_from_power_feed_to_service_without_duplicate_or_orphan(
    store: GraphStore,
) -> None:
    graph = store.graph()
    titles = "\n".join(sorted(e.title for e in graph.entities))
    assert Counter(e.kind for e in graph.entities) == WANTED, titles
    assert hygiene.orphans(store) == []
    assert hygiene.guests_without_host(store) == []
    assert conflicts(store) == []
    assert {
        "ServiceInstance shop/mail-1",
        "VirtualMachine mail-1",
        f"Network {BRIDGE}",
        "ServiceInstance h1/ovs-vswitchd.service",
        "Host h1",
        "Nic eth0",
        "SwitchPort fabric-1/port11",
        "Switch fabric-1",
        "PowerFeed feed-a",
        "PowerFeed feed-b",
    } <= _reached(store, "Endpoint edge/shop")


def test_a_service_behind_haproxy_that_fails_with_its_guest_has_the_guest_named(
    edge: Edge, config: Path
) -> None:
    edge.lab.kill_guest("mail-2")
    wait_for("HAProxy to see it down", lambda: edge.down("mail-2"))
    kgraph(config, "sync")
    answer: dict[str, Any] = json.loads(kgraph(config, "investigate", "--output", "json"))
    first = answer["causes"][0]
    with closing(open_store(config.with_name("kgraph.db"), read_only=True)) as store:
        (entity,) = store.get([first["entity"]])
    assert (entity.title, first["mode"]) == ("VirtualMachine mail-2", "down")
    witnesses = {row["detector"].partition("/")[0] for row in first["supporting"]}
    assert "haproxy" in witnesses
    assert witnesses & {"libvirt", "prometheus", "alertmanager"}, "whoever told first"
    assert first["posterior"] >= 0.5
