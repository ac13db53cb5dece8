"""Made-up series with and without faults, to see how good each sort of detector is.

The quiet ones do what quiet series do: they are noisy, follow the day, burst, wander, fill and are
cleaned, change for good reasons, end their work, miss scrapes and start anew. The faults are
graded, so that the small ones are missed. Nothing of it reaches a store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest.detect import ROAD, Reads, declared, names
from ingest.detect.metrics import Block, block_of
from rca.rules.rates import Tally

Floats = npt.NDArray[np.float64]
_COLUMNS, _STEP = 240, 60.0  # four hours, by the minute
_USUAL = 91  # samples of the same hour of a week, every five minutes
_DAY = 1440  # minutes
# What a sort of detector needs to be told; all else is as shipped.
_SETTINGS: Mapping[str, Mapping[str, float]] = {
    "threshold": {"above": 0.97, "for_seconds": 60, "scale": 0.01},
    "trend": {"reaches": 1, "within_hours": 24},
    "deviation": {"floor": 0.01},
    "shift": {"floor": 0.01},
}
_OF_SHARES = frozenset({"threshold", "trend"})  # their limits mean nothing to a counter


@dataclass(frozen=True)
class _Made:
    """Series: (n, t) values and (n, b) of earlier days."""

    values: Floats
    usual: Floats


Draw = np.random.Generator


def trial_of_metrics(series: int, seed: int) -> Mapping[str, Tally]:
    """Let every sort of detector of series look at so many of each family.

    Returns:
        `detect/*.<sort>` -> what it did.
    """
    found = {}
    for name in names(Reads.METRICS):
        draw = np.random.default_rng([seed, len(name), *name.encode()])
        tally = Tally()
        for made in _quiet(draw, series, shares=name in _OF_SHARES):
            tally = _looked(tally, name, made, fault=False)
        for made in _FAULTS[name](draw, series):
            tally = _looked(tally, name, made, fault=True)
        found[f"{ROAD}/*.{name}"] = tally
    return found


def _looked(tally: Tally, name: str, made: _Made, *, fault: bool) -> Tally:
    detector = declared(name)
    settings = detector.settings(**_SETTINGS.get(name, {}))
    fired = {int(v.labels["n"]) for v in detector.look(_block(made), settings) if v.abnormal}
    # What it could not judge is as little help as what it missed.
    count = len(made.values)
    return Tally(
        tally.hits + len(fired) * fault,
        tally.at_fault + count * fault,
        tally.strays + len(fired) * (not fault),
        tally.at_rest + count * (not fault),
    )


def _block(made: _Made) -> Block:
    times = np.arange(_COLUMNS, dtype=np.float64) * _STEP
    labels = [{"n": str(n)} for n in range(len(made.values))]
    return block_of(labels, times, made.values, made.usual)


def _level(draw: Draw, n: int) -> tuple[Floats, Floats]:
    """Return (n, 1) levels in (0, 1) and their spreads."""
    level = draw.uniform(0.1, 0.6, (n, 1))
    return level, level * draw.lognormal(-3, 0.7, (n, 1))


def _steady(draw: Draw, n: int) -> _Made:
    level, spread = _level(draw, n)
    # Heavier tails than the normal distribution: quiet series have outliers.
    values = level + spread * draw.standard_t(4, (n, _COLUMNS))
    return _Made(values, level + spread * draw.standard_t(4, (n, _USUAL)))


def _daily(draw: Draw, n: int) -> _Made:
    level, spread = _level(draw, n)
    phase = draw.uniform(0, _DAY, (n, 1))
    swing = level * draw.uniform(0.2, 0.8, (n, 1))

    def at(minutes: Floats) -> Floats:
        wave: Floats = level + swing * np.sin(2 * np.pi * (minutes + phase) / _DAY)
        return wave

    around = draw.uniform(-30, 30, (1, _USUAL)) + _COLUMNS  # the same hour of other days
    values = at(np.arange(_COLUMNS, dtype=np.float64)[None, :]) + spread * draw.normal(
        size=(n, _COLUMNS)
    )
    return _Made(values, at(around) + spread * draw.normal(size=(n, _USUAL)))


def _bursts(draw: Draw, n: int) -> _Made:
    made = _steady(draw, n)
    columns = np.arange(_COLUMNS)
    for _ in range(3):
        start = draw.integers(0, _COLUMNS, (n, 1))
        length = draw.integers(1, 6, (n, 1))
        during = (columns >= start) & (columns < start + length)
        made.values[during] *= 1.6
    busy = draw.uniform(size=made.usual.shape) < 0.04
    made.usual[busy] *= 1.6
    return made


def _wandering(draw: Draw, n: int) -> _Made:
    level, spread = _level(draw, n)
    # It wanders as far in a day as it has in each of the days before.
    day = np.sqrt(_DAY) * spread / 20
    walk = np.cumsum(draw.normal(size=(n, _COLUMNS)), axis=1) * spread / 20
    return _Made(level + walk, level + day * draw.normal(size=(n, _USUAL)))


def _sawtooth(draw: Draw, n: int) -> _Made:
    """Fill and be cleaned, again and again, as logs do."""
    period = draw.uniform(30, 120, (n, 1))
    phase = draw.uniform(0, 120, (n, 1))
    low, height = draw.uniform(0.1, 0.5, (n, 1)), draw.uniform(0.05, 0.4, (n, 1))
    values = low + height * (((np.arange(_COLUMNS) + phase) % period) / period)
    return _Made(values, low + height * draw.uniform(size=(n, _USUAL)))


def _counting(draw: Draw, n: int) -> _Made:
    """Counters, from a few moves an hour to many a minute; some start anew."""
    rate = draw.lognormal(0.5, 1.5, (n, 1))
    values = np.cumsum(draw.poisson(rate, (n, _COLUMNS)), axis=1).astype(np.float64)
    anew = draw.integers(0, _COLUMNS, n)
    for row in np.flatnonzero(draw.uniform(size=n) < 0.1):
        values[row, anew[row] :] -= values[row, anew[row]]
    return _Made(values, np.empty((n, 0)))


def _gaps(draw: Draw, made: _Made) -> _Made:
    """Miss a scrape now and then, and sometimes a few together."""
    missed = draw.uniform(size=made.values.shape) < 0.03
    for row in np.flatnonzero(draw.uniform(size=len(missed)) < 0.2):
        start = int(draw.integers(0, _COLUMNS - 5))
        missed[row, start : start + int(draw.integers(2, 5))] = True
    made.values[missed] = np.nan
    return made


def _ending(draw: Draw, n: int) -> _Made:
    """Counters of work that ends, a tenth of it within the last hour: idle, and well."""
    made = _counting(draw, n)
    ends = _COLUMNS - draw.integers(1, 60, n)
    for row in np.flatnonzero(draw.uniform(size=n) < 0.1):
        made.values[row, ends[row] :] = made.values[row, ends[row] - 1]
    return made


def _changing(draw: Draw, n: int) -> _Made:
    """Steady, and a tenth of it busier or idler since a while for a good reason."""
    made = _steady(draw, n)
    since = _COLUMNS - draw.integers(5, 60, (n, 1))
    by = np.where(draw.uniform(size=(n, 1)) < 0.1, draw.uniform(0.5, 1.6, (n, 1)), 1.0)
    made.values[:] *= np.where(np.arange(_COLUMNS) >= since, by, 1.0)
    return made


def _quiet(draw: Draw, n: int, *, shares: bool) -> Iterator[_Made]:
    families = (_steady, _daily, _bursts, _wandering, _sawtooth, _changing)
    for family in families if shares else (*families, _counting, _ending):
        yield _gaps(draw, family(draw, n))


def _stepping(draw: Draw, n: int) -> Iterator[_Made]:
    """Another level since a while, by twice to forty times the spread."""
    for family in (_steady, _daily, _bursts):
        made = family(draw, n)
        spread = made.usual.std(axis=1, keepdims=True)
        size = spread * np.exp(draw.uniform(np.log(2), np.log(40), (n, 1)))
        since = _COLUMNS - draw.integers(5, 60, (n, 1))
        made.values[:] += np.where(np.arange(_COLUMNS) >= since, size, 0.0)
        yield _gaps(draw, made)


def _filling(draw: Draw, n: int) -> Iterator[_Made]:
    """On the way to 1, which is minutes to a day away."""
    made = _steady(draw, n)
    left = np.exp(draw.uniform(np.log(5), np.log(_DAY), (n, 1)))  # minutes
    began = draw.integers(10, _COLUMNS, (n, 1))  # minutes ago
    level = draw.uniform(0.3, 0.9, (n, 1))
    slope = (1 - level) / (left + began)
    past = np.maximum(0, began - (_COLUMNS - 1 - np.arange(_COLUMNS)))
    noise = draw.normal(size=(n, _COLUMNS)) * draw.lognormal(-7, 1, (n, 1))
    yield _gaps(draw, _Made(np.minimum(1, level + slope * past + noise), made.usual))


def _full(draw: Draw, n: int) -> Iterator[_Made]:
    """At 95 to 100 % since some minutes."""
    made = _steady(draw, n)
    at = draw.uniform(0.95, 1.0, (n, 1))
    since = _COLUMNS - draw.integers(1, 60, (n, 1))
    full = np.where(np.arange(_COLUMNS) >= since, at, made.values)
    yield _gaps(draw, _Made(full, made.usual))


def _stopping(draw: Draw, n: int) -> Iterator[_Made]:
    """Counters that stand still since one to sixty minutes."""
    made = _counting(draw, n)
    since = _COLUMNS - draw.integers(1, 60, n)
    for row in range(n):
        made.values[row, since[row] :] = made.values[row, since[row] - 1]
    yield _gaps(draw, made)


def _vanishing(draw: Draw, n: int) -> Iterator[_Made]:
    """Gone since one to sixty minutes."""
    made = _gaps(draw, _steady(draw, n))
    since = _COLUMNS - draw.integers(1, 60, (n, 1))
    yield _Made(np.where(np.arange(_COLUMNS) >= since, np.nan, made.values), made.usual)


_FAULTS: Mapping[str, Callable[[Draw, int], Iterator[_Made]]] = {
    "threshold": _full,
    "deviation": _stepping,
    "trend": _filling,
    "shift": _stepping,
    "stuck": _stopping,
    "missing": _vanishing,
}
