"""How a thing of the platform is, what hurts it, and what a caller gets of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(slots=True)
class Health:
    """How a thing is in one minute."""

    up: float = 1.0
    ok: float = 1.0  # share that is answered rightly
    reach: float = 1.0  # 0: nothing gets there
    lag: float = 1.0  # times the usual time
    io: float = 1.0  # times the usual time of a write
    delay: float = 1.0  # times the usual time on the way
    load: float = 1.0  # times the usual demand
    loss: float = 0.0  # share of packets
    big: float = 0.0  # share of large packets
    rate: float = 0.0  # errors that it counts itself
    cpu: float = 0.4
    mem: float = 0.5
    fill: float = 0.5
    heat: float = 0.0
    skew: float = 0.0  # seconds
    behind: float = 0.0  # minutes, of a copy
    waits: float = 0.0  # for whom it calls
    stuck: float = 0.0  # what it keeps does not answer
    hang: float = 0.0  # it runs, and does not move on
    short: float = 0.0  # share of its spares that is gone
    crash: float = 0.0
    unready: float = 0.0  # taken out of the rotation
    gone: float = 0.0  # evicted: nobody looks any more
    frozen: float = 0.0  # changes do not come through


CALM = Health()
_TIMES = ("lag", "io", "delay", "load")
_SHARES = ("up", "ok", "reach")


@dataclass(frozen=True, slots=True)
class Blow:
    """What a fault does to one thing.

    Attributes:
        begins: the minute.
        ramp: minutes until it is as bad as that.
        flaps: minutes on and minutes off; 0: it stays.
    """

    thing: int
    does: Mapping[str, float]
    begins: int = 0
    ramp: int = 0
    flaps: int = 0

    def strike(self, health: Health, now: int) -> None:
        """Hurt the thing as much as it is hurt in this minute."""
        age = now - self.begins
        if age < 0 or (self.flaps and (age // self.flaps) % 2):
            return
        part = min(1.0, (age + 1) / (self.ramp + 1))
        for name, value in self.does.items():
            calm = getattr(CALM, name)
            now_at, is_at = calm + part * (value - calm), getattr(health, name)
            if name in _TIMES:
                setattr(health, name, is_at * now_at)
            else:
                setattr(health, name, (min if name in _SHARES else max)(is_at, now_at))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller gets."""

    ok: float
    lag: float


def answer(one: Health) -> Answer:
    """Return what somebody gets who asks."""
    if not one.up or not one.reach:
        return Answer(0.0, 5.0)
    if one.hang or one.stuck:
        return Answer(0.0, 30.0)
    lag = one.lag * one.delay * (1 + 25 * one.loss) * (1 + 10 * one.big)
    return Answer(one.ok * (1 - one.loss) * (1 - 0.4 * one.big), min(lag, 60.0))
