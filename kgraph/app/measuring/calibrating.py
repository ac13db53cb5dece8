"""Fitting the calibrator on simulated incidents and on labelled ones, and testing it on others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kgraph.app.configured.engine import Engine
from kgraph.app.measuring.campaign import Drawn, Plan, dressed, without
from kgraph.app.measuring.evaluation import Labelled, tallied
from kgraph.app.measuring.scoring import ENGINE, UNCALIBRATED, Score, score
from kgraph.schema import InputError
from kgraph.schema.healthy import expand_healthy
from kgraph.simulation import World
from rca.calibration.calibrator import Calibration
from rca.calibration.fit import Lesson, fit, lesson

_DRESSED_EVERY = 2  # of the incidents that are learned from, so many are also told in other ways
# How much each counts: the simulator shows what no labelled set does, several faults at once; told
# as alert lists, its incidents are harder than any real ones. A labelled set counts 1.
_SIMULATED, _OTHERWISE = 3.0, {"alerts": 0.2, "target": 0.5}
_ABSENT = 1 / 20  # of what is told, this share is told of a graph that lacks its causes
_LEAST = 20  # incidents below which nothing is fitted


@dataclass(frozen=True, slots=True)
class Held:
    """Chances on incidents that were not learned from.

    Attributes:
        name: of the set.
        before, after: uncalibrated, and by a calibrator that has not seen the set.
    """

    name: str
    incidents: int
    before: Score
    after: Score


@dataclass(frozen=True, slots=True)
class Fitted:
    """A calibrator and the proof of it."""

    calibration: Calibration
    held: Sequence[Held]


def halves(drawn: Sequence[Drawn]) -> tuple[list[Drawn], list[Drawn]]:
    """Return the incidents to learn from, and those to test on: every other seed."""
    return list(drawn[::2]), list(drawn[1::2])


def calibrate(
    world: World,
    drawn: Sequence[Drawn],
    sets: Mapping[str, Sequence[Labelled]],
    engines: tuple[Engine, Engine],
    plan: Plan,
) -> Fitted:
    """Fit on one half of a campaign and on all labelled sets, and test on the rest.

    The rest is the other half, and each set for a calibrator that was fitted without it.

    Args:
        world: where the faults were drawn.
        drawn: the campaign.
        sets: name -> incidents with known causes; each counts as much as the simulated ones.
        engines: for the campaign, with its topology in memory; for other graphs.
        plan: what was drawn.

    Raises:
        InputError: too few incidents.
    """
    learned, kept = halves(drawn)
    if len(learned) < _LEAST:
        raise InputError(
            f"{len(drawn)} incidents, of which one half is learned from, are too few to fit",
            where="campaign",
            mend=f"--incidents {2 * _LEAST} or more; the shipped fit takes hundreds",
        )
    simulated = [row for one in learned for row in _simulated(one, world, engines, plan.seed)]
    taught = {
        name: [row for one in rows for row in _lesson(name, one, engines[1])]
        for name, rows in sets.items()
    }
    whole = _fit(simulated, taught, engines[0], plan, len(learned))
    held = [_held("simulated", [one.labelled for one in kept], engines[0], whole)]
    for name, rows in sets.items():
        others = {other: lessons for other, lessons in taught.items() if other != name}
        without = _fit(simulated, others, engines[1], plan, len(learned))
        held.append(_held(name, rows, engines[1], without))
    return Fitted(replace(whole, reliability=held[0].after.bins), held)


def _simulated(
    one: Drawn, world: World, engines: tuple[Engine, Engine], seed: int
) -> Iterator[Lesson]:
    yield from _told("simulated", one, one.labelled, engines, _SIMULATED)
    if one.number // 2 % _DRESSED_EVERY == 0:
        for how, labelled in dressed(one, world, seed):
            yield from _told(f"simulated {how}", one, labelled, engines, _OTHERWISE[how])


def _told(
    system: str, one: Drawn, row: Labelled, engines: tuple[Engine, Engine], weight: float
) -> Iterator[Lesson]:
    """Yield what an incident teaches, and what it teaches with its causes out of the graph."""
    yield from _lesson(system, row, engines[0], weight * (1 - _ABSENT))
    absent = without(row, row.truth)
    # Where only strays alarm there is nothing to be found.
    if absent and one.hit & {o.entity for o in absent.incident.observations if o.abnormal}:
        yield from _lesson(f"{system}, cause absent", absent, engines[1], weight * _ABSENT)


def _lesson(system: str, row: Labelled, engine: Engine, weight: float = 1.0) -> Iterator[Lesson]:
    answer = engine.answer(row.incident)
    found = lesson(system, expand_healthy(row.incident), answer, row.truth, weight)
    if found is not None:
        yield found


def _fit(
    simulated: Sequence[Lesson],
    taught: Mapping[str, Sequence[Lesson]],
    engine: Engine,
    plan: Plan,
    learned: int,
) -> Calibration:
    real = [row for lessons in taught.values() for row in lessons]
    title = f"{learned} simulated incidents"
    how = {
        "simulated": f"{learned} incidents of {plan.faults[0]} to {plan.faults[1]} faults, every"
        f" other seed of {plan.incidents} from seed {plan.seed}, on {plan.estate};"
        f" {len(simulated)} tellings, one in {1 / _ABSENT:.0f} with the causes out of the graph",
    }
    if real:
        title = f"{learned} simulated and {len(real)} labelled incidents"
        how["labelled"] = ", ".join(f"{name} ({len(rows)})" for name, rows in taught.items())
    try:
        return fit([*simulated, *real], title=title, rules=engine.model.version, how=how)
    except ValueError as error:
        raise InputError(str(error), where="campaign", mend="draw more incidents") from None


def _held(name: str, rows: Sequence[Labelled], engine: Engine, calibration: Calibration) -> Held:
    fresh = engine.with_calibration(calibration)
    methods = {ENGINE: fresh.calibrated, UNCALIBRATED: fresh.uncalibrated}
    found = {method: score(method, tally) for method, tally in tallied(rows, methods).items()}
    return Held(name, len(rows), found[UNCALIBRATED], found[ENGINE])
