"""What Ansible's own tool makes of an inventory is what is made of it here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kgraph.schema import SourceError
from tests.ingest.readings import found, machines, relations, written

pytestmark = pytest.mark.sources

_INI = """\
lonely ansible_host=10.0.0.9
[web]
web[01:03].dc1 owner=shop
[db]
db1 ansible_host=10.0.0.2 owner="the team"   # beside it
[prod:children]
web
db
[prod:vars]
tenant=t1
runbook=https://wiki/x?a=b
"""
_YAML = """\
all:
  hosts:
    lonely: {ansible_host: 10.0.0.9}
  children:
    prod:
      vars: {tenant: t1}
      children:
        web:
          hosts:
            web[01:03].dc1: {owner: shop}
        db:
          hosts:
            db1: {ansible_host: 10.0.0.2, owner: the team}
"""


@pytest.fixture(autouse=True)
def _ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    monkeypatch.setenv("ANSIBLE_HOME", str(tmp_path / "ansible"))


def test_an_inventory_of_which_a_part_cannot_be_read_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "inventory"
    folder.mkdir()
    written(folder, "hosts.ini", "[web]\nw1\n")
    script = written(folder, "cloud.sh", "#!/bin/sh\necho no network >&2\nexit 1\n")
    script.chmod(0o755)
    with pytest.raises(SourceError, match=r"failed to parse inventory source .*cloud\.sh"):
        found("ansible", tool=True, path=folder)


@pytest.mark.parametrize(("name", "text"), [("hosts", _INI), ("hosts.yml", _YAML)])
def test_both_read_the_same(name: str, text: str, tmp_path: Path) -> None:
    path = written(tmp_path, name, text)
    fields = {"path": path, "services": ["web"], "labels": ["owner", "tenant", "runbook"]}
    ours, theirs = (list(found("ansible", tool=tool, **fields).items) for tool in (False, True))
    assert len(machines(ours)) == 5
    assert relations(ours) == relations(theirs)
    for key, machine in machines(ours).items():
        other = machines(theirs)[key]
        assert (machine.name, machine.addresses) == (other.name, other.addresses)
        assert machine.labels == other.labels
