"""A real unit of a real systemd, restarted through a real sshd on the loopback."""

from __future__ import annotations

import getpass
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from remedies import Standing
from remedies.actuators.systemd import SystemdActuator
from tests.ingest.systemd.test_real_systemd import via
from tests.real import free_port, need, until
from tests.remedies.actuators.test_systemd import task

pytestmark = pytest.mark.sources
__all__ = ["via"]  # the fixture: systemd in namespaces of its own

_SERVER = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/key.pub
StrictModes no
UsePAM no
PasswordAuthentication no
PidFile none
"""
_CLIENT = """\
Host stor1
  HostName 127.0.0.1
  Port {port}
  User {user}
  IdentityFile {folder}/key
  IdentitiesOnly yes
  BatchMode yes
  StrictHostKeyChecking accept-new
  UserKnownHostsFile {folder}/known
"""


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """An sshd that lets this user in; the words that reach it."""
    need("sshd", "ssh", "ssh-keygen", root=True)
    folder = tmp_path / "ssh"
    folder.mkdir(mode=0o700)
    told = {"port": free_port(), "folder": folder, "user": getpass.getuser()}
    for name in ("host", "key"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name]
        subprocess.run(make, check=True)
    (folder / "server").write_text(_SERVER.format(**told))
    (folder / "client").write_text(_CLIENT.format(**told))
    Path("/run/sshd").mkdir(exist_ok=True)  # where it keeps those apart who are not in yet
    server = subprocess.Popen(
        ["/usr/sbin/sshd", "-D", "-f", folder / "server"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    words = ("ssh", "-F", str(folder / "client"), "stor1")
    try:
        until("sshd", lambda: subprocess.run([*words, "true"], check=False).returncode == 0)
        yield words
    finally:
        server.terminate()
        server.wait(10)


def test_a_unit_that_was_stopped_is_restarted_over_ssh(
    ssh: tuple[str, ...], via: list[str]
) -> None:
    actuator = SystemdActuator("base.service", (*ssh, *via))
    restart = task("restart", "active")
    until("it to run", lambda: actuator.look(restart).standing is Standing.DONE)
    subprocess.run([*via, "systemctl", "stop", "base.service"], check=True)
    assert actuator.look(restart).standing is Standing.READY
    actuator.act(restart)
    until("it to run again", lambda: actuator.look(restart).standing is Standing.DONE)


def test_a_unit_that_is_not_there_is_told_and_nothing_is_started(
    ssh: tuple[str, ...], via: list[str]
) -> None:
    actuator = SystemdActuator("no such; touch x.service", (*ssh, *via))
    until("systemd", lambda: subprocess.run([*via, "true"], check=False).returncode == 0)
    assert actuator.look(task("restart", "active")).standing in {Standing.UNFIT, Standing.UNKNOWN}
