"""Many libvirt connections of which some hang: each has its own scope, and its own staleness."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgraph.app.reading import parallel
from kgraph.app.reading.sync import Commitment, Outcome, Reading, unshown
from kgraph.app.sources import Context, jobs
from kgraph.config import Configuration, LibvirtSource, Settings
from kgraph.schema import State
from kgraph.store import GraphStore
from tests.stores import new_store

pytestmark = pytest.mark.libvirt
_HOSTS, _HUNG = range(5), (1, 3)
_NODE = """\
<node><cpu><mhz>2000</mhz><model>x86</model><active>1</active><nodes>1</nodes><sockets>1</sockets>
<cores>1</cores><threads>1</threads></cpu><memory>1048576</memory>
<domain type='test'><name>vm{n}</name><uuid>{n:08x}-0000-4000-8000-000000000001</uuid>
<memory>1024</memory><os><type>hvm</type></os><devices><interface type='network'>
<mac address='52:54:00:00:00:{n:02x}'/><source network='default'/></interface></devices></domain>
<network><name>default</name><uuid>{n:08x}-0000-4000-8000-000000000002</uuid>
<bridge name='virbr0'/><ip address='192.168.12{n}.1' netmask='255.255.255.0'/></network>
<pool type='dir'><name>local</name><uuid>{n:08x}-0000-4000-8000-000000000003</uuid>
<target><path>/pool-{n}</path></target></pool>
<interface type='ethernet' name='eth0'><mac address='52:54:00:00:01:{n:02x}'/></interface>
</node>
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    with closing(new_store(tmp_path / "estate.db")) as opened:
        yield opened


def _built(folder: Path) -> None:
    for n in _HOSTS:
        (folder / f"{n}.xml").write_text(_NODE.format(n=n))


def _hang(folder: Path, n: int) -> None:
    """Let libvirt open what it waits for without end, as for a host that hangs."""
    (folder / f"{n}.xml").unlink()
    os.mkfifo(folder / f"{n}.xml")


def _synced(store: GraphStore, folder: Path, at: datetime) -> list[Outcome]:
    uris = (f"test://{folder}/{n}.xml" for n in _HOSTS)
    sources = tuple(LibvirtSource(type="libvirt", uri=uri, deadline=3) for uri in uris)
    reading = Reading(store, at, Commitment.COMMIT, unshown)
    setting = parallel.Setting(reading, lambda: at, "test")
    configured = jobs(Context(Configuration(Settings(sources=sources))))
    return sorted(parallel.sync(setting, configured), key=lambda outcome: outcome.source)


def test_hosts_that_hang_are_unreachable_and_all_others_are_read_anew(
    store: GraphStore, tmp_path: Path
) -> None:
    _built(tmp_path)
    first = datetime.now(UTC)
    assert not [outcome for outcome in _synced(store, tmp_path, first) if outcome.failure]
    for n in _HUNG:
        _hang(tmp_path, n)
    second = first + timedelta(minutes=1)
    outcomes = _synced(store, tmp_path, second)
    failed = [n for n, outcome in enumerate(outcomes) if outcome.failure]
    assert failed == list(_HUNG)
    assert all("no answer within 2.4 s" in outcomes[n].failure for n in failed)
    scopes = {scope.scope: scope for scope in store.scopes()}
    for n in _HOSTS:
        uri = f"test://{tmp_path}/{n}.xml"
        read_at = scopes[uri].completed_at
        assert read_at == (first if n in _HUNG else second), "each goes stale by itself"
        (host,) = (e for e in store.find(kind="Host") if e.name == uri)
        seen = {(o.signal, o.state) for o in store.evidence([host.uid], now=second).observations}
        silent = ("unreachable", State.ABNORMAL) in seen
        assert silent == (n in _HUNG)
    assert len(store.find(kind="VirtualMachine")) == len(_HOSTS), "nothing has closed"


def test_what_a_host_that_hangs_had_called_well_of_its_parts_ends_with_its_last_word(
    store: GraphStore, tmp_path: Path
) -> None:
    _built(tmp_path)
    first = datetime.now(UTC)
    _synced(store, tmp_path, first)

    def well(at: datetime, n: int) -> set[str]:
        kinds = {entity.uid: entity.kind for entity in store.graph().entities}
        return {
            kinds[row.entity]
            for row in store.evidence(now=at).observations
            if row.detector == f"libvirt/test://{tmp_path}/{n}.xml" and not row.abnormal
        }

    parts = {"Host", "VirtualMachine", "VirtualNic", "Network", "StoragePool"}
    assert [well(first, n) for n in (0, 1)] == [parts, parts]
    _hang(tmp_path, 1)
    second = first + timedelta(minutes=1)
    _synced(store, tmp_path, second)
    assert [well(second, n) for n in (0, 1)] == [parts, set()]
