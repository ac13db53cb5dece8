"""A real ovsdb-server, with what libvirt writes beside a guest's port; it needs no root."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kgraph.schema import SourceError
from tests.ingest.ovs.servers import ovsdb, vsctl
from tests.ingest.readings import found, keys, records, relations
from tests.real import PATH, need

pytestmark = pytest.mark.sources

_VM = "5f2c3ad2-7e0d-4f44-9d3c-0a1b2c3d4e5f"


@pytest.fixture
def db(tmp_path: Path) -> Iterator[str]:
    with ovsdb(tmp_path) as address:
        yield address


def test_a_real_database_is_read_with_bridges_bonds_and_guests(db: str) -> None:
    vsctl(db, "init", "--", "set", "open", ".", "external_ids:hostname=h7")
    vsctl(db, "add-br", "br0", "--", "add-bond", "br0", "bond0", "eth0", "eth1")
    mac = 'external_ids:attached-mac="52:54:00:00:00:01"'  # quoted: colons part fields there
    vsctl(db, "add-port", "br0", "vnet0")
    vsctl(db, "set", "interface", "vnet0", f"external_ids:vm-id={_VM}", mac)
    for name in ("eth0", "eth1"):  # what the daemon would fill in
        vsctl(db, "set", "interface", name, "status:driver_name=ixgbe")
    reading = found("ovs", db=db)
    items = list(reading.items)
    assert reading.scope == "h7"
    assert {
        ("vnic:h7/vnet0", "ATTACHED_TO", "bridge:h7/br0"),
        ("bridge:h7/br0", "USES", "nic:h7/bond0"),
        ("nic:h7/bond0", "USES", "nic:h7/eth1"),
    } <= relations(items)
    guest = keys(records(items)["vnic:h7/vnet0"])
    assert ("ownerInterface", f"{_VM}/52:54:00:00:00:01") in guest


def test_a_database_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    need("ovs-vsctl")
    with pytest.raises(SourceError, match=r"ovs-vsctl.*database connection failed"):
        found("ovs", db=f"unix:{tmp_path}/nobody")


def test_a_remote_database_that_does_not_tell_its_host_is_told_how_to_mend_it(
    db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "ovs-vsctl"
    tool.write_text(f'#!/bin/sh\nshift 2\nexec /usr/bin/ovs-vsctl --db={db} "$@"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{PATH}")
    vsctl(db, "init")
    with pytest.raises(SourceError, match="it does not tell its host; give `host`"):
        found("ovs", db="tcp:10.0.0.1:6640")
    assert found("ovs", db="tcp:10.0.0.1:6640", host="h9").scope == "h9"
