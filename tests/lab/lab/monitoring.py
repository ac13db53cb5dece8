"""Real Prometheus, Alertmanager and libvirt exporters, all on loopback, on free ports."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from tests.lab.lab.hypervisor import Hypervisor
from tests.lab.lab.processes import end, spawn, wait_for

_QUICK = "500ms"


class Monitoring:
    """One exporter per host, one Prometheus that scrapes them, one Alertmanager."""

    def __init__(self, folder: Path, hosts: Iterable[Hypervisor], webhook: str) -> None:
        self._folder, self._processes = folder, list[subprocess.Popen[bytes]]()
        self._alertmanager = self._start_alertmanager(webhook)
        exporters = {host.name: self._start_exporter(host) for host in hosts}
        self._prometheus = self._start_prometheus(exporters)
        wait_for("Alertmanager", lambda: _answers(f"{self.alertmanager_url}/-/ready"))
        wait_for("Prometheus", lambda: _answers(f"{self.prometheus_url}/-/ready"))

    @property
    def alertmanager_url(self) -> str:
        """Where Alertmanager listens."""
        return f"http://{self._alertmanager}"

    @property
    def prometheus_url(self) -> str:
        """Where Prometheus listens."""
        return f"http://{self._prometheus}"

    def alerts(self) -> list[dict[str, Any]]:
        """Return the answer of `GET /api/v2/alerts`."""
        found: list[dict[str, Any]] = _get(f"{self.alertmanager_url}/api/v2/alerts")
        return found

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the result of an instant query."""
        answer = _get(f"{self.prometheus_url}/api/v1/query?query={quote(expression)}")
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def close(self) -> None:
        """End all of it."""
        for process in self._processes:
            end(process)

    def _run(self, name: str, *arguments: str) -> None:
        self._processes.append(spawn([name, *arguments], self._folder / f"{name}.log"))

    def _start_exporter(self, host: Hypervisor) -> str:
        address = _free_address()
        self._run(
            "prometheus-libvirt-exporter",
            f"--web.listen-address={address}",
            f"--libvirt.uri={host.uri}",
        )
        return address

    def _start_alertmanager(self, webhook: str) -> str:
        address = _free_address()
        config = {
            "route": {
                "receiver": "hook",
                "group_by": ["alertname"],
                "group_wait": _QUICK,
                "group_interval": "1s",
                # Alerts that clear and fire again between two flushes of their group are no news
                # to Alertmanager: it would keep silent until it repeats.
                "repeat_interval": "2s",
            },
            "receivers": [
                {"name": "hook", "webhook_configs": [{"url": webhook, "send_resolved": True}]}
            ],
        }
        self._run(
            "prometheus-alertmanager",
            f"--config.file={self._write('alertmanager.yml', config)}",
            f"--storage.path={self._folder / 'alertmanager'}",
            "--cluster.listen-address=",
            f"--web.listen-address={address}",
        )
        return address

    def _start_prometheus(self, exporters: dict[str, str]) -> str:
        address = _free_address()
        shutil.copy(Path(__file__).with_name("rules.yml"), self._folder)
        targets = [
            {"targets": [target], "labels": {"host": host}} for host, target in exporters.items()
        ]
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "alerting": {
                "alertmanagers": [{"static_configs": [{"targets": [self._alertmanager]}]}]
            },
            "rule_files": ["rules.yml"],
            "scrape_configs": [{"job_name": "libvirt", "static_configs": targets}],
        }
        self._run(
            "prometheus",
            f"--config.file={self._write('prometheus.yml', config)}",
            f"--storage.tsdb.path={self._folder / 'prometheus'}",
            f"--web.listen-address={address}",
            "--rules.alert.resend-delay=1s",
        )
        return address

    def _write(self, name: str, config: object) -> Path:
        path = self._folder / name
        path.write_text(yaml.safe_dump(config))
        return path


def _free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own, on loopback
        return json.load(answer)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - our own, on loopback
            return True
    except OSError:
        return False
