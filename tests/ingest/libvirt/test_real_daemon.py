"""A real libvirtd in mounts of its own: by TLS, by SASL, and by the socket of who may only read.

It serves libvirt's own test driver, so no hypervisor is needed; the wire is the real one.
"""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ingest.libvirt import ConnectionLostError, read
from kgraph.schema import Record, SourceError
from tests.ingest.libvirt.fakes import NOW
from tests.real import PATH, free_port, need, until

pytestmark = [pytest.mark.sources, pytest.mark.libvirt]

_CONFIG = """\
listen_tls = 1
listen_tcp = 1
tcp_port = "{sasl}"
auth_tcp = "sasl"
listen_addr = "127.0.0.1"
tls_port = "{port}"
ca_file = "{folder}/ca/cacert.pem"
cert_file = "{folder}/server/servercert.pem"
key_file = "{folder}/server/serverkey.pem"
unix_sock_dir = "{folder}/run"
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_ro_perms = "0777"
"""
# Each mechanism of these encrypts what follows; the password itself never travels.
_SASL = "mech_list: scram-sha-256 digest-md5\nsasldb_path: {folder}/passwords\n"
_AUTH = """\
[credentials-test]
authname={user}
password={password}
[auth-libvirt-127.0.0.1]
credentials=test
"""
_PASSWORD = "hunter2-do-not-tell"
# What it would write is written beside; all of it is gone with the process.
_SCRIPT = """\
set -e
for each in /run /etc/libvirt /etc/sasl2 /var/lib/libvirt /var/cache /var/log; do
    mkdir -p $each
    mount -t tmpfs none $each
done
cp {folder}/sasl.conf /etc/sasl2/libvirt.conf
exec libvirtd --listen --config {folder}/libvirtd.conf --pid-file {folder}/pid
"""


@dataclass(frozen=True, slots=True)
class Daemon:
    folder: Path
    port: int
    sasl: int

    def by_password(self, file: str) -> str:
        where = f"test+tcp://127.0.0.1:{self.sasl}/default"
        return f"{where}?authfile={self.folder}/{file}" if file else where

    def tls(self, pki: str) -> str:
        return f"test+tls://127.0.0.1:{self.port}/default?pkipath={self.folder}/{pki}"

    @property
    def reading(self) -> str:
        return f"test+unix:///default?socket={self.folder}/run/libvirt-sock-ro"


def _openssl(folder: Path, *words: str) -> None:
    done = subprocess.run(["openssl", *words], cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def _authority(folder: Path) -> None:
    folder.mkdir()
    key = ["-newkey", "rsa:2048", "-nodes", "-keyout", "cakey.pem"]
    extras = ["-addext", "keyUsage=keyCertSign"]
    told = ["-subj", "/CN=test", "-days", "2", "-out", "cacert.pem"]
    _openssl(folder, "req", "-x509", *key, *extras, *told)


def _certified(folder: Path, who: str, ca: Path) -> None:
    """Have a certificate as libvirt looks for it, signed by an authority."""
    folder.mkdir()
    (folder / "cacert.pem").write_bytes((ca / "cacert.pem").read_bytes())
    key = ["-newkey", "rsa:2048", "-nodes", "-keyout", f"{who}key.pem"]
    _openssl(folder, "req", *key, "-subj", f"/CN={who}", "-out", "request.pem")
    (folder / "extras").write_text("subjectAltName=IP:127.0.0.1\n")
    signing = ["-CA", f"{ca}/cacert.pem", "-CAkey", f"{ca}/cakey.pem", "-CAcreateserial"]
    told = ["-days", "2", "-extfile", "extras", "-out", f"{who}cert.pem"]
    _openssl(folder, "x509", "-req", "-in", "request.pem", *signing, *told)


def _passwords(folder: Path) -> None:
    """Have one user, and files of those who know the password, do not, and are nobody."""
    (folder / "sasl.conf").write_text(_SASL.format(folder=folder))
    words = ["saslpasswd2", "-p", "-c", "-a", "libvirt", "-f", f"{folder}/passwords", "reader"]
    subprocess.run(words, input=_PASSWORD, text=True, check=True, env={"PATH": PATH})
    for name, user, password in (
        ("right", "reader", _PASSWORD),
        ("wrong", "reader", f"not-{_PASSWORD}"),
        ("nobody", "nobody", _PASSWORD),
    ):
        (folder / name).write_text(_AUTH.format(user=user, password=password))


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    need("libvirtd", "openssl", "unshare", "mount", "saslpasswd2", root=True)
    with TemporaryDirectory(prefix="kgd-") as name:
        folder = Path(name)
        (folder / "run").mkdir()
        for ca, who, at in (("ca", "server", "server"), ("ca", "client", "known")):
            if not (folder / ca).exists():
                _authority(folder / ca)
            _certified(folder / at, who, folder / ca)
        _authority(folder / "other")
        _certified(folder / "stranger", "client", folder / "other")
        told = Daemon(folder, free_port(), free_port())
        _passwords(folder)
        (folder / "libvirtd.conf").write_text(
            _CONFIG.format(folder=folder, port=told.port, sasl=told.sasl)
        )
        script = _SCRIPT.format(folder=folder)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                ["unshare", "--mount", "bash", "-c", script],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={"PATH": PATH},
            )  # fmt: skip
        try:
            until("libvirtd", lambda: process.poll() is not None or _listens(told.port))
            assert process.poll() is None, (folder / "log").read_text()
            yield told
        finally:
            process.terminate()
            process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def _kinds(uri: str) -> set[str]:
    snapshot = read(uri, now=NOW)
    assert snapshot.complete, snapshot.findings
    return {item.kind for item in snapshot.items if isinstance(item, Record)}


def test_a_daemon_is_read_over_tls_with_a_certificate_of_its_authority(daemon: Daemon) -> None:
    assert {"Host", "VirtualMachine", "StoragePool"} <= _kinds(daemon.tls("known"))


def test_a_daemon_of_another_authority_is_refused_in_one_line(daemon: Daemon) -> None:
    with pytest.raises(SourceError, match=r"do not trust each other: .*certificate") as caught:
        read(daemon.tls("stranger"), now=NOW)
    assert not isinstance(caught.value, ConnectionLostError)
    assert "\n" not in str(caught.value)


def test_the_socket_of_those_who_may_only_read_is_enough(daemon: Daemon) -> None:
    assert {"Host", "VirtualMachine", "StoragePool"} <= _kinds(daemon.reading)


def test_a_user_with_a_password_reads_by_sasl(daemon: Daemon) -> None:
    assert {"Host", "VirtualMachine", "StoragePool"} <= _kinds(daemon.by_password("right"))


@pytest.mark.parametrize("file", ["wrong", "nobody", ""])
def test_who_is_not_believed_is_told_in_one_line_and_nothing_is_said_of_the_host(
    daemon: Daemon, file: str
) -> None:
    with pytest.raises(SourceError, match="do not trust each other: authentication") as caught:
        read(daemon.by_password(file), now=NOW)
    assert not isinstance(caught.value, ConnectionLostError)
    line = str(caught.value)
    assert "check certificates (`?pkipath=`), or user and password (`?authfile=`)" in line
    assert "\n" not in line
    assert _PASSWORD not in line
