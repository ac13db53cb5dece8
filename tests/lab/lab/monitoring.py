"""Real Prometheus, Alertmanager and blackbox exporter, on free ports of loopback.

The exporters that they scrape are on the hosts; see `hypervisor`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from signal import Signals
from typing import Any
from urllib.parse import quote

import yaml

from tests.lab.lab.hypervisor import LIBVIRT_EXPORTER_PORT, NODE_EXPORTER_PORT, Hypervisor
from tests.lab.lab.processes import LabError, end, spawn, wait_for
from tools.ports import free_address

_QUICK = "1s"


class Monitoring:
    """One Prometheus that scrapes and pings all hosts, and one Alertmanager."""

    def __init__(self, folder: Path, hosts: Iterable[Hypervisor], webhook: str) -> None:
        self._folder = folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._alertmanager = self._start_alertmanager(webhook)
        self._blackbox = self._start_blackbox()
        self._prometheus = self._start_prometheus(list(hosts))

    def wait(self) -> None:
        """Wait until all of it answers."""
        wait_for("Alertmanager", lambda: answers(f"{self.alertmanager_url}/-/ready"))
        wait_for("Prometheus", lambda: answers(f"{self.prometheus_url}/-/ready"))

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
        found: list[dict[str, Any]] = get(f"{self.alertmanager_url}/api/v2/alerts")
        return found

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the result of an instant query."""
        answer = get(f"{self.prometheus_url}/api/v1/query?query={quote(expression)}")
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def wait_until_quiet(self) -> None:
        """Wait until no rule sees anything in what all scrapes from now on find.

        Raises:
            LabError: one does; says which.
        """
        since = time.time()
        wait_for("scrapes of all targets", lambda: self._scraped() > since)
        now = datetime.now(UTC)
        wait_for("the rules", lambda: self._evaluated() > now)
        try:
            wait_for("quiet rules", lambda: not self.pending())
        except LabError as error:
            raise LabError(f"{error}: {[each['labels'] for each in self.pending()]}") from error

    def _scraped(self) -> float:
        """When the target that has waited longest was last scraped, in seconds."""
        oldest = self.query("min(timestamp(up))")
        return float(oldest[0]["value"][1]) if oldest else 0.0

    def pending(self) -> list[dict[str, Any]]:
        """What rules see, alerts that do not fire yet included."""
        found: list[dict[str, Any]] = get(f"{self.prometheus_url}/api/v1/alerts")["data"]["alerts"]
        return found

    def forget(self, guest: str) -> None:
        """Delete what was scraped of a guest: rules miss for a minute whoever is gone."""
        series = quote(f'{{domain="{guest}"}}')
        url = f"{self.prometheus_url}/api/v1/admin/tsdb/delete_series?match[]={series}"
        request = urllib.request.Request(url, method="POST")  # noqa: S310 - our own, on loopback
        urllib.request.urlopen(request, timeout=5).close()  # noqa: S310 - our own, on loopback

    def _evaluated(self) -> datetime:
        """When the group that has waited longest was last evaluated."""
        groups = get(f"{self.prometheus_url}/api/v1/rules")["data"]["groups"]
        return min(datetime.fromisoformat(group["lastEvaluation"]) for group in groups)

    def also_post_to(self, url: str, token_file: Path) -> None:
        """Let Alertmanager post all it tells to one more receiver, as who holds a token."""
        path = self._folder / "alertmanager.yml"
        config = yaml.safe_load(path.read_text())
        hook = {
            "url": url,
            "send_resolved": True,
            "http_config": {
                "authorization": {"type": "Bearer", "credentials_file": str(token_file)}
            },
        }
        kept = config["receivers"][0]["webhook_configs"][:1]
        config["receivers"][0]["webhook_configs"] = [*kept, hook]
        path.write_text(yaml.safe_dump(config))
        request = urllib.request.Request(f"{self.alertmanager_url}/-/reload", method="POST")  # noqa: S310 - our own, on loopback
        urllib.request.urlopen(request, timeout=5).close()  # noqa: S310 - our own, on loopback

    def signal_blackbox(self, signal: Signals) -> None:
        """Send a signal to the exporter that pings: on SIGSTOP it never answers."""
        self._processes["prometheus-blackbox-exporter"].send_signal(signal)

    def close(self) -> None:
        """End all of it."""
        for process in self._processes.values():
            end(process)

    def _run(self, name: str, *arguments: str) -> None:
        self._processes[name] = spawn([name, *arguments], self._folder / f"{name}.log")

    def _start_blackbox(self) -> str:
        address = free_address()
        modules = {"icmp": {"prober": "icmp", "icmp": {"preferred_ip_protocol": "ip4"}}}
        self._run(
            "prometheus-blackbox-exporter",
            f"--config.file={self._write('blackbox.yml', {'modules': modules})}",
            "--timeout-offset=0.1",  # it answers so long before Prometheus gives up; not half a s
            f"--web.listen-address={address}",
        )
        return address

    def _start_alertmanager(self, webhook: str) -> str:
        address = free_address()
        config = {
            "route": {
                "receiver": "hook",
                "group_by": ["alertname"],
                "group_wait": "0s",
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

    def _start_prometheus(self, hosts: list[Hypervisor]) -> str:
        address = free_address()
        shutil.copy(Path(__file__).with_name("rules.yml"), self._folder)
        config = {
            "global": {
                "scrape_interval": _QUICK,
                "scrape_timeout": _QUICK,
                "evaluation_interval": _QUICK,
            },
            "alerting": {
                "alertmanagers": [{"static_configs": [{"targets": [self._alertmanager]}]}]
            },
            "rule_files": ["rules.yml"],
            "scrape_configs": [
                _job("libvirt", hosts, port=LIBVIRT_EXPORTER_PORT),
                _job("node", hosts, port=NODE_EXPORTER_PORT),
                _job("ping", hosts) | _through(self._blackbox),
            ],
        }
        self._run(
            "prometheus",
            f"--config.file={self._write('prometheus.yml', config)}",
            f"--storage.tsdb.path={self._folder / 'prometheus'}",
            f"--web.listen-address={address}",
            "--rules.alert.resend-delay=1s",
            "--web.enable-admin-api",
        )
        return address

    def _write(self, name: str, config: object) -> Path:
        path = self._folder / name
        path.write_text(yaml.safe_dump(config))
        return path


def _job(name: str, hosts: Iterable[Hypervisor], port: int = 0) -> dict[str, Any]:
    targets = [
        {
            "targets": [f"{host.address}:{port}" if port else host.address],
            "labels": {"host": host.name},
        }
        for host in hosts
    ]
    return {"job_name": name, "static_configs": targets}


def _through(blackbox: str) -> dict[str, Any]:
    """Have the blackbox exporter ping the targets, and label what it says with them."""
    return {
        "metrics_path": "/probe",
        "params": {"module": ["icmp"]},
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["host"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": blackbox},
        ],
    }


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own, on loopback
        return json.load(answer)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - our own, on loopback
            return True
    except OSError:
        return False
