"""A service on a small estate, asked without a network; and one that really listens."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from kgraph.app.asking.investigation import of_store
from kgraph.app.configured.toolkit import toolkit
from kgraph.app.incidents.keeping import save, sort
from kgraph.app.service import tokens
from kgraph.app.service.tokens import Role
from kgraph.config import Configuration, load
from kgraph.schema import (
    IncidentRecord,
    Observation,
    PlanRecord,
    Record,
    RelationRecord,
    State,
)
from kgraph.server.application import application
from kgraph.server.gate import Gate
from kgraph.server.service import Service
from kgraph.store import GraphStore, ServerStore, open_store

T0 = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
ESTATE = [
    Record("h1", "Host", "h1.dc1"),
    Record("x", "StorageExport", "vmstore"),
    *(Record(f"v{n}", "VirtualMachine", f"web-{n}") for n in range(4)),
    *(RelationRecord(f"v{n}", "RUNS_ON", "h1") for n in range(4)),
    *(RelationRecord(f"v{n}", "STORED_ON", "x") for n in range(4)),
]
Asked = Callable[..., Any]


def filled(where: Path | ServerStore) -> None:
    with closing(open_store(where)) as store, store.sync("cmdb", "", complete=True, at=T0) as run:
        run.stage(ESTATE)
        run.commit()


def secret(count: int) -> bytes:
    """Bytes that differ each time, and are the same in each run."""
    secret.calls = getattr(secret, "calls", 0) + 1  # type: ignore[attr-defined]
    return bytes([secret.calls % 256]) * count  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of the estate, made once: each test begins with a copy."""
    path = tmp_path_factory.mktemp("estate") / "kgraph.db"
    filled(path)
    return path


@pytest.fixture
def folder(tmp_path: Path, estate: Path) -> Path:
    shutil.copyfile(estate, tmp_path / "kgraph.db")
    return tmp_path


@pytest.fixture
def configured(folder: Path) -> Callable[[str], Configuration]:
    """Write a kgraph.toml and read it."""

    def read(text: str = "") -> Configuration:
        (folder / "kgraph.toml").write_text(f'[store]\nurl = "sqlite:///kgraph.db"\n{text}')
        return load(cwd=folder, environ={}, file=folder / "kgraph.toml")

    return read


@pytest.fixture
def store(folder: Path) -> Iterator[GraphStore]:
    with closing(open_store(folder / "kgraph.db")) as opened:
        yield opened


@pytest.fixture
def token(store: GraphStore) -> Callable[[Role], dict[str, str]]:
    """Make a token; return the header that carries it."""

    def made(role: Role) -> dict[str, str]:
        _, text = tokens.create(store, role.value, role, T0, secret)
        return {"Authorization": f"Bearer {text}"}

    return made


@dataclass(frozen=True)
class Explained:
    """What a store keeps of four guests on one export that are paused, the host being well."""

    seen: tuple[Observation, ...]
    incident: IncidentRecord
    plans: tuple[PlanRecord, ...]


@pytest.fixture(scope="session")
def explained(tmp_path_factory: pytest.TempPathFactory, estate: Path) -> Explained:
    """Explain it once: the same estate has the same uids in every store."""
    folder = tmp_path_factory.mktemp("explained")
    shutil.copyfile(estate, folder / "kgraph.db")
    rows = [(f"v{n}", "paused", State.ABNORMAL) for n in range(4)] + [
        ("h1", "down", State.HEALTHY)
    ]
    with closing(open_store(folder / "kgraph.db")) as store:
        seen = tuple(
            Observation(
                str(store.locate("cmdb", key)), signal, state, at=T0, detector="libvirt/h1"
            )
            for key, signal, state in rows
        )
        store.observe(seen)
        tools = toolkit(load(cwd=folder, environ={}), T0)
        save(store, sort(store, of_store(store, tools)))
        (record,) = store.incidents()
        return Explained(seen, record, tuple(store.plans(incident=record.id)))


@pytest.fixture
def incident(store: GraphStore, explained: Explained) -> str:
    """Four guests on one export are paused, the host is well: explained and kept."""
    store.observe(explained.seen)
    store.save_incident(explained.incident)
    for plan in explained.plans:
        store.save_plan(plan)
    return explained.incident.id


class Client:
    """Asks the application itself, without a network: one request after the other."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._app = application(service)

    def request(self, method: str, path: str, **parts: Any) -> httpx.Response:
        """Ask; an error of the program is answered, not raised."""

        async def ask() -> httpx.Response:
            through = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=through, base_url="http://127.0.0.1") as client:
                return await client.request(method, path, **parts)

        return asyncio.run(ask())

    @property
    def gate(self) -> Gate:
        """What every request passes first."""
        if self._app.middleware_stack is None:
            self._app.middleware_stack = self._app.build_middleware_stack()
        layer: Any = self._app.middleware_stack
        while not isinstance(layer, Gate):
            layer = layer.app
        return layer

    def get(self, path: str, **parts: Any) -> httpx.Response:
        return self.request("GET", path, **parts)

    def post(self, path: str, **parts: Any) -> httpx.Response:
        return self.request("POST", path, **parts)


@pytest.fixture
def serve(configured: Callable[[str], Configuration]) -> Iterator[Callable[..., Client]]:
    """Make a client of a service that does not watch; its threads end with the test."""
    services: list[Service] = []

    def client(text: str = "", **parts: Any) -> Client:
        service = Service(configured(text), **parts)
        service.start()
        services.append(service)
        return Client(service)

    yield client
    for each in services:
        each.stop()


def alert(name: str = "HostDown", host: str = "h1.dc1", **changes: object) -> dict[str, object]:
    return {
        "status": "firing",
        "labels": {"alertname": name, "instance": host},
        "annotations": {},
        "startsAt": "2026-11-23T04:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": f"fp-{name}-{host}",
        **changes,
    }


def webhook(*alerts: object, **changes: object) -> bytes:
    whole = {"version": "4", "groupKey": "{}", "truncatedAlerts": 0, "alerts": list(alerts)}
    return json.dumps(whole | changes).encode()


@contextmanager
def listening(
    service: Service, made: Callable[[Service], FastAPI] = application, **settings: Any
) -> Iterator[str]:
    """Serve over a real socket, in a thread; yield where."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(made(service), log_config=None, access_log=False, **settings)
        server = uvicorn.Server(config)
        service.ending = lambda: server.should_exit
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
