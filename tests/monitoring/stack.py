"""The stack: real servers and exporters, and libvirt exporters whose guests a test decides."""

from __future__ import annotations

import json
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import yaml

from kgraph.app.setup.monitoring import scrape_interval, shipped
from tests.lab.lab.processes import end, spawn, wait_for
from tools.ports import free_address

TOOLS = (
    "setpriv",
    "prometheus",
    "prometheus-alertmanager",
    "prometheus-blackbox-exporter",
    "prometheus-node-exporter",
    "promtool",
    "amtool",
)
EVERY = "500ms"
GUESTS = {"h1": ("web", "shop"), "h2": ("mail", "wiki")}
RUNNING, PAUSED = 1, 3
T = TypeVar("T")


class Exporter:
    """What prometheus-libvirt-exporter would show of one host; it may be silenced.

    Attributes:
        guests: name -> state code; a guest that is not active is not listed.
        connected: whether the exporter itself sees libvirt.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.guests: dict[str, int] = {}
        self.connected = True
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Answer from now on."""
        if self._server is not None:
            return
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = exporter.text().encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return  # a test's output is the test's

        host, _, port = self.address.partition(":")
        self._server = ThreadingHTTPServer((host, int(port)), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        """Refuse connections from now on."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
        self._server = self._thread = None

    def text(self) -> str:
        """What a scrape gets."""
        lines = [f"libvirt_up {int(self.connected)}"]
        if self.connected:
            lines += [
                f'libvirt_domain_state_code{{domain="{name}",uuid="uuid-{name}"}} {state}'
                for name, state in self.guests.items()
            ]
        return "\n".join(lines) + "\n"


class Stack:
    """Prometheus with the shipped rules, Alertmanager, a node and a blackbox exporter."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._stack = folder, ExitStack()
        self.exporters = {host: Exporter(free_address()) for host in GUESTS}
        self.prometheus, self.alertmanager = free_address(), free_address()
        self._node, self._blackbox = free_address(), free_address()
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def prometheus_url(self) -> str:
        """Where Prometheus listens."""
        return f"http://{self.prometheus}"

    @property
    def alertmanager_url(self) -> str:
        """Where Alertmanager listens."""
        return f"http://{self.alertmanager}"

    def start(self) -> None:
        """Start everything, and wait until it is ready."""
        for exporter in self.exporters.values():
            exporter.start()
            self._stack.callback(exporter.stop)
        node = "prometheus-node-exporter"
        # Not its processors: this machine may well be busy while the tests run.
        only = ("--collector.disable-defaults", "--collector.meminfo")
        self._run(node, f"--web.listen-address={self._node}", *only)
        modules = {"modules": {"tcp_connect": {"prober": "tcp", "timeout": "1s"}}}
        config = f"--config.file={self._write('blackbox.yml', modules)}"
        address = f"--web.listen-address={self._blackbox}"
        # It gives up half a second before Prometheus does: our whole scrape takes no longer.
        self._run("prometheus-blackbox-exporter", config, address, "--timeout-offset=0.1")
        self._run(
            "prometheus-alertmanager",
            f"--config.file={self._write('alertmanager.yml', _QUIET)}",
            f"--storage.path={self._folder / 'alertmanager'}",
            "--cluster.listen-address=",
            f"--web.listen-address={self.alertmanager}",
        )
        self._folder.joinpath("kgraph-rules.yml").write_text(
            shipped("rules.yml", scrape_interval(EVERY))
        )
        self._write("prometheus.yml", self._scrapes())
        self.start_prometheus()
        wait_for("Alertmanager", lambda: ready(self.alertmanager_url))

    def start_prometheus(self) -> None:
        """Start Prometheus, unless it runs."""
        if self._server is not None:
            return
        self._server = spawn(
            [
                "prometheus",
                f"--config.file={self._folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={self._folder / 'prometheus'}",
                f"--web.listen-address={self.prometheus}",
                "--rules.alert.resend-delay=1s",
            ],
            self._folder / "prometheus.log",
        )
        wait_for("Prometheus", lambda: ready(self.prometheus_url))

    def stop_prometheus(self) -> None:
        """End Prometheus."""
        if self._server is not None:
            end(self._server)
        self._server = None

    def heal(self) -> None:
        """Undo everything: all answers, all guests run, nothing fires or waits to."""
        for host, exporter in self.exporters.items():
            exporter.guests = dict.fromkeys(GUESTS[host], RUNNING)
            exporter.connected = True
            exporter.start()
        self.start_prometheus()
        self.until("targets to answer", self._all_up)
        self.until("rules to be evaluated", self._evaluated)
        self.until("guests to be seen", lambda: len(self.query("libvirt_domain_state_code")) == 4)
        self.until("alerts to end", lambda: not self.alerts())
        self.until("alerts to be over", lambda: not self.passed_on())

    def close(self) -> None:
        """End everything."""
        self.stop_prometheus()
        self._stack.close()

    def until(self, what: str, look: Callable[[], T | None]) -> T:
        """Wait until an answer is true."""
        return wait_for(what, look)

    def alerts(self, state: str = "") -> set[tuple[str, str]]:
        """Return name and guest, or instance, of what fires or waits to in Prometheus."""
        found = _get(f"{self.prometheus_url}/api/v1/alerts")["data"]["alerts"]
        rows = (each["labels"] for each in found if state in {"", each["state"]})
        return {(row["alertname"], row.get("domain", row.get("instance", ""))) for row in rows}

    def passed_on(self) -> set[tuple[str, str]]:
        """Return name and guest, or instance, of what Alertmanager lists."""
        rows = [each["labels"] for each in _get(f"{self.alertmanager_url}/api/v2/alerts")]
        return {(row["alertname"], row.get("domain", row.get("instance", ""))) for row in rows}

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the result of an instant query."""
        asked = urllib.parse.quote(expression)
        found: list[dict[str, Any]] = _get(f"{self.prometheus_url}/api/v1/query?query={asked}")[
            "data"
        ]["result"]
        return found

    def _all_up(self) -> bool:
        rows = _get(f"{self.prometheus_url}/api/v1/targets")["data"]["activeTargets"]
        return len(rows) == 4 and all(row["health"] == "up" for row in rows)

    def _evaluated(self) -> bool:
        groups = _get(f"{self.prometheus_url}/api/v1/rules")["data"]["groups"]
        rows = [rule for group in groups for rule in group["rules"]]
        return bool(rows) and all(rule["health"] == "ok" for rule in rows)

    def _run(self, *command: str) -> None:
        process = spawn(command, self._folder / f"{command[0]}.log")
        self._stack.callback(end, process)

    def _write(self, name: str, content: object) -> Path:
        path = self._folder / name
        path.write_text(yaml.safe_dump(content))
        return path

    def _scrapes(self) -> dict[str, Any]:
        libvirt = [
            {"targets": [exporter.address], "labels": {"host": host}}
            for host, exporter in self.exporters.items()
        ]
        asked = [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__param_target"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": self._blackbox},
        ]
        return {
            "global": {"scrape_interval": EVERY, "scrape_timeout": EVERY},
            "rule_files": ["kgraph-rules.yml"],
            "alerting": {
                "alertmanagers": [{"static_configs": [{"targets": [self.alertmanager]}]}]
            },
            "scrape_configs": [
                {"job_name": "libvirt", "static_configs": libvirt},
                {
                    "job_name": "node",
                    "static_configs": [{"targets": [self._node], "labels": {"host": "h1"}}],
                },
                {
                    "job_name": "blackbox-tcp",
                    "metrics_path": "/probe",
                    "params": {"module": ["tcp_connect"]},
                    "static_configs": [{"targets": [self._node], "labels": {"host": "h1"}}],
                    "relabel_configs": asked,
                },
            ],
        }


_QUIET = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}


def ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=1):  # noqa: S310 - on loopback
            return True
    except OSError:
        return False


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - on loopback
        return json.load(answer)
