"""A real Docker engine in namespaces of its own, with containers that run, fail and are sick."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from kgraph.schema import SourceError
from tests.ingest.readings import found, machines, records, relations, well, wrong
from tests.real import PATH, need, until

pytestmark = pytest.mark.sources

_ENV = {"PATH": PATH}
_BUSYBOX = "/bin/busybox"
_LINKS = ("sh", "sleep", "test", "true")
# What it would write elsewhere is gone with it, and so are all that it has started.
_SCRIPT = """\
set -e
ip link set lo up
mount -t tmpfs none /run
exec dockerd --host unix://{folder}/d.sock --data-root {folder}/root --exec-root {folder}/exec \
    --pidfile {folder}/pid --storage-driver vfs --iptables=false --ip6tables=false \
    --bip 10.99.0.1/24 --log-level error
"""
_CHECK = ["--health-interval=1s", "--health-retries=1"]


@pytest.fixture(scope="module")
def socket() -> Iterator[Path]:
    need("dockerd", "docker", "containerd", "unshare", "ip", _BUSYBOX, root=True)
    with TemporaryDirectory(prefix="kgc-") as name:
        folder = Path(name)
        words = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        with (folder / "log").open("wb") as log:
            engine = subprocess.Popen(
                [*words, "sh", "-c", _SCRIPT.format(folder=folder)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_ENV,
            )  # fmt: skip
        path = folder / "d.sock"

        def answers() -> bool:
            assert engine.poll() is None, (folder / "log").read_text()
            return path.exists() and "Server" in _docker(path, "version", check=False)

        try:
            until("dockerd", answers, 60)
            _furnish(path)
            yield path
        finally:
            _docker(path, "rm", "--force", "web", "sick", "failed", "done", check=False)
            engine.kill()  # with all in its namespaces; an orderly end takes it twenty seconds
            engine.wait()


def _docker(path: Path, *words: str, content: bytes = b"", check: bool = True) -> str:
    command = [shutil.which("docker", path=PATH) or "docker", "--host", f"unix://{path}", *words]
    done = subprocess.run(command, input=content, capture_output=True, check=False, env=_ENV)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout.decode()


def _image() -> bytes:
    """Return the smallest root file system that can run a shell."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(_BUSYBOX, "bin/busybox")
        for name in _LINKS:
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return packed.getvalue()


def _furnish(path: Path) -> None:
    _docker(path, "import", "-", "tiny", content=_image())
    _docker(path, "network", "create", "shop")
    _docker(path, "volume", "create", "data")
    compose = [f"--label=com.docker.compose.{k}" for k in ("project=shop", "service=web")]
    mount = ["--network=shop", "--volume=data:/data"]
    well = [*_CHECK, "--health-cmd=true"]
    sick = [*_CHECK, "--health-cmd=test -e /nothing"]
    _docker(path, "run", "-d", "--name=web", *compose, *mount, *well, "tiny", "sleep", "600")
    _docker(path, "run", "-d", "--name=sick", *sick, "tiny", "sleep", "600")
    _docker(path, "run", "-d", "--name=failed", "tiny", "sh", "-c", "exit 3")
    _docker(path, "run", "-d", "--name=done", "tiny", "true")


def test_what_a_real_engine_runs_is_read(socket: Path) -> None:
    items = list(found("docker", socket=socket).items)
    rows, links = records(items), relations(items)
    named = {(row.kind, row.name.rpartition("/")[2]): key for key, row in rows.items()}
    containers = {name for kind, name in named if kind == "Container"}
    assert containers == {"web", "sick", "failed", "done"}
    web = named["Container", "web"]
    assert (web, "ATTACHED_TO", named["Network", "shop"]) in links
    assert (web, "STORED_ON", named["Volume", "data"]) in links
    (machine,) = machines(items)
    assert {(named["Container", name], "RUNS_ON", machine) for name in containers} <= links
    assert (named["Service", "web"], "RUNS_ON", web) in links


def test_who_is_well_and_who_is_not_is_told(socket: Path) -> None:
    def told() -> dict[str, str]:
        items = list(found("docker", socket=socket).items)
        names = {key: row.name for key, row in records(items).items()}
        return {names[entity]: detail for (entity, _), detail in wrong(items).items()}

    until("the health check to fail", lambda: "sick" in told(), 60)
    assert told().keys() == {"sick", "failed"}
    items = list(found("docker", socket=socket).items)
    healthy = {records(items)[entity].name for entity, _ in well(items)}
    assert "web" in healthy
    assert "done" not in healthy, "it did as it was told, which is no health"


def test_one_that_is_killed_is_told(socket: Path) -> None:
    _docker(socket, "kill", "--signal=KILL", "web")
    items = list(found("docker", socket=socket).items)
    names = {records(items)[entity].name: detail for (entity, _), detail in wrong(items).items()}
    assert "web" in names


def test_an_engine_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="can't be reached") as caught:
        found("docker", socket=tmp_path / "nobody")
    assert "\n" not in str(caught.value)
