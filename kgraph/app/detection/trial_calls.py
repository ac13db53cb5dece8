"""Made-up calls between services, with and without faults, to see how good their detectors are.

Durations are log-normal, and their median wanders; few or many calls a minute, one in two hundred
fails. Now and then a minute is slow or fails for no reason, and after a deploy a few are. The
faults are graded, so that the small ones are missed. Nothing of it reaches a store.

A look is five minutes, for so long stands what a minute has shown.
"""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ingest.detect import ROAD, Reads, calls, declared, names
from ingest.otel import Call
from rca.rules.rates import Tally

_START = 1_795_800_000 // 60 * 60  # seconds since 1970; nothing hangs on it
_LEARNS, _QUIET, _LOOK = 60, 300, 5  # minutes: without a look, in all, of one look
_OLDEST = 30  # minutes since a fault began, at most
_FAULTS_EACH = 2  # of each sort, after the quiet hours of one edge


@dataclass
class _Calls:
    """One edge; draws the calls of a minute."""

    draw: random.Random
    each: int  # calls a minute, about
    _wander: float = 0.0
    _cold: int = 0  # minutes left since a deploy

    def minute(self, number: int, slower: float = 1.0, failing: float = 0.005) -> list[Call]:
        """Return the calls of a minute, `slower` times as slow, a share of them `failing`."""
        draw = self.draw
        self._wander = 0.98 * self._wander + draw.gauss(0, 0.03)
        self._cold = draw.randint(1, 3) if draw.random() < 1 / 300 else max(0, self._cold - 1)
        if self._cold or draw.random() < 1 / 200:
            slower *= draw.uniform(1.2, 2.5)
        if draw.random() < 1 / 200:
            failing = max(failing, draw.uniform(0.02, 0.2))
        at = _START + number * 60 + 30
        return [
            Call(
                *("shop", "cart", at),
                draw.lognormvariate(-3.5 + self._wander, 0.6) * slower,
                draw.random() < failing,
            )
            for _ in range(max(0, round(draw.gauss(self.each, math.sqrt(self.each)))))
        ]


def trial_of_calls(edges: int, seed: int) -> Mapping[str, Tally]:
    """Let the detectors of calls look at so many edges, each quiet for hours and then at fault.

    Returns:
        `detect/*.<sort>` -> what it did.
    """
    found = {name: Tally() for name in names(Reads.CALLS)}
    for number in range(edges):
        draw = random.Random(f"calls {seed} {number}")  # noqa: S311 - made-up telemetry
        edge = _Calls(draw, round(math.exp(draw.uniform(math.log(12), math.log(120)))))
        memory = calls.Memory()
        for fired in _quiet(edge, memory):
            found = {n: t.plus(fired=n in fired, fault=False) for n, t in found.items()}
        for name, (least, most) in _FAULTS.items():
            for _ in range(_FAULTS_EACH):
                size = math.exp(draw.uniform(math.log(least), math.log(most)))
                change, minutes = {_CHANGES[name]: size}, draw.randint(1, _OLDEST)
                fired = _look(copy.deepcopy(memory), edge, _QUIET, minutes, **change)
                found[name] = found[name].plus(fired=name in fired, fault=True)
    return {f"{ROAD}/*.{name}": tally for name, tally in found.items()}


# From hardly to clearly: how many times slower, and which share of the calls fails.
_FAULTS: Mapping[str, tuple[float, float]] = {"call_latency": (1.2, 8), "call_errors": (0.02, 0.5)}
_CHANGES: Mapping[str, str] = {"call_latency": "slower", "call_errors": "failing"}


def _quiet(edge: _Calls, memory: calls.Memory) -> Iterator[frozenset[str]]:
    """Yield which detectors fired in each look at the quiet hours, once they are learned."""
    for begin in range(0, _QUIET, _LOOK):
        fired = _look(memory, edge, begin)
        if begin >= _LEARNS:
            yield fired


def _look(
    memory: calls.Memory, edge: _Calls, begin: int, minutes: int = _LOOK, **change: float
) -> frozenset[str]:
    """Return which detectors fired in the last five of some minutes."""
    fired: set[str] = set()
    end = begin + minutes
    for minute in range(begin, end):
        looked = calls.take(memory, edge.minute(minute, **change), _START + (minute + 1) * 60 + 20)
        bad = set()
        for name in names(Reads.CALLS):
            detector = declared(name)
            if any(v.abnormal for v in detector.look(looked, detector.settings())):
                bad.add(name)
        for each in looked:
            memory.learn(each, well=not bad)
        fired |= bad if minute >= end - _LOOK else set()
    return frozenset(fired)
