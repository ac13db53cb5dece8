"""A real systemd, the first process of namespaces of its own, which are gone with it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from kgraph.schema import SourceError
from tests.ingest.readings import found, records, relations, well, wrong
from tests.real import need, until

pytestmark = pytest.mark.sources

_SYSTEMD = "/lib/systemd/systemd"
_UNITS = {
    "base.service": "[Unit]\n[Service]\nExecStart=/bin/sleep 1000\n",
    "shop.service": "[Unit]\nRequires=base.service\n[Service]\nExecStart=/bin/sleep 1000\n",
    "broken.service": "[Unit]\n[Service]\nExecStart=/bin/false\n",
}
# systemd keeps its units in control groups, which outlive it: below one that is swept away.
_GROUP = """\
set -e
mkdir -p {folder}/groups
mount -t cgroup2 none {folder}/groups
mkdir {folder}/groups/{group}
echo $$ > {folder}/groups/{group}/cgroup.procs
exec unshare --cgroup --uts --ipc --pid --net --fork --mount-proc --kill-child \\
    bash {folder}/init
"""
_SWEEP = """\
mount -t cgroup2 none {folder}/groups
for _ in $(seq 100); do
    find {folder}/groups/{group} -depth -type d -exec rmdir {{}} + 2>/dev/null
    [ -d {folder}/groups/{group} ] || exit 0
    sleep 0.05
done
exit 1
"""
_INIT = """\
set -e
mount --bind {folder} {folder}
mount -o remount,bind,ro /
for each in /run /var/log /usr/lib/systemd/system-generators; do mount -t tmpfs none $each; done
mount -t sysfs none /sys
mount -t cgroup2 none /sys/fs/cgroup
mount --bind {folder}/units /etc/systemd/system
mount --bind /dev/null /dev/console
export container=lxc
exec {systemd} --unit=test.target --log-target=null --show-status=no
"""


@pytest.fixture
def via(tmp_path: Path) -> Iterator[list[str]]:
    need("unshare", "nsenter", "systemctl", _SYSTEMD, root=True)
    folder = tmp_path / "units"
    folder.mkdir()
    for name, text in _UNITS.items():
        (folder / name).write_text(text.replace("[Unit]", "[Unit]\nDefaultDependencies=no"))
    wants = " ".join(_UNITS)
    target = f"[Unit]\nDefaultDependencies=no\nAllowIsolate=yes\nWants={wants}\n"
    (folder / "test.target").write_text(target)
    rest = {"folder": tmp_path, "systemd": _SYSTEMD, "group": f"kgraph-{os.getpid()}"}
    for name, script in (("group", _GROUP), ("init", _INIT), ("sweep", _SWEEP)):
        (tmp_path / name).write_text(script.format(**rest))
    with (tmp_path / "log").open("wb") as log:
        holder = subprocess.Popen(
            ["unshare", "--mount", "bash", tmp_path / "group"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        yield ["nsenter", "-t", str(until("systemd", lambda: _first(holder.pid))), "-a"]
    finally:
        holder.kill()
        holder.wait(10)
        subprocess.run(["unshare", "--mount", "bash", tmp_path / "sweep"], check=True, timeout=20)


def _first(holder: int) -> int | None:
    """Return systemd, once the child of what holds its namespaces has become it."""
    for child in Path(f"/proc/{holder}/task/{holder}/children").read_text().split():
        with suppress(OSError):
            if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                return int(child)
    return None


def _settled(via: list[str]) -> dict[tuple[str, str], str]:
    try:
        return wrong(found("systemd", via=via, host="h7").items)
    except SourceError:  # it is still coming up
        time.sleep(0.1)
        return {}


def test_a_real_systemd_tells_its_units_and_which_failed(via: list[str]) -> None:
    until("the services to run", lambda: _runs(via, "base", "shop"))
    seen = until("the unit that fails", lambda: _settled(via))
    assert seen == {
        ("unit:h7/broken.service", "down"): "systemd: broken.service failed: exit-code"
    }
    items = list(found("systemd", via=via, host="h7").items)
    assert records(items)["unit:h7/shop.service"].kind == "ServiceInstance"
    assert ("unit:h7/shop.service", "DEPENDS_ON", "unit:h7/base.service") in relations(items)
    assert {("unit:h7/shop.service", "down"), ("unit:h7/base.service", "down")} <= well(items)


def _runs(via: list[str], *names: str) -> bool:
    try:
        seen = well(found("systemd", via=via, host="h7").items)
    except SourceError:  # it is still coming up
        return False
    return {(f"unit:h7/{name}.service", "down") for name in names} <= seen


def test_a_service_that_is_killed_is_seen_killed(via: list[str]) -> None:
    until("the services to run", lambda: _runs(via, "base", "shop"))
    killed = ["systemctl", "kill", "--signal=SEGV", "base.service"]
    subprocess.run([*via, *killed], check=True, capture_output=True)
    at = ("unit:h7/base.service", "killed")
    seen = until("the kill", lambda: s if at in (s := _settled(via)) else None)
    assert "base.service failed: " in seen[at]
