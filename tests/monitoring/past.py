"""A real Prometheus with a past: blocks made by promtool, served as if it had scraped them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tests.lab.lab.processes import end, spawn, wait_for
from tests.monitoring.stack import ready
from tools.ports import free_address

DAY, HOUR, MINUTE = 86_400, 3_600, 60
Value = Callable[[float], float | None]  # seconds before now -> value; None: no sample


class Past:
    """Metrics with all their samples, written as OpenMetrics text."""

    def __init__(self, now: float) -> None:
        self.now = now
        self._families: dict[str, tuple[str, list[str]]] = {}

    def add(
        self,
        name: str,
        labels: Mapping[str, str],
        value: Value,
        back: Iterable[float],
        sort: str = "gauge",
    ) -> None:
        """Add one series.

        Args:
            name: of the metric.
            labels: of the series.
            value: what it was.
            back: seconds before now at which there are samples.
            sort: `gauge` or `counter`.
        """
        _, lines = self._families.setdefault(name, (sort, []))
        told = ",".join(f'{key}="{text}"' for key, text in labels.items())
        for seconds in sorted(back, reverse=True):
            found = value(seconds)
            if found is not None:
                lines.append(f"{name}{{{told}}} {found:.10g} {self.now - seconds:.3f}")

    def write(self, path: Path) -> None:
        """Write all of it."""
        parts = []
        for name, (sort, lines) in self._families.items():
            family = name.removesuffix("_total") if sort == "counter" else name
            parts += [f"# TYPE {family} {sort}", *lines]
        path.write_text("\n".join([*parts, "# EOF", ""]))


def minutes(length: float, step: float = MINUTE, before: float = 0) -> list[float]:
    """Return the seconds back of a stretch that ends `before` seconds ago."""
    return [before + step * i for i in range(int(length / step) + 1)]


class Served:
    """The Prometheus that serves a past."""

    def __init__(self, folder: Path, past: Past) -> None:
        past.write(folder / "past.txt")
        data = folder / "data"
        made = ["promtool", "tsdb", "create-blocks-from", "openmetrics"]
        done = subprocess.run(
            [*made, str(folder / "past.txt"), str(data)],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr
        (folder / "prometheus.yml").write_text("{}\n")
        address = free_address()
        self.url = f"http://{address}"
        self._process = spawn(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={data}",
                "--storage.tsdb.retention.time=60d",
                f"--web.listen-address={address}",
            ],
            folder / "prometheus.log",
        )
        wait_for("Prometheus", lambda: ready(self.url))

    def close(self) -> None:
        """End it."""
        end(self._process)
