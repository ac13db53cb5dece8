"""How long after an alert its explanation is at a receiver, in a large estate.

    python -m tests.bench.bench_enrichment [entities]

A real `kgraph serve` reads an invented estate; alerts on three guests are posted, and a receiver
notes when it is told. Prints the seconds of each round, and what the service has used of the
processor in them: on a machine that others use, too, that says more. Asserts nothing.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from secrets import token_bytes

from kgraph.app.service import tokens
from kgraph.app.service.tokens import Role
from kgraph.store import open_store
from tests.bench.processes import used
from tests.kgraph.server.conftest import alert, webhook
from tests.kgraph.server.serving import Served, running, waited

_ROUNDS, _GUESTS = 5, 3
_QUIET_SECONDS = 20.0  # after the estate was read, for what is made once


class Told(ThreadingHTTPServer):
    """A receiver that remembers when it was told of which incident."""

    def __init__(self) -> None:
        self.at: list[float] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                outer.at.append(time.monotonic())
                self.send_response(202)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        super().__init__(("127.0.0.1", 0), Handler)


def main(entities: int) -> None:
    """Print one line of JSON: entities, and the seconds and processor seconds of each round."""
    receiver = Told()
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with closing(open_store(folder / "kgraph.db")) as store:
            token = tokens.create(store, "bench", Role.ADMIN, datetime.now(UTC), token_bytes)[1]
        text = (
            f'[[sources]]\ntype = "synthetic"\nentities = {entities}\nevery = 86400\n'
            '[[receivers]]\nname = "bench"\ntype = "cloudevents"\nevery = 0\n'
            f'url = "http://127.0.0.1:{receiver.server_port}"\n'
        )
        with running(folder, token, text) as served:
            while not served.client.get("/api/v1/sources").json():
                time.sleep(1)
            time.sleep(_QUIET_SECONDS)
            took = [_round(served, receiver, number) for number in range(_ROUNDS)]
    told = {
        "entities": entities,
        "seconds": [round(wall, 2) for wall, _ in took],
        "cpu_seconds": [round(cpu, 2) for _, cpu in took],
    }
    sys.stdout.write(f"{json.dumps(told)}\n")
    receiver.shutdown()
    receiver.server_close()


def _round(served: Served, receiver: Told, number: int) -> tuple[float, float]:
    path = f"/api/v1/entities?kind=VirtualMachine&limit={_ROUNDS * _GUESTS}"
    guests = served.client.get(path).json()["items"][number * _GUESTS : (number + 1) * _GUESTS]
    uids = [guest["uid"] for guest in guests]
    took = _told(served, receiver, webhook(*(_alert(uid) for uid in uids)))
    over = {"status": "resolved", "endsAt": datetime.now(UTC).isoformat()}
    _told(served, receiver, webhook(*(_alert(uid, **over) for uid in uids)))
    return took


def _alert(uid: str, **changes: object) -> dict[str, object]:
    return alert(
        labels={"alertname": "GuestDown", "kgraph_entity": uid}, fingerprint=uid, **changes
    )


def _told(served: Served, receiver: Told, content: bytes) -> tuple[float, float]:
    """Return the seconds from a post to the next message, and those of the processor."""
    before, posted, spent = len(receiver.at), time.monotonic(), used(served.process.pid)
    assert served.post(content) == 202
    waited(lambda: len(receiver.at) > before)
    return receiver.at[before] - posted, used(served.process.pid) - spent


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
