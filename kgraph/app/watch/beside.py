"""What a service does in each round of the loop, in the loop's own thread and store."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from kgraph.app.watch.assess import Assessment
from kgraph.app.watch.told import Told


class Beside(Protocol):
    """Takes part in every round."""

    def begin_anew(self) -> None:
        """Remember nothing of the store, nor of the time: others worked on it, or it was wrong."""

    def keep(self, now: datetime) -> list[Told] | None:
        """Bring in what waits, before anything is explained; None where there was nothing."""

    def warnings(self, now: datetime) -> tuple[str, ...]:
        """Return what whoever reads an explanation must know of the evidence."""

    def assessed(self, found: Assessment) -> None:
        """Take note of what was explained."""

    def settle(self, now: datetime) -> None:
        """Tell what has changed: right after an explanation, and at the end of a round."""


class Alone:
    """Nothing is beside the loop."""

    def begin_anew(self) -> None:
        """Nothing is remembered."""

    def keep(self, now: datetime) -> list[Told] | None:  # noqa: ARG002 - the protocol's
        """Bring in nothing."""
        return None

    def warnings(self, now: datetime) -> tuple[str, ...]:  # noqa: ARG002
        """Warn of nothing."""
        return ()

    def assessed(self, found: Assessment) -> None:
        """Take no note."""

    def settle(self, now: datetime) -> None:
        """Do nothing."""
