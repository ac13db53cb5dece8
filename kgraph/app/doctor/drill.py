"""`kgraph doctor --drill`: does an alert that Alertmanager gets reach us? A harmless one tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ingest.alertmanager.drill import ENDS_AFTER, NAME, post_drill
from kgraph.app.doctor.finding import Finding, Health
from kgraph.app.reading import alerts
from kgraph.config import AlertmanagerSource, Configuration
from kgraph.schema import KgraphError
from kgraph.signals import DRILL_LABEL, Alert, Packs

PATIENCE = timedelta(seconds=30)
_PAUSE = timedelta(milliseconds=200)


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, as a drill needs it."""

    now: Callable[[], datetime]
    sleep: Callable[[float], None]


def drill(configuration: Configuration, clock: Clock, name: str) -> Iterator[Finding]:
    """Post a made-up alert to every configured Alertmanager, follow it, and end it.

    It carries a label of its own by which every reading passes it over, whatever the site's
    mapping says, so it never becomes evidence. It ends within two minutes whatever happens to us.
    """
    sources = [
        source
        for source in configuration.settings.sources
        if isinstance(source, AlertmanagerSource) and source.path is None
    ]
    if not sources:
        mend = "name one under [[sources]] in kgraph.toml"
        yield Finding("drill", Health.FAIL, "no Alertmanager configured", mend)
    packs = alerts.packs_of(configuration)
    for source in sources:
        try:
            yield _one(source, configuration, packs, clock, name)
        except KgraphError as error:
            yield Finding("drill", Health.FAIL, str(error))


def _one(
    source: AlertmanagerSource, configuration: Configuration, packs: Packs, clock: Clock, name: str
) -> Finding:
    url, credentials = alerts.reached(source, configuration)
    began = clock.now()

    def listed() -> bool:
        batch = alerts.fetched(url, clock.now(), credentials)
        found = (Alert(a.labels, a.annotations) for a in batch.alerts)
        return any(
            alert.labels.get(DRILL_LABEL) == name and packs.match(alert).ignore for alert in found
        )

    post_drill(url, name, began, began + ENDS_AFTER, credentials)
    try:
        seen = _wait(listed, clock)
    finally:
        post_drill(url, name, began, clock.now(), credentials)
    if seen is None:
        told = f"{url} took the alert and did not list it within {PATIENCE.seconds} s"
        return Finding("drill", Health.FAIL, told, "is it the Alertmanager that it seems to be?")
    gone = _wait(lambda: not listed(), clock)
    took = f"{NAME} through {url}: seen after {seen.total_seconds():.2f} s"
    if gone is None:
        mend = f"it ends by itself within {ENDS_AFTER.seconds} s"
        return Finding("drill", Health.WARN, f"{took}, but it is still listed", mend)
    return Finding("drill", Health.OK, f"{took}, over after {gone.total_seconds():.2f} s more")


def _wait(true: Callable[[], bool], clock: Clock) -> timedelta | None:
    """Ask until it is true; return how long that took, or None when patience ran out."""
    began = clock.now()
    while clock.now() - began < PATIENCE:
        if true():
            return clock.now() - began
        clock.sleep(_PAUSE.total_seconds())
    return None
