"""A simulated site: its guests pause when their export dies, and a service of its own mends that.

Simulated is the estate alone. `kgraph serve` is the real one: it takes alerts in as Alertmanager
posts them, plans, waits for approval, asks the site's service to look and to act (format
`kgraph.hook/v1`), and sees from the alerts that are resolved that it helped.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from secrets import token_bytes
from typing import Any

from kgraph.app.service import tokens
from kgraph.app.service.tokens import Role
from kgraph.store import open_store
from tests.kgraph.server.serving import Served, running, waited

ROOT = Path(__file__).parents[2]
ACTIONS = ("restart", "resume")
# The site serves NFS: there is no NBD to check size and signature by.
REMEDY = """\
format: kgraph.remedies/v1
remedies:
  - for: [StorageExport.down]
    steps:
      - {action: restart, why: every guest paused on it waits for it}
      - {action: resume, of: VirtualMachine.paused_io_error, why: it paused on the I/O error}
    refused:
      - fencing the guests' hosts (they are healthy)
      - starting copies of the guests elsewhere (two writers on one disk)
    runbook:
      - what does the log of the server say of its last minute
"""


def estate(guests: int = 8, hosts: int = 4) -> dict[str, Any]:
    """Guests on one export, half as many on another, on hosts with two power feeds each."""
    things = [
        _thing("pdu-a", "PowerFeed"),
        _thing("pdu-b", "PowerFeed"),
        _thing("tor-1", "Switch"),
        _thing("stor1", "Host", "down"),
        _thing("vmstore", "StorageExport", "down"),
        _thing("archive", "StorageExport", "down"),
        _thing("shop", "Service"),
    ]
    needs = [_need(export, "RUNS_ON", "stor1") for export in ("vmstore", "archive")]
    for number in range(hosts):
        host = f"h{number:02}"
        things.append(_thing(host, "Host", "down"))
        needs += [_need(host, "POWERED_BY", f"pdu-{feed}", "power", 1) for feed in "ab"]
        needs.append(_need(host, "CONNECTED_TO", "tor-1"))
    for name, export, count in (("web", "vmstore", guests), ("arc", "archive", guests // 2)):
        for number in range(count):
            guest = f"{name}-{number:03}"
            things.append(_thing(guest, "VirtualMachine", "paused"))
            needs.append(_need(guest, "RUNS_ON", f"h{number % hosts:02}"))
            needs.append(_need(guest, "STORED_ON", export))
    needs += [_need("shop", "RUNS_ON", f"web-{number:03}", "web", 2) for number in range(3)]
    head = {"format": "kgraph.topology/v1", "source": "cmdb", "scope": "site:dc1"}
    return head | {"complete": True, "entities": things, "relations": needs}


def _thing(id_: str, kind: str, *watched: str) -> dict[str, Any]:
    return {"id": id_, "kind": kind, "name": id_, "watched": list(watched)}


def _need(
    dependent: str, type_: str, dependency: str, group: str | None = None, need: int | None = None
) -> dict[str, Any]:
    row = {"from": dependent, "type": type_, "to": dependency}
    return row | ({"group": group, "need": need} if group else {})


class Site:
    """What there really is: which guests are paused, whether the export serves."""

    def __init__(self, guests: int = 8) -> None:
        self.guests = [f"web-{number:03}" for number in range(guests)]
        self.paused: set[str] = set()
        self.serving = True
        self.began = ""
        self.asked: list[str] = []
        self.url = ""
        self.service: Served | None = None

    @property
    def served(self) -> Served:
        """The service; there is one once the site is `broken`."""
        assert self.service is not None
        return self.service

    def kill_export(self) -> None:
        """The export dies: its guests pause, and Alertmanager says so."""
        self.serving, self.paused = False, set(self.guests)
        self.began = datetime.now(UTC).isoformat()
        self._alert("firing", "StorageExportDown", ["vmstore"])
        self._alert("firing", "GuestPaused", self.guests)

    def wake(self, guest: str) -> None:
        """A guest goes on by itself, and Alertmanager says so."""
        self.guests.remove(guest)
        self.paused.discard(guest)
        self._alert("resolved", "GuestPaused", [guest])

    def look(self, action: str, name: str) -> str:
        """Say how the live system stands to an action."""
        if action == "restart":
            return "done" if self.serving else "ready"
        return "ready" if name in self.paused else "done"

    def act(self, action: str, name: str) -> None:
        """Do it."""
        self.asked.append(f"{action} {name}")
        if action == "restart":
            self.serving = True
            self._alert("resolved", "StorageExportDown", ["vmstore"])
        elif action == "resume" and self.serving:
            self.paused.discard(name)
            self._alert("resolved", "GuestPaused", [name])

    def _alert(self, status: str, alert: str, names: Sequence[str]) -> None:
        now = datetime.now(UTC).isoformat()
        label = "export" if alert == "StorageExportDown" else "domain"
        alerts = [
            {
                "status": status,
                "labels": {"alertname": alert, label: name},
                "annotations": {},
                "startsAt": self.began,
                "endsAt": now if status == "resolved" else "0001-01-01T00:00:00Z",
                "fingerprint": f"{alert} {name}",
            }
            for name in names
        ]
        whole = {"version": "4", "groupKey": "{}", "truncatedAlerts": 0, "alerts": alerts}
        assert self.served.post(json.dumps(whole).encode()) == 202


@contextmanager
def answering(site: Site) -> Iterator[Site]:
    """Let the site's service listen for the length of a block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = asked["title"].split()[-1]
            said: dict[str, Any] = {"said": ""}
            if asked["ask"] == "look":
                said["standing"] = site.look(asked["action"], name)
            else:
                site.act(asked["action"], name)
            body = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


def settings(site: Site, folder: Path, hosts: int = 4) -> str:
    """Return what stands in kgraph.toml of it; the shipped actions, but quicker to be verified."""
    (folder / "estate.json").write_text(json.dumps(estate(len(site.guests), hosts)))
    own = folder / "catalogue"
    own.mkdir()
    for actions in (ROOT / "remedies/catalogue").glob("actions-*.yaml"):
        text = re.sub(r"settleSeconds: \d+", "settleSeconds: 3", actions.read_text())
        (own / actions.name).write_text(re.sub(r"steadySeconds: \d+", "steadySeconds: 0", text))
    (own / "nfs.yaml").write_text(REMEDY)
    return (
        '[folders]\ncatalogue = ["catalogue"]\n[watch]\ntick = 0.2\n'
        '[[sources]]\ntype = "topology"\npath = "estate.json"\nevery = 5\n'
        '[[endpoints]]\nname = "site"\ntype = "hook"\n'
        f'url = "{site.url}"\nactions = {json.dumps(ACTIONS)}\n'
    )


def token_for(folder: Path, role: Role) -> str:
    """Make a token; its name is its role."""
    with closing(open_store(folder / "kgraph.db")) as store:
        return tokens.create(store, role.value, role, datetime.now(UTC), token_bytes)[1]


@contextmanager
def broken(folder: Path, guests: int = 8, hosts: int = 4) -> Iterator[Site]:
    """A served site whose export has died; there is one incident, with a plan."""
    site = Site(guests)
    with answering(site), running(folder, "", settings(site, folder, hosts)) as served:
        served.client.headers["Authorization"] = f"Bearer {token_for(folder, Role.OPERATOR)}"
        site.service = served
        waited(lambda: served.client.get("/api/v1/entities?text=vmstore").json()["items"])
        site.kill_export()
        waited(lambda: served.client.get("/api/v1/plans").json()["items"])
        yield site
