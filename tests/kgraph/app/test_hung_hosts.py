"""Many libvirt connections of which some hang: each has its own scope, and its own staleness."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgraph.app import parallel
from kgraph.app.sources import Context, jobs
from kgraph.app.sync import Commitment, Outcome, Reading, unshown
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
<memory>1024</memory><os><type>hvm</type></os></domain></node>
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    with closing(new_store(tmp_path / "estate.db")) as opened:
        yield opened


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
    for n in _HOSTS:
        (tmp_path / f"{n}.xml").write_text(_NODE.format(n=n))
    first = datetime.now(UTC)
    assert not [outcome for outcome in _synced(store, tmp_path, first) if outcome.failure]
    for n in _HUNG:  # libvirt opens this and waits for ever, as for a host that hangs
        (tmp_path / f"{n}.xml").unlink()
        os.mkfifo(tmp_path / f"{n}.xml")
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
