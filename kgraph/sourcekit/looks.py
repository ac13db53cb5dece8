"""What a reading shows of health."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from kgraph.schema import Observation, State

LASTS = timedelta(minutes=10)  # a source that stopped being read must not vouch for ever


@dataclass(frozen=True, slots=True)
class Look:
    """One reading: who looks, and when."""

    detector: str
    now: datetime

    def sees(self, entity: str, signal: str, wrong: str) -> Observation:
        """Return what is seen of a signal; `wrong` says what is not well, empty: it is."""
        return Observation(
            entity,
            signal,
            State.ABNORMAL if wrong else State.HEALTHY,
            at=self.now,
            detector=self.detector,
            expires_at=self.now + LASTS,
            detail=wrong,
        )

    def withdraws(self, entity: str, signal: str) -> Observation:
        """Return: unknown from now on, whatever was seen before."""
        return Observation(
            entity,
            signal,
            State.HEALTHY,
            at=self.now,
            detector=self.detector,
            expires_at=self.now,
        )
