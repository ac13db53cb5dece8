"""How well an estate is watched, and how much happens in it that no fault explains."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Noise:
    """The imperfection of the monitoring. Shares are in [0, 1].

    Attributes:
        missed: range from which each incident draws, per kind and signal, the share of alarms
            that should come and do not: their rule looked and says healthy.
        spurious: share of healthy looks that raise an alarm.
        strays: mean number of unrelated alarms anywhere in the estate.
        blind: share of looks that do not happen: unknown.
        absent_as_down: share of dead exporters behind which every guest is reported down.
        changed: share of faults that follow a change of the faulty entity.
        changes: mean number of unrelated changes in the hour before.
        seconds: range of how long the faults have run when the incident is looked at.
        looked_at: at most so many entities around the symptoms are looked at in health.
    """

    missed: tuple[float, float] = (0.05, 0.30)
    spurious: float = 0.002
    strays: float = 1.0
    blind: float = 0.05
    absent_as_down: float = 0.3
    changed: float = 0.3
    changes: float = 1.0
    seconds: tuple[float, float] = (120.0, 900.0)
    looked_at: int = 500


QUIET = Noise(
    missed=(0.0, 0.0),
    spurious=0.0,
    strays=0.0,
    blind=0.0,
    absent_as_down=0.0,
    changed=0.0,
    changes=0.0,
    seconds=(900.0, 900.0),
)
