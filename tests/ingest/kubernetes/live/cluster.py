"""A real Kubernetes API server with its etcd on loopback; nodes and pods are furnished, not run.

No kubelet and no controller runs: what they would write is written by `kubectl`, and the server
holds it to the published schemas.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab.lab.processes import end, spawn
from tests.real import free_port, need, until

SERVER = Path(__file__).parents[4] / ".kubernetes" / "apiserver"
_ADMIN, _READER = "admin", "reader"
_START_SECONDS = 120.0


@dataclass(frozen=True)
class Cluster:
    """A running API server.

    Attributes:
        folder: credentials and logs.
    """

    folder: Path

    def kubeconfig(self, who: str = _ADMIN) -> Path:
        """Return the credentials of the administrator, or of a reader without any right yet."""
        return self.folder / f"{who}.kubeconfig"

    def kubectl(self, *words: str, told: object = None) -> str:
        """Run it as the administrator, with an object on its standard input if there is one.

        Raises:
            AssertionError: it failed; with what it said.
        """
        done = subprocess.run(
            ["kubectl", f"--kubeconfig={self.kubeconfig()}", *words],
            input=None if told is None else json.dumps(told),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
        return done.stdout

    def make(self, item: dict[str, Any]) -> str:
        """Create an object, its status too; return its uid."""
        made = json.loads(self.kubectl("create", "-f", "-", "-o", "json", told=item))
        if "status" in item:
            self.status(made["kind"], made["metadata"], item["status"])
        uid: str = made["metadata"]["uid"]
        return uid

    def status(self, kind: str, metadata: dict[str, Any], status: dict[str, Any]) -> None:
        """Write what a kubelet or a controller would write."""
        space = [f"--namespace={metadata['namespace']}"] if "namespace" in metadata else []
        patch = json.dumps({"status": status})
        of = [kind, metadata["name"], *space]
        self.kubectl("patch", *of, "--subresource=status", "--type=merge", f"--patch={patch}")


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Start etcd and the server; skip with a line where they were not built."""
    need("kubectl", "openssl", "setpriv")
    if not SERVER.exists():
        pytest.skip("no API server is built here; run 'make test-kubernetes'")
    store, peers, port = free_port(), free_port(), free_port()
    _credentials(folder, port)
    url, peer = f"http://127.0.0.1:{store}", f"http://127.0.0.1:{peers}"
    etcd = spawn(
        [
            str(SERVER), "etcd", f"--data-dir={folder}/etcd", f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}", f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}",
        ],
        folder / "etcd.log",
    )  # fmt: skip
    server = spawn(
        [
            str(SERVER), f"--etcd-servers={url}", "--bind-address=127.0.0.1",
            f"--secure-port={port}", "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.0.0.0/24",
            f"--cert-dir={folder}/certs", "--service-account-issuer=https://kgraph.test",
            f"--service-account-key-file={folder}/sa.key",
            f"--service-account-signing-key-file={folder}/sa.key",
            f"--token-auth-file={folder}/tokens.csv", "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",
        ],
        folder / "apiserver.log",
    )  # fmt: skip
    try:
        until("the API server", lambda: _ready(folder), seconds=_START_SECONDS)
        yield Cluster(folder)
    finally:
        end(server)
        end(etcd)


def _ready(folder: Path) -> bool:
    words = ["kubectl", f"--kubeconfig={folder}/{_ADMIN}.kubeconfig", "get", "--raw=/readyz"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20)
    return done.stdout == "ok"


def _credentials(folder: Path, port: int) -> None:
    key = ["openssl", "genrsa", "-out", str(folder / "sa.key"), "2048"]
    subprocess.run(key, check=True, capture_output=True)
    groups = {_ADMIN: "system:masters", _READER: "readers"}
    rows = [f"token-of-{who},{who},{who},{group}\n" for who, group in groups.items()]
    (folder / "tokens.csv").write_text("".join(rows))
    server = {
        "server": f"https://127.0.0.1:{port}",
        "certificate-authority": str(folder / "certs" / "apiserver.crt"),
    }
    for who in groups:
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "here", "cluster": server}],
            "users": [{"name": who, "user": {"token": f"token-of-{who}"}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": who}}],
            "current-context": "here",
        }
        (folder / f"{who}.kubeconfig").write_text(yaml.safe_dump(document))
