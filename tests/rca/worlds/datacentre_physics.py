"""How a data centre behaves over twenty minutes: work flows down, trouble flows up.

Every part has a share of its capacity in use. Who serves in a dead one's stead carries its work
too, so redundancy is worth what the others have left: what waits grows as in a queue, what does
not fit is lost, callers ask again, a feed that carries too much trips, a copy that is swamped
dies. Nothing is known here of chances or rules: each step follows from the one before.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.rca.worlds.datacentre_estate import CHANNELS, PARTS, Estate, Way

Array = npt.NDArray[Any]

STEPS = 60  # of 20 seconds
RUN, NET, STORE, CALL = range(CHANNELS)
_CHANNEL = {Way.POWER: RUN, Way.PART: RUN, Way.NET: NET, Way.STORE: STORE, Way.CALL: CALL}
_WAITS = {"feed": 0.0, "pdu": 0.0, "volume": 0.0, "certificate": 0.0, "settings": 0.0}
# How much of a change of one's own work is handed on: caches hold off disks, idling costs power.
_PASSED = {Way.POWER: 0.3, Way.HOSTING: 0.5, Way.STORE: 0.2, Way.NET: 0.5, Way.CALL: 0.7}
_BREAKERS = ("feed", "pdu")
_SWAMPED = ("copy", "database", "queue")
_PATIENT = ("nic", "bond", "tor", "core", "san", "host", "path", "disk", "pool", "array")


@dataclass(frozen=True)
class Blow:
    """What befalls one part, and from which step on.

    Attributes:
        word: what a good look at the part itself would call it.
        left: share of its capacity that is left, 0: it stopped.
        loss: share of its work that goes wrong.
        delay: how much longer it takes, in normal times.
        surge: how many times its normal work it is given.
        net: it hits its network alone.
    """

    part: int
    word: str
    left: float = 1.0
    loss: float = 0.0
    delay: float = 0.0
    surge: float = 1.0
    net: bool = False
    since: int = 0


@dataclass
class Days:
    """The course of things, by step: (STEPS, n, channels), and use of capacity (STEPS, n)."""

    serves: Array
    loss: Array
    delay: Array
    use: Array
    short: Array  # (STEPS, n): some of those who serve a need are gone

    def up(self) -> Array:
        """Return what serves at all, over all channels: (STEPS, n)."""
        return self.serves.prod(axis=2)

    def lost(self) -> Array:
        """Return the share of work that goes wrong, over all channels: (STEPS, n)."""
        return 1 - (1 - self.loss).prod(axis=2)

    def late(self) -> Array:
        """Return the extra time, in normal times, over all channels: (STEPS, n)."""
        return self.delay.sum(axis=2)


class Machine:
    """The estate as arrays; `run` lets blows fall on it."""

    def __init__(self, estate: Estate, rng: Random) -> None:
        self.size = len(estate.roles)
        rows = [(at, one) for at, gate in enumerate(estate.gates) for one in gate.suppliers]
        gates = estate.gates
        self.gate = np.array([at for at, _ in rows])
        self.supplier = np.array([one for _, one in rows])
        self.owner = np.array([gate.owner for gate in gates])
        self.need = np.array([gate.need for gate in gates])
        self.heed = np.array([gate.heed for gate in gates])
        self.members = np.array([len(gate.suppliers) for gate in gates])
        self.channel = np.array([_CHANNEL.get(gate.way, RUN) for gate in gates])
        self.hosting = np.array([gate.way is Way.HOSTING for gate in gates])
        self.calls = self.channel == CALL
        roles = estate.roles
        self.usual = np.array([rng.uniform(PARTS[role].least, PARTS[role].most) for role in roles])
        self.haste = np.array([PARTS[role].haste for role in roles])[:, None]
        self.waits = np.array([_WAITS.get(role, 0.3) for role in roles])
        self.breaks = np.array([role in _BREAKERS for role in roles])
        self.weak = np.array([role in _SWAMPED and rng.random() < 0.4 for role in roles])
        self.patient = np.array([role in _PATIENT for role in roles])
        self.again = np.array([rng.choice([0.0, 0.0, 0.5, 1.0]) for _ in gates]) * self.calls
        self.passed = np.array([_PASSED.get(gate.way, 1.0) for gate in gates])[self.gate]
        asked = np.bincount(self.supplier, minlength=self.size)
        self.own = np.where(asked == 0, 1.0, [rng.uniform(0.1, 0.3) for _ in roles])
        self.mix = ((1 - self.own) / np.maximum(asked, 1))[self.supplier]

    def run(self, blows: list[Blow]) -> Days:
        """Return what follows from these blows."""
        n, shape = self.size, (self.size, CHANNELS)
        serves, loss, delay = np.ones(shape), np.zeros(shape), np.zeros(shape)
        work, left = np.ones(n), np.ones(n)
        swamped = np.zeros(n)
        days = Days(
            *(np.zeros((STEPS, *shape)) for _ in range(3)),
            *(np.zeros((STEPS, n)) for _ in range(2)),
        )
        for step in range(STEPS):
            harm = _harm([one for one in blows if one.since <= step], shape)
            up = serves.prod(axis=1)
            lives = up[self.supplier] > 0.5
            living = np.bincount(self.gate, lives, len(self.owner))
            gave, lost, late = self._served(serves, loss, delay, lives, living)
            work = self._work(work, up, lives, living, lost, harm.surge)
            use = self.usual * work / np.maximum(harm.left * left, 0.05)
            swamped = np.where(use > np.where(self.breaks, 1.0, 1.5), swamped + 1, 0)
            left = np.where((swamped > 9) & (self.breaks | self.weak), 0.0, left)
            now, bad, slow = self._felt(gave, lost, late, harm, left, use)
            serves = serves + self.haste * (now - serves)
            loss = loss + self.haste * (bad - loss)
            delay = delay + self.haste * (slow - delay)
            days.serves[step], days.loss[step], days.delay[step] = serves, loss, delay
            days.use[step] = use
            days.short[step] = np.bincount(self.owner, living < self.members, n) > 0
        return days

    def _served(
        self, serves: Array, loss: Array, delay: Array, lives: Array, living: Array
    ) -> tuple[Array, Array, Array]:
        """Return what each need gets, by channel: served or not, lost, late."""
        gates = len(self.owner)
        rows = np.arange(gates)
        up, lost, late = serves.prod(1), 1 - (1 - loss).prod(1), delay.sum(1)
        share = lives / np.maximum(living[self.gate], 1)
        gave, bad, slow = np.ones((gates, CHANNELS)), *np.zeros((2, gates, CHANNELS))
        alone = np.zeros(gates, dtype=int)
        alone[self.gate] = self.supplier
        gave[rows, self.channel] = np.where(
            self.members == 1, up[alone], (living >= self.need).astype(float)
        )
        bad[rows, self.channel] = np.bincount(self.gate, share * lost[self.supplier], gates)
        slow[rows, self.channel] = np.bincount(self.gate, share * late[self.supplier], gates)
        strict = (self.need > 1) & (living < self.members)  # it is being rebuilt
        slow[rows, self.channel] += 0.6 * strict
        hosted = alone[self.hosting]
        gave[self.hosting], bad[self.hosting] = serves[hosted], loss[hosted]
        slow[self.hosting] = delay[hosted]
        called = self.calls
        bad[called, CALL] = self.heed[called] * (1 - gave[called, CALL] * (1 - bad[called, CALL]))
        slow[called, CALL] *= self.heed[called]
        gave[called, CALL] = 1.0
        return gave, bad, slow

    def _work(
        self, work: Array, up: Array, lives: Array, living: Array, lost: Array, surge: Array
    ) -> Array:
        """Return how many times its normal work each part is asked for."""
        asker = self.owner[self.gate]
        more = np.where(lives, self.members[self.gate] / np.maximum(living[self.gate], 1), 0)
        again = 1 + (self.again * lost[:, CALL])[self.gate]
        asked = 1 + self.passed * (np.minimum(work, 4)[asker] * again - 1)
        sent = asked * more * (up > 0.5)[asker]
        return (self.own + np.bincount(self.supplier, self.mix * sent, self.size)) * surge

    def _felt(
        self, gave: Array, lost: Array, late: Array, harm: _Harm, left: Array, use: Array
    ) -> tuple[Array, Array, Array]:
        """Return the state that each part is drawn to."""
        shape = (self.size, CHANNELS)
        now, kept, slow = np.ones(shape), np.ones(shape), harm.delay.copy()
        np.multiply.at(now, self.owner, gave)
        np.multiply.at(kept, self.owner, 1 - lost)
        np.add.at(slow, self.owner, late)
        now[:, RUN] *= (harm.left * left) > 0.05
        now *= harm.cut
        full = np.minimum(use, 0.97)
        queue = full / (1 - full) - self.usual / (1 - self.usual)
        slow[:, RUN] += self.waits * np.clip(queue, 0, 12)
        over = np.where(self.waits > 0, np.clip(1 - 1 / np.maximum(use, 0.1), 0, 0.95), 0)
        kept *= 1 - harm.loss
        kept[:, RUN] *= 1 - over
        waited = np.clip((slow.sum(1) - 5) / 15, 0, 0.8)
        kept[:, RUN] *= 1 - np.where(self.patient, 0, waited)
        return now, 1 - kept, np.minimum(slow, 30)


@dataclass
class _Harm:
    left: Array
    surge: Array
    loss: Array
    delay: Array
    cut: Array


def _harm(blows: list[Blow], shape: tuple[int, int]) -> _Harm:
    harm = _Harm(
        np.ones(shape[0]), np.ones(shape[0]), np.zeros(shape), np.zeros(shape), np.ones(shape)
    )
    for blow in blows:
        channel = NET if blow.net else RUN
        if blow.net:
            harm.cut[blow.part, NET] = float(blow.left > 0)
        else:
            harm.left[blow.part] = min(harm.left[blow.part], blow.left)
        harm.surge[blow.part] *= blow.surge
        harm.loss[blow.part, channel] = max(harm.loss[blow.part, channel], blow.loss)
        harm.delay[blow.part, channel] += blow.delay
    return harm
