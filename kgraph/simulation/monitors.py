"""What the monitoring makes of the damage: alarms, missed and spurious ones, and blindness."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from kgraph.schema import Direction, Observation, State
from kgraph.simulation.noise import Noise
from kgraph.simulation.spread import Damage
from kgraph.simulation.trouble import LOOKS, STATES
from kgraph.simulation.world import World

_LOUDEST_Z = 30.0  # of a measurement at full damage
_ALARM_Z = 3.0
_VISIBLE = 0.5  # a state changes only at this damage
_POLL_SECONDS = 30.0
# These are looked at from outside, by the last of an entity's probes; all else by the first.
_FROM_OUTSIDE = frozenset({("Host", "down"), ("VirtualMachine", "unreachable")})
_FALLS = frozenset({"availability", "requests"})


@dataclass(frozen=True, slots=True)
class View:
    """When the incident began, and how many seconds later it is looked at."""

    start: datetime
    seconds: float


class Monitors:
    """Looks at one incident's damage.

    Every look draws from `rng`, so the order of looks counts.
    """

    def __init__(
        self, world: World, damage: Damage, noise: Noise, view: View, rng: Random
    ) -> None:
        self._world, self._damage, self._noise, self._rng = world, damage, noise, rng
        self._start, self._seconds = view.start, view.seconds
        self._missed: dict[tuple[str, str], float] = {}
        self._absent_as_down: dict[int, bool] = {}

    def look(self, entity: int) -> Iterator[Observation]:
        """Yield what is seen of one entity; a signal that nobody could look at is left out."""
        known = self._world.entities[entity]
        probes = self._world.watchers(entity)
        for signal in known.watched:
            outside = (known.kind, signal) in _FROM_OUTSIDE
            probe = (probes[-1] if outside else probes[0]) if probes else None
            if probe is not None and not self._answers(probe):
                yield from self._behind(entity, signal, probe)
            elif self._rng.random() >= self._noise.blind:
                yield self._seen(entity, signal)

    def stray(self, entity: int) -> Observation | None:
        """Return an alarm that has nothing to do with anything, if somebody watches there."""
        signals = self._world.entities[entity].watched
        if not signals:
            return None
        signal = self._rng.choice(signals)
        z = None if signal in STATES else self._rng.uniform(_ALARM_Z, 3 * _ALARM_Z)
        # It may be older than the incident: nobody cleans up alarms of every day.
        return self._abnormal(entity, signal, z, self._rng.uniform(-3600, self._seconds))

    def _answers(self, probe: int) -> bool:
        """Draw whether a probe reports of one target: a weak one reports of some."""
        sight = self._damage.of(probe)
        for watcher in self._world.watchers(probe):
            sight *= self._damage.of(watcher)
        return sight >= 1 or self._rng.random() < sight

    def _behind(self, entity: int, signal: str, probe: int) -> Iterator[Observation]:
        """Yield what a dead probe makes of its target: no answer, or a false "down"."""
        kind = self._world.entities[entity].kind
        if signal == "down" and probe not in self._absent_as_down:
            absent = self._rng.random() < self._noise.absent_as_down
            self._absent_as_down[probe] = absent
        told = signal == "unreachable" or (
            signal == "down" and kind == "VirtualMachine" and self._absent_as_down[probe]
        )
        if told and self._rng.random() >= self._share_missed(kind, signal):
            since = self._damage.since.get(probe, 0.0)
            yield self._abnormal(entity, signal, None, since + self._delay())

    def _seen(self, entity: int, signal: str) -> Observation:
        z = self._loudness(entity, signal)
        if z is not None and self._rng.random() >= self._share_missed(
            self._world.entities[entity].kind, signal
        ):
            since = self._damage.since.get(entity, 0.0)
            score = None if signal in STATES else round(z, 2)
            return self._abnormal(entity, signal, score, since + self._delay())
        if z is None and self._rng.random() < self._noise.spurious:
            score = None if signal in STATES else round(self._rng.uniform(3, 9), 2)
            return self._abnormal(entity, signal, score, self._rng.uniform(0, self._seconds))
        return self._row(entity, signal, State.HEALTHY, self._seconds)

    def _loudness(self, entity: int, signal: str) -> float | None:
        """Return how far a signal is from normal, or None where that makes no alarm."""
        lost = 1 - self._damage.of(entity)
        if lost <= 0:
            return None
        gain = LOOKS[self._damage.trouble[entity]].get(signal, 0.0)
        if signal in STATES:
            return _LOUDEST_Z if gain and lost >= _VISIBLE and self._rng.random() < gain else None
        z = _LOUDEST_Z * gain * lost * self._rng.lognormvariate(0, 0.5)
        return z if z >= _ALARM_Z else None

    def _share_missed(self, kind: str, signal: str) -> float:
        """Return the share of missed alarms of one rule: a bad rule is bad for all its targets."""
        if (kind, signal) not in self._missed:
            self._missed[kind, signal] = self._rng.uniform(*self._noise.missed)
        return self._missed[kind, signal]

    def _delay(self) -> float:
        return self._rng.uniform(0, _POLL_SECONDS) + self._rng.expovariate(1 / 10)

    def _abnormal(
        self, entity: int, signal: str, score: float | None, seconds: float
    ) -> Observation:
        return self._row(entity, signal, State.ABNORMAL, min(seconds, self._seconds), score)

    def _row(
        self, entity: int, signal: str, state: State, seconds: float, score: float | None = None
    ) -> Observation:
        known = self._world.entities[entity]
        direction = None
        if state is State.ABNORMAL and signal not in STATES:
            direction = Direction.DOWN if signal in _FALLS else Direction.UP
        at = self._start + timedelta(seconds=round(seconds, 3))
        detector = f"prometheus/{known.kind}{signal[0].upper()}{signal[1:]}"
        return Observation(known.uid, signal, state, score, direction, at, detector)
