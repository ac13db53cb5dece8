"""What exporters tell that Debian's does not: how long requests of guests take. And a Prometheus.

The exporter asks libvirt for block statistics; its metrics are named as those of
the newer libvirt exporters are.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from tests.lab.lab.hypervisor import NODE_EXPORTER_PORT
from tests.lab.lab.laboratory import Lab
from tests.lab.lab.monitoring import answers, get
from tests.lab.lab.processes import end, spawn, wait_for
from tools.ports import free_address

_PREFIX = "libvirt_domain_block_stats"
_COUNTERS = {
    "rd_operations": (f"{_PREFIX}_read_requests_total", 1),
    "wr_operations": (f"{_PREFIX}_write_requests_total", 1),
    "rd_total_times": (f"{_PREFIX}_read_time_seconds_total", 1e-9),
    "wr_total_times": (f"{_PREFIX}_write_time_seconds_total", 1e-9),
}
_EVERY = "1s"
_SAMPLE = 0.3  # seconds between two looks at libvirt; on a busy machine a look takes longer


class Telemetry:
    """One exporter for all guests, and a Prometheus that scrapes it and the node exporters."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self._uris = {host: lab.host(host).uri for host in ("h1", "h2", "h3")}
        self._connections: dict[str, Any] = {}
        self._text, self._over = "", threading.Event()
        self._sampler = threading.Thread(target=self._sample)
        self._sampler.start()
        self._exporter, self._thread = _serve(self)
        self._folder, self.address = folder, free_address()
        config = {
            "global": {"scrape_interval": _EVERY, "scrape_timeout": _EVERY},
            "scrape_configs": [
                {
                    "job_name": "disks",
                    "static_configs": [{"targets": [self._at]}],
                },
                {
                    "job_name": "node",
                    "static_configs": [
                        {
                            "targets": [f"{lab.host('h3').address}:{NODE_EXPORTER_PORT}"],
                            "labels": {"host": "h3"},
                        }
                    ],
                    # The other file systems are those of the machine that the lab is on.
                    "metric_relabel_configs": [
                        {
                            "source_labels": ["mountpoint"],
                            "regex": ".*/h3/small",
                            "action": "keep",
                        }
                    ],
                },
            ],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Where Prometheus listens."""
        return f"http://{self.address}"

    @property
    def _at(self) -> str:
        return f"127.0.0.1:{self._exporter.server_port}"

    def start(self) -> None:
        """Start Prometheus, unless it runs."""
        if self._process is not None:
            return
        self._process = spawn(
            [
                "prometheus",
                f"--config.file={self._folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={self._folder / 'data'}",
                f"--web.listen-address={self.address}",
            ],
            self._folder / "prometheus.log",
        )
        wait_for("Prometheus", lambda: answers(f"{self.url}/-/ready"))

    def stop(self) -> None:
        """Kill Prometheus."""
        if self._process is not None:
            end(self._process)
        self._process = None

    def close(self) -> None:
        """End all of it."""
        self.stop()
        self._exporter.shutdown()
        self._thread.join()
        self._exporter.server_close()
        self._over.set()
        self._sampler.join()

    def targets_up(self) -> bool:
        """Tell whether all scrapes succeed."""
        rows = get(f"{self.url}/api/v1/targets")["data"]["activeTargets"]
        return bool(rows) and all(row["health"] == "up" for row in rows)

    @property
    def text(self) -> str:
        """What a scrape gets: what was seen last, so that no scrape waits for libvirt."""
        return self._text

    def _sample(self) -> None:
        while not self._over.wait(_SAMPLE):
            lines: list[str] = []
            for host, uri in self._uris.items():
                # A host that does not answer is left out.
                with suppress(import_module("libvirt").libvirtError):
                    lines += self._of(host, uri)
            self._text = "\n".join(lines) + "\n"

    def _of(self, host: str, uri: str) -> list[str]:
        libvirt = import_module("libvirt")
        known = self._connections.get(uri)
        if known is None or not known.isAlive():
            known = self._connections[uri] = libvirt.openReadOnly(uri)
        lines = []
        for domain in known.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_RUNNING):
            labels = f'host="{host}",domain="{domain.name()}",uuid="{domain.UUIDString()}"'
            lines += _lines(domain.blockStatsFlags("vda"), f'{labels},target_device="vda"')
        return lines


def _lines(stats: Mapping[str, int], labels: str) -> list[str]:
    return [
        f"{metric}{{{labels}}} {stats[key] * unit:.9g}"
        for key, (metric, unit) in _COUNTERS.items()
        if key in stats
    ]


def _serve(telemetry: Telemetry) -> tuple[ThreadingHTTPServer, threading.Thread]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = telemetry.text.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(OSError):  # a scrape that was given up
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return  # a test's output is the test's

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    return server, thread
