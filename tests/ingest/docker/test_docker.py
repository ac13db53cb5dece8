from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any

import pytest

from kgraph.schema import RelationRecord, SourceError
from kgraph.sourcekit.machines import Told
from tests.ingest.readings import found, keys, records, relations, well, wrong

Object = dict[str, Any]
WEB, DB, JOB = ("a" * 64, "b" * 64, "c" * 64)
NET = "d" * 64


def _container(id_: str, name: str, state: Object, **more: Any) -> Object:
    labels = {f"com.docker.compose.{k}": v for k, v in more.pop("compose", {}).items()}
    return {
        "Id": id_,
        "Name": f"/{name}",
        "State": state,
        "RestartCount": 2,
        "Config": {"Image": "shop:3", "Labels": labels | {"owner": "team-shop", "pw": "x"}},
        "NetworkSettings": {"Networks": {"shop_default": {"NetworkID": NET}}},
        "Mounts": more.pop("mounts", []),
    }


RUNNING = {"Status": "running", "ExitCode": 0, "Health": {"Status": "healthy"}}
ANSWERS: dict[str, Any] = {
    "/info": {"Name": "h1"},
    "/containers/json": [{"Id": WEB}, {"Id": DB}, {"Id": JOB}],
    f"/containers/{WEB}/json": _container(
        WEB, "shop-web-1", RUNNING,
        compose={
            "project": "shop", "service": "web",
            "depends_on": "db:service_started:false,cache:service_started:false",
        },
    ),
    f"/containers/{DB}/json": _container(
        DB, "shop-db-1", {"Status": "exited", "ExitCode": 137, "OOMKilled": True},
        compose={"project": "shop", "service": "db"},
        mounts=[
            {"Type": "volume", "Name": "data"},
            {"Type": "volume", "Name": "shared"},
            {"Type": "bind", "Source": "/etc"},
        ],
    ),
    f"/containers/{JOB}/json": _container(JOB, "job", {"Status": "exited", "ExitCode": 0}),
    "/networks": [
        {"Id": NET, "Name": "shop_default", "Driver": "bridge", "Scope": "local"},
        {"Id": "e" * 64, "Name": "host", "Driver": "host", "Scope": "local"},
    ],
    "/volumes": {
        "Volumes": [
            {"Name": "data", "Driver": "local", "Mountpoint": "/var/lib/docker/volumes/data"},
            {
                "Name": "shared", "Driver": "local", "Mountpoint": "/x",
                "Options": {"type": "nfs", "o": "addr=Stor1,rw", "device": ":/srv/shop"},
            },
        ]
    },
}  # fmt: skip


class _Engine(BaseHTTPRequestHandler):
    answers: Mapping[str, Any] = {}

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        content = self.answers.get(path)
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:  # type: ignore[override]
        """Say nothing."""


@pytest.fixture
def answers() -> dict[str, Any]:
    return dict(ANSWERS)


@pytest.fixture
def socket(tmp_path: Path, answers: dict[str, Any]) -> Iterator[Path]:
    path = tmp_path / "s"
    handler = type("Engine", (_Engine,), {"answers": answers})
    with ThreadingUnixStreamServer(str(path), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield path
        server.shutdown()


def _items(socket: Path) -> list[Told]:
    return list(found("docker", socket=socket).items)


def test_an_engine_is_read_over_its_socket(socket: Path) -> None:
    rows = records(_items(socket))
    assert {key: row.kind for key, row in rows.items()} == {
        "machine:h1": "Host",
        "probe:docker/h1": "Probe",
        f"network:{NET}": "Network",
        "volume:h1/data": "Volume",
        "volume:h1/shared": "Volume",
        "export:nfs://stor1/srv/shop": "StorageExport",
        f"container:{WEB}": "Container",
        f"container:{DB}": "Container",
        f"container:{JOB}": "Container",
        "service:h1/shop/web": "Service",
        "service:h1/shop/db": "Service",
    }
    assert keys(rows[f"container:{WEB}"]) == {("containerId", WEB), ("name", "h1/shop-web-1")}
    assert dict(rows[f"container:{WEB}"].labels) == {
        "owner": "team-shop",
        "composeProject": "shop",
    }


def test_what_depends_on_what_is_told(socket: Path) -> None:
    items = _items(socket)
    assert {
        (f"container:{WEB}", "RUNS_ON", "machine:h1"),
        (f"container:{WEB}", "ATTACHED_TO", f"network:{NET}"),
        (f"network:{NET}", "USES", "machine:h1"),
        (f"container:{DB}", "STORED_ON", "volume:h1/data"),
        ("volume:h1/shared", "STORED_ON", "export:nfs://stor1/srv/shop"),
        ("volume:h1/data", "DEPENDS_ON", "machine:h1"),
        ("service:h1/shop/web", "CALLS", "service:h1/shop/db"),
        ("service:h1/shop/web", "RUNS_ON", f"container:{WEB}"),
    } <= relations(items)
    told = set(records(items))
    ties = [i for i in items if isinstance(i, RelationRecord)]
    assert {end for tie in ties for end in (tie.dependent, tie.dependency)} <= told


def test_who_was_killed_is_told_and_who_is_done_is_no_fault(socket: Path) -> None:
    items = _items(socket)
    assert wrong(items) == {
        (f"container:{DB}", "down"): "it ended with 137",
        (f"container:{DB}", "killed"): "it was killed: it ended with 137",
    }
    assert {e for e, _ in well(items)} == {f"container:{WEB}", "probe:docker/h1"}


def test_a_restart_loop_and_a_failing_health_check_are_told(
    socket: Path, answers: dict[str, Any]
) -> None:
    restarting = {"Status": "restarting", "ExitCode": 1}
    sick = {"Status": "running", "Health": {"Status": "unhealthy"}}
    answers[f"/containers/{DB}/json"] = _container(DB, "db", restarting)
    answers[f"/containers/{WEB}/json"] = _container(WEB, "web", sick)
    assert wrong(_items(socket)) == {
        (f"container:{DB}", "down"): "it restarts again and again: it ended with 1",
        (f"container:{WEB}", "errors"): "its health check fails",
    }


def test_a_container_that_went_meanwhile_is_left_out_and_told(
    socket: Path, answers: dict[str, Any]
) -> None:
    del answers[f"/containers/{JOB}/json"]
    reading = found("docker", socket=socket)
    assert f"container:{JOB}" not in records(reading.items)
    assert reading.findings == (f"docker {socket}: container cccccccccccc went while it was read",)


@pytest.mark.parametrize(
    ("path", "answer", "told"),
    [
        ("/info", "<html>", "not JSON"),
        ("/info", {}, r"the answer.Name is missing"),
        ("/containers/json", {"message": "no"}, r"the answer is not a list"),
        (f"/containers/{WEB}/json", '{"Id": "aa', "not JSON"),
        ("/networks", [{"Name": "x"}], r"\[0\].Id is missing"),
    ],
)
def test_nonsense_is_refused_with_its_place(
    socket: Path, answers: dict[str, Any], path: str, answer: object, told: str
) -> None:
    answers[path] = answer
    with pytest.raises(SourceError, match=f"unix://.*{told}"):
        _items(socket)


def test_nobody_at_the_socket_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="Docker can't be reached"):
        found("docker", socket=tmp_path / "nothing")


def test_a_password_in_the_address_is_refused() -> None:
    with pytest.raises(ValueError, match="a password does not belong"):
        found("docker", url="https://me:hunter2@h1:2376")
