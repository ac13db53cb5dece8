"""Tests of rules, as files have them: format `kgraph.rule-tests/v1`, `*.test.yaml` beside rules.

Each test is a small graph, what is seen on it or what fails, and what the rules shall make of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field

from kgraph.schema import (
    KINDS,
    RELATIONS,
    ConfigurationError,
    Entity,
    Fault,
    Observation,
    Relation,
    Scalar,
    State,
    suggest,
    suggest_kind,
)
from kgraph.schema.yaml_files import in_form, read_yaml
from rca.rules.files import TESTS, shelf_of, shipped_files
from rca.rules.includes import Shelf

NOTHING = "nothing"  # expected where no cause shall be named


@dataclass(frozen=True, slots=True)
class Expected:
    """What the rules shall say.

    Attributes:
        cause: the likeliest (entity, mode), an empty mode being any; ("", "") where none shall be
            named; None: not asked.
        derived: (entity, mode) that shall be hit, an empty mode being any.
        silent: entities that shall be neither hit nor blamed.
        at_risk: entities that shall have lost their redundancy.
    """

    cause: tuple[str, str] | None
    derived: tuple[tuple[str, str], ...]
    silent: tuple[str, ...]
    at_risk: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleTest:
    """One test: a graph with observations, or with `faults` that happen, and what is expected."""

    name: str
    where: str
    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]
    observations: tuple[Observation, ...]
    faults: tuple[Fault, ...]
    expected: Expected


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Entity(_Row):
    kind: str
    labels: dict[str, str] = {}
    props: dict[str, Scalar] = {}


class _Relation(_Row):
    dependent: str = Field(alias="from")
    type: str
    dependency: str | list[str] = Field(alias="to")
    need: int | None = Field(default=None, ge=1)


class _Expected(_Row):
    cause: str | None = None
    derived: list[str] = []
    silent: list[str] = []
    atRisk: list[str] = []  # noqa: N815 - the file's own spelling


class _Test(_Row):
    test: str = Field(min_length=1)
    entities: dict[str, str | _Entity] = Field(min_length=1)
    relations: list[str | _Relation] = []
    abnormal: dict[str, list[str]] = {}
    healthy: dict[str, list[str]] = {}
    fails: list[str] = []
    expect: _Expected


class _File(_Row):
    format: Literal["kgraph.rule-tests/v1"]
    tests: list[_Test] = Field(min_length=1)


def read_tests(folders: Sequence[Path], *, shipped: bool) -> list[RuleTest]:
    """Read the tests in some folders, by file name, and those that come with the program.

    Raises:
        ConfigurationError: a file that is not of the format, or names what is not in its graph.
    """
    shelves = [shipped_files(TESTS)] if shipped else []
    shelves += [shelf_of(folder, TESTS) for folder in folders]
    return [test for shelf in shelves for test in _tests(shelf)]


def _tests(shelf: Shelf) -> Iterator[RuleTest]:
    for name in sorted(shelf.texts):
        yield from parse_tests(shelf.texts[name], shelf.place(name))


def parse_tests(text: str, name: str) -> list[RuleTest]:
    """Parse one file; ConfigurationError with file, row and how to mend it."""
    content = in_form(_File, read_yaml(text, name), name, "see docs/rules.md for the form")
    return [_Reader(row, f"{name}: tests[{i}]").test() for i, row in enumerate(content.tests)]


class _Reader:
    """Reads one test; everything that it names must be in its graph."""

    def __init__(self, row: _Test, where: str) -> None:
        self.row, self.where = row, where
        self.kinds = {
            uid: entity if isinstance(entity, str) else entity.kind
            for uid, entity in row.entities.items()
        }

    def test(self) -> RuleTest:
        row, expect = self.row, self.row.expect
        for kind in self.kinds.values():
            if kind not in KINDS:
                self.refuse(f"unknown kind {kind!r}", suggest_kind(kind))
        if bool(row.fails) is bool(row.abnormal or row.healthy):
            self.refuse("a test has observations, or `fails`", "write one of the two")
        if row.fails and expect.cause is not None:
            self.refuse("`fails` is the cause already", "expect `derived` or `silent`")
        if not (expect.cause or expect.derived or expect.silent or expect.atRisk):
            self.refuse("nothing is expected, so it cannot fail", "fill in `expect`")
        return RuleTest(
            row.test,
            self.where,
            tuple(self.entities()),
            tuple(relation for one in row.relations for relation in self.relations(one)),
            tuple(self.observations()),
            tuple(Fault(*self.fault(one)) for one in row.fails),
            self.expected(),
        )

    def entities(self) -> Iterator[Entity]:
        for uid, entity in self.row.entities.items():
            if isinstance(entity, str):
                yield Entity(uid, entity, uid)
            else:
                yield Entity(uid, entity.kind, uid, labels=entity.labels, props=entity.props)

    def relations(self, row: str | _Relation) -> Iterator[Relation]:
        if isinstance(row, str):
            yield from self.needs(row)
            return
        if row.type not in RELATIONS:
            self.refuse(f"unknown relation {row.type!r}", f"relations: {', '.join(RELATIONS)}")
        alternatives = row.dependency if isinstance(row.dependency, list) else None
        if row.need is not None and alternatives is None:
            self.refuse(f"need {row.need} without a group", "write to: [a, b], or leave it out")
        group = "|".join(alternatives) if alternatives is not None and row.need else None
        for dependency in alternatives or [str(row.dependency)]:
            ends = self.known(row.dependent), self.known(dependency)
            yield Relation(ends[0], row.type, ends[1], group, row.need)

    def needs(self, row: str) -> Iterator[Relation]:
        """Read `v1 v2 RUNS_ON h1`: each on the left needs each on the right."""
        words = row.split()
        types = [i for i, word in enumerate(words) if word in RELATIONS]
        if len(types) != 1 or types[0] in {0, len(words) - 1}:
            self.refuse(f"{row!r} is no relation", "write `v1 v2 RUNS_ON h1`")
        at = types[0]
        for dependent in words[:at]:
            for dependency in words[at + 1 :]:
                yield Relation(self.known(dependent), words[at], self.known(dependency))

    def observations(self) -> Iterator[Observation]:
        by_state: Mapping[State, Mapping[str, Any]] = {
            State.ABNORMAL: self.row.abnormal,
            State.HEALTHY: self.row.healthy,
        }
        for state, seen in by_state.items():
            for uid, signals in seen.items():
                yield from (Observation(self.known(uid), signal, state) for signal in signals)

    def expected(self) -> Expected:
        expect = self.row.expect
        cause = None
        if expect.cause is not None:
            cause = ("", "") if expect.cause == NOTHING else self.state(expect.cause)
        return Expected(
            cause,
            tuple(self.state(one) for one in expect.derived),
            tuple(self.known(uid) for uid in expect.silent),
            tuple(self.known(uid) for uid in expect.atRisk),
        )

    def state(self, text: str) -> tuple[str, str]:
        """Read `entity` or `entity.mode`."""
        return (text, "") if text in self.kinds else self.fault(text)

    def fault(self, text: str) -> tuple[str, str]:
        uid, _, mode = text.rpartition(".")
        modes = KINDS[self.kinds[self.known(uid or mode)]].modes
        if mode not in modes:
            mend = suggest(mode, modes, f"one of: {', '.join(modes)}")
            self.refuse(f"{text!r} names no failure mode", mend)
        return uid, mode

    def known(self, uid: str) -> str:
        if uid not in self.kinds:
            self.refuse(f"no entity {uid!r} in the test", f"one of: {', '.join(self.kinds)}")
        return uid

    def refuse(self, what: str, mend: str) -> NoReturn:
        raise ConfigurationError(what, where=self.where, mend=mend)
