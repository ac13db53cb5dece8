"""What a look at Prometheus yields: its targets, its alerting rules and the series there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import parse_qs, urlsplit

Labels = Mapping[str, str]
USUAL_INTERVAL = timedelta(minutes=1)  # Prometheus's own, and what older ones leave out
_SETTLES = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that Prometheus scrapes, as of its last try.

    Attributes:
        health: `unknown` until the first scrape.
        interval: between two scrapes.
        scraped_at: None before the first.
        blinks: it is down, and was up within the last two tries: a single scrape that fails under
            load is no sign of anything.
    """

    labels: Labels
    scrape_url: str
    health: Literal["up", "down", "unknown"]
    last_error: str = ""
    interval: timedelta = USUAL_INTERVAL
    scraped_at: datetime | None = None
    blinks: bool = False

    @property
    def job(self) -> str:
        """Its `job`."""
        return self.labels.get("job", "")

    @property
    def instance(self) -> str:
        """Its `instance`."""
        return self.labels.get("instance", "")

    @property
    def proxied(self) -> bool:
        """Whether an exporter asks something else on behalf of Prometheus (`?target=`).

        Such an `up` tells of the exporter, never of what it was to ask.
        """
        try:
            return "target" in parse_qs(urlsplit(self.scrape_url).query)
        except ValueError:  # no address at all
            return False


@dataclass(frozen=True, slots=True)
class RuleAlert:
    """One alert of a rule: it fires, or it waits for its `for` to pass."""

    labels: Labels
    annotations: Labels
    firing: bool
    active_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One alerting rule, as of its last evaluation.

    Attributes:
        interval: between two evaluations.
        healthy: the last evaluation succeeded.
        evaluated_at: by Prometheus's clock; None before the first.
    """

    name: str
    query: str
    labels: Labels = field(default_factory=dict)
    annotations: Labels = field(default_factory=dict)
    interval: timedelta = USUAL_INTERVAL
    healthy: bool = True
    last_error: str = ""
    evaluated_at: datetime | None = None
    alerts: tuple[RuleAlert, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """Which series an expression has now, told apart by some labels only."""

    expression: str
    labels: tuple[str, ...]

    @property
    def query(self) -> str:
        """The PromQL of it."""
        return f"count by ({', '.join(self.labels)}) ({self.expression})"


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at one Prometheus.

    Attributes:
        clock: what Prometheus held the time to be.
        series: question -> label sets of the series that it found.
        troubles: what could not be asked, one line each.
        started_at: when Prometheus was started; None where it does not say.
        partial: targets or rules are missing, by its own word.
    """

    clock: datetime
    targets: tuple[Target, ...] = ()
    rules: tuple[Rule, ...] = ()
    series: Mapping[Question, tuple[Labels, ...]] = field(default_factory=dict)
    troubles: tuple[str, ...] = ()
    started_at: datetime | None = None
    partial: bool = False

    @property
    def settled(self) -> bool:
        """Whether it lists all its targets: it finds them one by one after it was started."""
        young = self.started_at is not None and self.clock - self.started_at < _SETTLES
        return bool(self.targets) and not young and not self.partial
