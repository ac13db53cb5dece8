"""Estates and evidence in a few lines of text, and random ones by seed.

Host: h1 h2                          entities of one kind; v[0-24] counts
v[0-24] RUNS_ON h1                   every left one needs every right one
v[0-24] STORED_ON each d[0-24]       pairwise
h1 POWERED_BY a b / feeds 1          a redundancy group and its `need`
v* abnormal: down paused             seen; * is a wild card, errors@7 has a size
h1 healthy: down
s changed: deployed                  something was done to it
target s latency
candidates h1 h2
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cache

import numpy as np
import pytest

import rca
from kgraph.schema import (
    Answer,
    Change,
    Direction,
    Entity,
    Incident,
    Observation,
    Relation,
    State,
    Target,
)
from kgraph.topology import build
from rca.evidence.readings import read
from rca.region.scene import Scene
from rca.rules.compile import Compiled
from rca.rules.model import Model

_THEN = datetime(2026, 11, 23, tzinfo=UTC)


@dataclass
class _Draft:
    entities: list[Entity] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    target: Target | None = None
    candidates: tuple[str, ...] | None = None

    def named(self, words: str) -> list[str]:
        known = [entity.uid for entity in self.entities]
        return [
            uid
            for word in _counted(words)
            for uid in (
                [one for one in known if fnmatchcase(one, word)] if "*" in word else [word]
            )
        ]

    def add(self, line: str) -> None:
        if match := re.fullmatch(r"(\w+): (.+)", line):
            kind, ids = match.groups()
            self.entities += [Entity(uid, kind, uid) for uid in _counted(ids)]
        elif match := re.fullmatch(r"(.+) (abnormal|healthy): (.+)", line):
            who, state, signals = match.groups()
            self.observations += [
                _seen(uid, signal, State(state))
                for uid in self.named(who)
                for signal in signals.split()
            ]
        elif match := re.fullmatch(r"(.+) changed: (\S+)", line):
            who, what = match.groups()
            self.changes += [Change(uid, what, _THEN) for uid in self.named(who)]
        elif line.startswith("target "):
            _, uid, signal = line.split()
            self.target = Target(uid, signal)
        elif line.startswith("candidates "):
            self.candidates = tuple(self.named(line.removeprefix("candidates ")))
        else:
            self._relate(line)

    def _relate(self, line: str) -> None:
        match = re.fullmatch(r"(.+?) ([A-Z_]+) (each )?([^/]+?)(?: / (\w+) (\d+))?", line)
        assert match, f"can't read {line!r}"
        left, type_, each, right, group, need = match.groups()
        ours, theirs = self.named(left), self.named(right)
        pairs = zip(ours, theirs, strict=True) if each else [(a, b) for a in ours for b in theirs]
        self.relations += [
            Relation(a, type_, b, group, int(need) if need else None) for a, b in pairs
        ]


def _counted(words: str) -> list[str]:
    found = []
    for word in words.split():
        match = re.fullmatch(r"(.*)\[(\d+)-(\d+)\](.*)", word)
        if match:
            before, first, last, after = match.groups()
            found += [f"{before}{i}{after}" for i in range(int(first), int(last) + 1)]
        else:
            found.append(word)
    return found


def _seen(uid: str, signal: str, state: State) -> Observation:
    name, _, size = signal.partition("@")
    direction = Direction.UP if size else None
    return Observation(uid, name, state, float(size) if size else None, direction)


def _incident(text: str) -> Incident:
    draft = _Draft()
    for line in text.strip().splitlines():
        if line.strip():
            draft.add(line.strip())
    return Incident(
        "test",
        tuple(draft.entities),
        tuple(draft.relations),
        tuple(draft.observations),
        tuple(draft.changes),
        target=draft.target,
        candidates=draft.candidates,
    )


def _field(incident: Incident, model: Model) -> Scene:
    topology = build(incident.entities, incident.relations)
    readings = read(incident, model, topology)
    return Scene(
        topology, Compiled(model), {topology.index[uid]: rows for uid, rows in readings.items()}
    )


# What may stand below what, so that random estates are ones that could exist.
_LAYERS = (
    ("Service", (("CALLS", "Service"), ("RUNS_ON", "VirtualMachine"))),
    ("VirtualMachine", (("RUNS_ON", "Host"), ("STORED_ON", "StoragePool"))),
    ("Host", (("POWERED_BY", "PowerFeed"), ("CONNECTED_TO", "Switch"))),
    ("StoragePool", (("STORED_ON", "Disk"),)),
    ("PowerFeed", ()),
    ("Switch", ()),
    ("Disk", ()),
)
_SIGNALS = {"Service": ("errors", "latency"), "StoragePool": ("full",), "Disk": ("failed",)}


def _random_incident(seed: int) -> Incident:
    rng = np.random.default_rng(seed)
    ids = {
        kind: [f"{kind.lower()}{i}" for i in range(int(rng.integers(1, 4)))] for kind, _ in _LAYERS
    }
    relations = []
    for kind, below in _LAYERS:
        for uid in ids[kind]:
            for type_, other in below:
                count = int(rng.integers(0, len(ids[other]) + 1))
                chosen = rng.permutation(ids[other])[:count].tolist()
                group = type_ if count > 1 and rng.random() < 0.6 else None
                relations += [
                    Relation(uid, type_, to, group, 1 if group else None) for to in chosen
                ]
    observations = []
    for kind, uids in ids.items():
        for uid in uids:
            for signal in _SIGNALS.get(kind, ("down", "unreachable")):
                drawn = rng.random()
                if drawn < 0.6:
                    state = State.ABNORMAL if drawn < 0.25 else State.HEALTHY
                    observations.append(Observation(uid, signal, state))
    entities = [Entity(uid, kind, uid) for kind, uids in ids.items() for uid in uids]
    return Incident(f"seed {seed}", tuple(entities), tuple(relations), tuple(observations))


@pytest.fixture(scope="session")
def model() -> Model:
    """The shipped rules."""
    return rca.load_model()


@pytest.fixture(scope="session")
def incident() -> Callable[[str], Incident]:
    """Text -> incident."""
    return _incident


@pytest.fixture(scope="session")
def random_incident() -> Callable[[int], Incident]:
    """Seed -> a small estate with redundancy, call cycles, and random evidence."""
    return _random_incident


@pytest.fixture(scope="session")
def random_answer(model: Model) -> Callable[[int], Answer]:
    """Seed -> what the shipped rules make of that estate; many tests look at the same answers."""
    return cache(lambda seed: rca.investigate(_random_incident(seed), model))


@pytest.fixture(scope="session")
def field_of(model: Model) -> Callable[[Incident], Scene]:
    """Incident -> what the engine walks on."""
    return lambda incident: _field(incident, model)


@pytest.fixture(scope="session")
def ask(model: Model) -> Callable[[str], Answer]:
    """Text -> answer by the shipped rules."""
    return lambda text: rca.investigate(_incident(text), model)
