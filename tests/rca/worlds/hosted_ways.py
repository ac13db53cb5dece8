"""How trouble goes from one thing to the next, by the way in which one needs the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean

from tests.rca.worlds.hosted_estate import Estate
from tests.rca.worlds.hosted_health import CALM, Health
from tests.rca.worlds.hosted_things import GUESTS, Gate, Way


@dataclass
class Ways:
    """What all things have in common, in one minute."""

    estate: Estate
    now: int = 0
    state: dict[int, Health] = field(default_factory=dict)
    since: dict[tuple[int, str], tuple[int, int]] = field(default_factory=dict)

    def see(self, thing: int) -> Health:
        """Return how a thing is in this minute."""
        return self.state.get(thing, CALM)

    def lasts(self, thing: int, what: str, so: object) -> int:
        """Return for how many minutes it has been so, with this one."""
        key = (thing, what)
        if not so:
            self.since.pop(key, None)
            return 0
        start, last = self.since.get(key, (self.now, self.now))
        if last < self.now - 1:
            start = self.now
        self.since[key] = (start, self.now)
        return self.now - start + 1

    # -- what all have in common

    def gate(self, thing: int, health: Health, gate: Gate) -> None:
        many = [self.see(one) for one in gate.members]
        if gate.way is Way.POWER:
            dark = sum(not one.up for one in many)
            health.short = max(health.short, dark / len(many))
            gone = self.lasts(thing, "power", len(many) - dark < gate.need)
            health.up = 0.0 if gone > gate.patience else health.up
        elif gate.way is Way.HOST:
            self._host(thing, health, many[0])
        elif gate.way is Way.DISK and self.estate.roles[thing] != "pool":
            self._disk(thing, health, gate, many)
        elif gate.way in (Way.NET, Way.PLUG):
            self.net(health, many)
        elif gate.way is Way.PLACE:
            health.heat = max(health.heat, many[0].heat)

    def _host(self, thing: int, health: Health, host: Health) -> None:
        for name in ("up", "reach", "ok"):
            setattr(health, name, min(getattr(health, name), getattr(host, name)))
        for name in ("loss", "big", "hang", "skew"):
            setattr(health, name, max(getattr(health, name), getattr(host, name)))
        health.lag *= host.lag
        health.delay *= host.delay
        role = self.estate.roles[thing]
        if role not in GUESTS:  # they have disks of their own
            health.stuck = max(health.stuck, host.stuck)
            health.io *= host.io if role != "osd" else 1.0  # it writes elsewhere

    def _disk(self, thing: int, health: Health, gate: Gate, many: list[Health]) -> None:
        lives = [one for one in many if one.up and not one.stuck and not one.hang and one.reach]
        health.short = max(health.short, 1 - len(lives) / len(many))
        if len(lives) < gate.need:
            health.stuck = 1.0
            return
        health.io *= max(one.io * (1 + 40 * one.loss + 20 * one.big) for one in lives)
        full = max(one.fill for one in lives)
        role = self.estate.roles[thing]
        if full >= 1 and role in ("volume", "etcd", "svc"):
            health.stuck = 1.0
        elif role in ("db", "queue", "etcd", "export", "registry", "prom", *GUESTS):
            health.fill = max(health.fill, full)

    def net(self, health: Health, many: list[Health]) -> None:
        lives = [one for one in many if one.up and one.reach]
        health.short = max(health.short, 1 - len(lives) / len(many))
        if not lives:
            health.reach = 0.0
            return
        health.loss = max(health.loss, fmean(one.loss for one in lives))
        health.big = max(health.big, fmean(one.big for one in lives))
        health.delay *= fmean(one.delay for one in lives)
