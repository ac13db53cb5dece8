"""`kgraph serve` as a process of its own, for the length of a block."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.lab.lab.processes import wait_for

PATIENCE = 30.0


class Served:
    """A running `kgraph serve`."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, token: str) -> None:
        self.process, self.url = process, url
        self.client = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE
        )

    def post(self, content: bytes) -> int:
        return self.client.post("/hooks/alertmanager", content=content).status_code

    def incidents(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.client.get("/api/v1/incidents").json()["items"]
        return rows


@contextmanager
def running(
    folder: Path, token: str, text: str = "", server: str = "", **environ: str
) -> Iterator[Served]:
    (folder / "kgraph.toml").write_text(
        f'[store]\nurl = "sqlite:///kgraph.db"\n{text}\n[server]\nlisten = "127.0.0.1:0"\n'
        f'public_url = "https://kgraph.example"\n{server}\n'
    )
    log = folder / "serve.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "kgraph", "serve"],
            cwd=folder,
            stderr=out,
            env=os.environ | environ | {"KGRAPH_CONFIG": str(folder / "kgraph.toml")},
        )
    try:
        # The watch may have said something before.
        said = waited(
            lambda: re.search(
                r"^listening on (http://127\.0\.0\.1:\d+)$", log.read_text(), re.MULTILINE
            )
        )
        served = Served(process, said[1], token)
        with served.client:
            yield served
    finally:
        process.kill()
        process.wait()


def waited(true: Callable[[], Any]) -> Any:
    return wait_for("what the service should have done", true)
