"""Made-up services that log, with and without faults, to see how good each log detector is.

The quiet ones do what quiet services do: their load wanders and doubles for some hours, jobs make
them busy, they say rare warnings, now and then something that they never said before, and much at
once when they are started anew, for which their heartbeat pauses. The faults are graded, so that
the small ones are missed. Nothing reaches a store.

A look is ten minutes, for so long stands what was unusual in a log.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ingest.detect import ROAD, Reads, declared, names
from ingest.detect.logs import Line, Memory, take
from rca.rules.rates import Tally

_START = 1_795_800_000 // 60 * 60  # seconds since 1970; nothing hangs on it
_LEARNS, _QUIET, _LOOK = 120, 480, 10  # minutes: without a look, in all, of one look
_OLDEST = 30  # minutes since a fault began, at most
_FAULTS_EACH = 2  # of each sort, after the quiet hours of one service
_WORDS = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel")
_Said = tuple[str, bool]  # a line, and whether it speaks of something wrong


@dataclass
class _Service:
    """One service; draws what it says in a minute.

    Attributes:
        load: requests a minute.
        beats: minutes between two heartbeats.
        novel: how likely it says something new in a minute.
    """

    draw: random.Random
    load: float
    beats: int
    novel: float
    _wander: float = 0.0
    _novelties: int = 0
    _pause: int = 0

    @classmethod
    def drawn(cls, draw: random.Random) -> _Service:
        """Return one of many."""
        load, novel = math.exp(draw.uniform(0, 3.5)), draw.lognormvariate(math.log(0.003), 1)
        return cls(draw, load, draw.choice((1, 1, 2, 3, 5)), novel)

    def minute(self, number: int, *, beating: bool = True, busier: float = 1.0) -> list[_Said]:
        """Return what it says in a minute."""
        draw = self.draw
        self._wander = 0.95 * self._wander + draw.gauss(0, 0.15)
        evening = 2.0 if 240 <= number < 330 else 1.0
        served = _poisson(draw, self.load * evening * math.exp(self._wander) * busier)
        said = [(f"served {draw.randint(1, 999)} in 3 ms", False) for _ in range(served)]
        if beating and number % self.beats == 0 and not self._pause:
            said.append(("heartbeat ok", False))
        return said + list(self._rarely())

    def _rarely(self) -> Iterator[_Said]:
        draw = self.draw
        self._pause = max(0, self._pause - 1)
        if draw.random() < 0.03:
            yield f"slow query {draw.randint(1, 9)}: failed", True
        if draw.random() < self.novel:
            self._novelties += 1
            words = f"{_WORDS[self._novelties % 8]} {_WORDS[self._novelties // 8 % 8]}"
            yield f"plugin {words} was loaded", draw.random() < 0.3
        if draw.random() < 1 / 240:  # started anew
            self._pause = draw.randint(0, 4)
            yield from ((f"starting stage {stage}", False) for stage in range(15))
        if draw.random() < 1 / 120:  # a job
            yield from ((f"moved row {n}", False) for n in range(draw.randint(20, 200)))


def trial_of_logs(services: int, seed: int) -> Mapping[str, Tally]:
    """Let the log detectors look at so many services, each quiet for hours and then at fault.

    Returns:
        `detect/*.<sort>` -> what it did.
    """
    found = {name: Tally() for name in names(Reads.LOGS)}
    for number in range(services):
        draw = random.Random(f"logs {seed} {number}")  # noqa: S311 - made-up telemetry
        service = _Service.drawn(draw)
        memory = Memory()
        for fired in _quiet(service, memory):
            found = {n: t.plus(fired=n in fired, fault=False) for n, t in found.items()}
        kept = json.dumps(memory.document())
        for name, fault in _FAULTS.items():
            for _ in range(_FAULTS_EACH):
                again, minutes = Memory.of(json.loads(kept)), draw.randint(1, _OLDEST)
                fired = _look(again, _QUIET, fault(service), minutes)
                found[name] = found[name].plus(fired=name in fired, fault=True)
    return {f"{ROAD}/*.{name}": tally for name, tally in found.items()}


_Minute = Callable[[int], list[Line]]


def _quiet(service: _Service, memory: Memory) -> Iterator[frozenset[str]]:
    """Yield which detectors fired in each look at the quiet hours, once they are learned."""
    for begin in range(0, _QUIET, _LOOK):
        fired = _look(memory, begin, lambda minute: _lines(service, minute))
        if begin >= _LEARNS:
            yield fired


def _look(memory: Memory, begin: int, minute_of: _Minute, minutes: int = _LOOK) -> frozenset[str]:
    """Return which detectors fired in the last ten of some minutes."""
    fired: set[str] = set()
    end = begin + minutes
    for minute in range(begin, end):
        now = _START + (minute + 1) * 60 + 10
        activity = take(memory, minute_of(minute), now)
        for name in names(Reads.LOGS):
            detector = declared(name)
            found = any(v.abnormal for v in detector.look(activity, detector.settings()))
            if found and minute >= end - _LOOK:
                fired.add(name)
    return frozenset(fired)


def _lines(
    service: _Service,
    number: int,
    *,
    more: Sequence[_Said] = (),
    beating: bool = True,
    busier: float = 1.0,
) -> list[Line]:
    """Return the lines of a minute, and some more."""
    at = _START + number * 60 + 30
    said = service.minute(number, beating=beating, busier=busier)
    return [Line(at, "h1", "shop", loud, text) for text, loud in (*said, *more)]


def _new(service: _Service) -> _Minute:
    """Say something that was never said, from once in ten minutes to many times a minute."""
    rate = math.exp(service.draw.uniform(math.log(0.1), math.log(10)))
    loud = service.draw.random() < 0.7

    def minute(number: int) -> list[Line]:
        count = _poisson(service.draw, rate)
        return _lines(service, number, more=[("cannot reach database db1: timeout", loud)] * count)

    return minute


def _burst(service: _Service) -> _Minute:
    """Say as usual, half as often again to fifty times as often."""
    busier = math.exp(service.draw.uniform(math.log(1.5), math.log(50)))
    return lambda number: _lines(service, number, busier=busier)


def _vanished(service: _Service) -> _Minute:
    """Go on logging, without the heartbeat."""
    return lambda number: _lines(service, number, beating=False)


_FAULTS: Mapping[str, Callable[[_Service], _Minute]] = {
    "log_new": _new,
    "log_burst": _burst,
    "log_vanished": _vanished,
}


def _poisson(draw: random.Random, mean: float) -> int:
    if mean > 30:  # the product below would underflow, and a normal is as good
        return max(0, round(draw.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), draw.random(), 0
    while product > limit:
        product *= draw.random()
        count += 1
    return count
