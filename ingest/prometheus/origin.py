"""Which Prometheus: how it, its targets and its detectors are named."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from ingest.prometheus.reading import Target
from kgraph.schema import Key

# How long health outlives its last look, beside three intervals: ours may be read more seldom
# than Prometheus evaluates.
SLACK = timedelta(seconds=30)
LASTS = timedelta(minutes=10)  # what is wrong stands so long without being read again


@dataclass(frozen=True, slots=True)
class Origin:
    """One configured Prometheus.

    Attributes:
        url: its address; the scope of all its records.
        site: the estate.
        name: what to call it; empty: by its address.
        road: the first part of its detectors' names. Each of several has its own, so that what
            one no longer sees is not taken back for the others.
    """

    url: str
    site: str = "default"
    name: str = ""
    road: str = "prometheus"

    @property
    def address(self) -> str:
        """The URL in one spelling."""
        return self.url.rstrip("/")

    @property
    def title(self) -> str:
        """What to call its Probe."""
        return f"Prometheus {self.name or urlsplit(self.address).netloc or self.address}"

    @property
    def key(self) -> str:
        """The record key of its Probe."""
        return f"prometheus:{self.address}"

    @property
    def reach(self) -> str:
        """The detector that says whether it answers us: ourselves."""
        return f"kgraph/{self.key}"

    def target(self, target: Target) -> str:
        """Return the record key of a target's Probe."""
        return f"target:{self.address} {target.job} {target.instance}"

    def probe_address(self, *parts: str) -> Key:
        """Return the identity claim of a Probe."""
        return Key("probeAddress", " ".join((self.address, *parts)), self.site)

    def rule(self, name: str) -> str:
        """Return the detector that an alerting rule is."""
        return f"{self.road}/{name}"

    def path(self, job: str) -> str:
        """Return the detector that the scrapes of a job are."""
        return f"{self.road}/up/{job}"

    def owns(self, detector: str) -> bool:
        """Tell whether a detector is one of this Prometheus's."""
        return detector.startswith(f"{self.road}/")


def lasts(interval: timedelta) -> timedelta:
    """Return how long a look counts that is repeated at an interval."""
    return 3 * interval + SLACK


def age(clock: datetime, at: datetime) -> timedelta:
    """Return how long ago something was, both by Prometheus's clock; never negative."""
    return max(clock - at, timedelta(0))
