"""Half-dead systems behind tools: a refusal, or half an answer, is one line and never an absence.

The tools are scripts of ours, as real ones cannot be made to fail like this on demand. What
matters most: an answer that is cut off or empty must not look like a complete reading of nothing,
which would close all that the source has ever told.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ingest.ovs.liveness import lifeless
from kgraph.schema import KgraphError
from tests.ingest.readings import found, written

SOURCES: Mapping[str, Mapping[str, Any]] = {
    "kubernetes": {"cluster": "prod"},
    "lldp": {},
    "ovs": {"host": "h1"},
    "ovn": {},
    "systemd": {"host": "h1"},
    "storage": {"also": ["iscsi", "lvm", "multipath", "zpool"]},
    "ceph": {},
    "ipmi": {"host": "h1"},
    "pacemaker": {},
}
BY_NAME: Mapping[str, tuple[str, Mapping[str, Any]]] = {  # found on the path, not by `via`
    "snmp": ("snmpbulkwalk", {"address": "tor-1", "community_env": "KGRAPH_TEST_COMMUNITY"}),
    "ansible": ("ansible-inventory", {"path": "hosts.yml", "tool": True}),
}
FAULTS = {
    "it refuses": "echo 'permission denied' >&2; exit 1",
    "it is killed": "kill -9 $$",
    "nothing": "exit 0",
    "half a document": 'printf \'{"items": [{"kind": \'',
    "half a page for people": "echo '<html><body>Please log in'",
    "another shape": "echo '[1, 2, 3]'",
    "no text": "printf '\\377\\376\\000'",
    "nested for ever": "head -c 100000 /dev/zero | tr '\\0' '['",
}
Through = Callable[[str], list[str]]


@pytest.fixture
def through(tmp_path: Path) -> Through:
    def made(script: str) -> list[str]:
        tool = written(tmp_path, "tool", f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)
        return [str(tool)]

    return made


_BROKEN_OFF = """\
case "$1" in
cat|ovs-appctl) exit {status} ;;
uname) echo h1 ;;
systemctl) printf 'Id=a.service\\nLoadState=loaded\\nActiveState=active\\n' ;;
lsblk) echo '{{"blockdevices": []}}' ;;
lldpcli) echo '{{"local-chassis": [{{"chassis": [{{"id": [{{"value": "x"}}]}}]}}]}}' ;;
ovs-vsctl) for table in 1 2 3 4; do echo '{{"headings": [], "data": []}}'; done ;;
esac
"""


@pytest.mark.parametrize("source", ["systemd", "storage", "lldp", "ovs"])
def test_a_machine_that_is_cut_off_half_way_is_not_read_without_what_it_did_not_tell(
    source: str, through: Through
) -> None:
    """Without its UUID it would be another machine, and its arrays would lack nothing."""
    with pytest.raises(KgraphError, match="it ended with 255"):
        found(source, via=through(_BROKEN_OFF.format(status=255)))
    assert list(found(source, via=through(_BROKEN_OFF.format(status=1))).items)


def test_a_daemon_is_not_down_since_nobody_got_through_to_ask_it(through: Through) -> None:
    assert lifeless("ovs-appctl", "ovs-vswitchd", through("exit 255")) is None


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("source", SOURCES)
def test_a_tool_that_is_half_dead_is_one_line_and_no_absence(
    source: str, fault: str, through: Through
) -> None:
    said, complete = _read(source, via=through(FAULTS[fault]), **SOURCES[source])
    assert said, "it says why"
    assert not any("\n" in line for line in said)
    assert not complete, "nothing passes for all that there is"


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("source", BY_NAME)
def test_a_tool_of_its_own_that_is_half_dead_is_one_line_and_no_absence(
    source: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool, fields = BY_NAME[source]
    written(tmp_path, tool, f"#!/bin/sh\n{FAULTS[fault]}\n").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("KGRAPH_TEST_COMMUNITY", "hunter2")
    said, complete = _read(source, **fields)
    assert said, "it says why"
    assert not any("\n" in line or "hunter2" in line for line in said)
    assert not complete, "nothing passes for all that there is"


def _read(source: str, **fields: Any) -> tuple[tuple[str, ...], bool]:
    """Return what is said of a reading, and whether it passes for a complete one."""
    try:
        reading = found(source, **fields)
        list(reading.items)
    except KgraphError as error:
        return (str(error).strip(),), False
    return reading.findings, reading.complete
