"""The command list of a simulation: one command a line, as `SECONDS command arguments`.

# what this night is about
hosts 4
guests 6
10 power h2 off
40 halt wrong estate
run 300
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.remedies.simulator.physics import SimGuest, World, small


@dataclass(frozen=True)
class Command:
    """One thing that happens to the estate."""

    at: float
    words: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.words)


@dataclass(frozen=True)
class Script:
    """One night: the estate, what happens, and how long it is watched."""

    about: str
    world: World
    commands: tuple[Command, ...]
    seconds: float
    step: float
    policy: str
    site: frozenset[str]
    power: bool


POLICIES = {
    "auto": "rules: [{name: all, mode: auto}]",
    "suggest": "rules: []",
    "approve": "rules: [{name: ask, mode: approve, priority: 5}]",
    "low": "rules: [{name: mild, mode: auto, when: {risk: low}}]",
    "window": "rules: [{name: all, mode: auto}]\nwindows: [{name: patches, days: [thu]}]",
    "night-shift": "rules: [{name: all, mode: auto}]\n"
    "windows: [{name: patches, hours: {from: '03:01', to: '03:03'}}]",
    "earned": "rules: [{name: all, mode: auto, earned: {cases: 3, atLeast: 0.3}}]",
    "tight": "rules: [{name: all, mode: auto}]\n"
    "budgets: {guestActionsPerMinute: 2, fencingsAtOnce: 1, fencingsPerHour: 1}",
}
USUAL = {"hosts": "4", "guests": "6", "run": "300", "step": "1", "policy": "auto"}
LABELS = frozenset({"antiAffinity", "affinity", "importance"})
SITE = frozenset({"start_elsewhere", "migrate", "migrate_cold", "cordon", "uncordon"})


def parse(text: str) -> Script:
    """Read a command list."""
    told: dict[str, str] = {
        "hosts": "4",
        "guests": "6",
        "run": "300",
        "step": "1",
        "policy": "auto",
    }
    about, commands, setup = [], [], []
    for line in text.splitlines():
        words = line.split()
        if line.startswith("#"):
            about.append(line[1:].strip())
        elif words and words[0].replace(".", "").isdigit():
            commands.append(Command(float(words[0]), tuple(words[1:])))
        elif words and words[0] in {"guest", "host", "no", "bring"}:
            setup.append(words)
        elif words:
            told[words[0]] = " ".join(words[1:])
    world = small(int(told["hosts"]), int(told["guests"]))
    site, power = SITE, True
    for kind, *words in setup:
        if kind == "no":
            power = power and "power" not in words
            site -= frozenset(words)
        elif kind == "bring":
            site |= frozenset(words)
        else:
            _declare(world, kind, words)
    policy = f"format: kgraph.policy/v1\n{POLICIES[told['policy']]}"
    run, step = float(told["run"]), float(told["step"])
    return Script(" ".join(about), world, tuple(commands), run, step, policy, site, power)


def _declare(world: World, kind: str, words: list[str]) -> None:
    name, *options = words
    given = dict(option.split("=") for option in options)
    if kind == "host":
        world.hosts[name].gib = int(given.get("gib", world.hosts[name].gib))
        world.hosts[name].labels |= {k: v for k, v in given.items() if k == "cordoned"}
        return
    if name not in world.guests:
        world.guests[name] = SimGuest(name, given["on"], {given["on"]})
    guest = world.guests[name]
    guest.gib = int(given.get("gib", guest.gib))
    guest.export = given.get("export", guest.export)
    guest.labels |= {
        k: v for k, v in given.items() if k in {"antiAffinity", "affinity", "importance"}
    }


def apply(world: World, words: tuple[str, ...]) -> bool:
    """Let something happen to the estate; False where it is no matter of the estate."""
    handler = _WORLD.get(words[0])
    if handler is None:
        return False
    handler(world, *words[1:])
    world.settle()
    return True


def _power(world: World, host: str, state: str) -> None:
    world.hosts[host].power = state == "on"


def _network(world: World, host: str, state: str, which: str = "both") -> None:
    found = world.hosts[host]
    if which in {"both", "mgmt"}:
        found.mgmt = state == "on"
    if which in {"both", "data"}:
        found.data = state == "on"


def _host(world: World, host: str, what: str) -> None:
    found = world.hosts[host]
    found.hung = what == "hang" or (found.hung and what != "thaw")
    found.lies = what == "lies" or (found.lies and what != "honest")
    found.stuck = found.stuck or what == "stuck"
    if what in {"nobmc", "nopdu"}:
        setattr(found, what[2:], False)


def _vm(world: World, name: str, what: str) -> None:
    guest = world.guests[name]
    if what == "dies":
        guest.dies = True
    states = {"hang": "hung", "panic": "panicked", "pause": "paused", "run": "running"}
    states |= {"kill": "off", "leave": "left"}
    guest.state = states.get(what, guest.state)
    if guest.state in {"off", "left"}:
        guest.on = set()
    elif not guest.on:
        guest.on = {guest.home}


def _rival(world: World, name: str, host: str) -> None:
    """Another controller starts a guest on a host, without asking anybody."""
    guest = world.guests[name]
    guest.on |= {host}
    guest.state = "running"
    world.rogue.add(name)


def _unit(world: World, name: str, what: str) -> None:
    unit = world.units[name]
    unit.sound = what == "mend" or (unit.sound and what != "swap")
    unit.stubborn = unit.stubborn or what == "stubborn"
    states = {"kill": "inactive", "fail": "failing", "hang": "hung", "run": "active"}
    unit.state = states.get(what, unit.state)


def _pool(world: World, what: str, name: str = "pool") -> None:
    (world.full.add if what == "full" else world.full.discard)(name)


def _blind(world: World, vantage: str, state: str = "on") -> None:
    world.blind = world.blind | {vantage} if state == "on" else world.blind - {vantage}


def _own(world: World, entity: str, *who: str) -> None:
    world.rivals[entity] = " ".join(who)


def _hang(world: World, action: str) -> None:
    world.hanging.add(action)


def _fail(world: World, action: str, times: str = "99") -> None:
    world.failing[action] = int(times)


def _sync(world: World, state: str) -> None:
    world.synced = state == "on"


_WORLD: dict[str, Callable[..., None]] = {
    "power": _power,
    "network": _network,
    "host": _host,
    "vm": _vm,
    "rival": _rival,
    "unit": _unit,
    "pool": _pool,
    "blind": _blind,
    "own": _own,
    "hang": _hang,
    "fail": _fail,
    "sync": _sync,
}
