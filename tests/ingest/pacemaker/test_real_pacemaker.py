"""A real Pacemaker of one node, in namespaces of its own, which are gone with it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from kgraph.schema import SourceError
from kgraph.sourcekit.machines import Told
from tests.ingest.readings import found, records, well
from tests.real import need, until

pytestmark = pytest.mark.sources

_COROSYNC = """\
totem {
 version: 2
 cluster_name: kgraph
 transport: udpu
 secauth: off
 token: 1000
}
nodelist {
 node {
  ring0_addr: 127.0.0.1
  name: h7
  nodeid: 1
 }
}
quorum {
 provider: corosync_votequorum
 expected_votes: 1
}
logging {
 to_stderr: yes
 to_syslog: no
}
"""
# Both keep their state in fixed folders: they get empty ones that nobody else sees.
_START = """\
set -e
hostname h7
ip link set lo up
for each in /run /dev/shm /var/lib/corosync /var/lib/pacemaker /var/log; do
    mount -t tmpfs none $each
done
mkdir -p /run/lock /run/crm /var/lib/pacemaker/{{cib,pengine,cores,blackbox}} /var/log/pacemaker
chown -R hacluster:haclient /run/crm /var/lib/pacemaker /var/log/pacemaker
corosync -f -c {folder}/corosync.conf &
until corosync-cfgtool -s; do sleep 0.1; done
export PCMK_logfile={folder}/pacemaker.log
exec pacemakerd
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="kgp-") as name:  # not in /dev/shm, which they get empty
        yield Path(name)


@pytest.fixture
def via(folder: Path) -> Iterator[list[str]]:
    need("unshare", "nsenter", "corosync", "pacemakerd", "crm_mon", root=True)
    (folder / "corosync.conf").write_text(_COROSYNC)
    (folder / "start").write_text(_START.format(folder=folder))
    spaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child"]
    with (folder / "log").open("wb") as log:
        holder = subprocess.Popen(
            ["unshare", *spaces, "--mount-proc", "bash", folder / "start"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        first = until("the namespaces", lambda: _first(holder.pid))
        yield ["nsenter", "-t", str(first), "-a"]
    finally:
        holder.kill()
        holder.wait(10)


def _first(holder: int) -> int | None:
    children = Path(f"/proc/{holder}/task/{holder}/children").read_text().split()
    return int(children[0]) if children else None


def _tell(via: list[str], *words: str) -> None:
    subprocess.run([*via, *words], check=True, capture_output=True, timeout=30)


def _read(via: list[str]) -> list[Told]:
    with suppress(SourceError):  # it is still coming up
        return list(found("pacemaker", via=via, name="c7").items)
    return []


def test_what_a_real_pacemaker_runs_is_left_to_it_until_a_person_takes_it_out(
    via: list[str],
) -> None:
    until("the cluster", lambda: _read(via))
    dummy = '<primitive id="shop" class="ocf" provider="pacemaker" type="Dummy"/>'
    _tell(via, "crm_attribute", "--name", "stonith-enabled", "--update", "false")
    _tell(via, "cibadmin", "--create", "--scope", "resources", "--xml-text", dummy)
    at = ("resource:c7/shop", "down")
    until("the resource to run", lambda: at in well(_read(via)))
    told = records(_read(via))
    assert {told[key].labels["managedBy"] for key in ("resource:c7/shop", "machine:h7")} == {
        "Pacemaker"
    }
    _tell(via, "crm_resource", "--resource", "shop", "--meta",
          "--set-parameter", "is-managed", "--parameter-value", "false")  # fmt: skip
    until("it to be unmanaged", lambda: not records(_read(via))["resource:c7/shop"].labels)
