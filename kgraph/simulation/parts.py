"""Makes records and relations: deterministic ids, readable names, what is watched."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from kgraph.schema import Key, Record, RelationRecord, Scalar
from kgraph.simulation.watch import WATCHED

Part = Record | RelationRecord
needs = RelationRecord  # of a dependent, a type and what it needs by itself


class Maker:
    """Makes the parts of one estate; everything random comes from the one generator."""

    def __init__(self, rng: Random, coverage: float) -> None:
        self.rng = rng
        self._coverage = coverage

    def uuid(self) -> str:
        """Return a random UUID of version 4, the same for the same seed."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def serial(self) -> str:
        """Return a serial number of ten digits and letters."""
        return f"{self.rng.getrandbits(50):010X}"[:10]

    def wwn(self) -> str:
        """Return a World Wide Name of the NAA 5 form, as disks have."""
        return f"5{self.rng.getrandbits(60):015x}"

    def record(
        self,
        kind: str,
        name: str,
        *,
        key: tuple[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        props: Mapping[str, Scalar] | None = None,
    ) -> Record:
        """Make one record; its name is its key, and `key` is (namespace, value)."""
        signals = WATCHED.get(kind, ())
        coverage, random = self._coverage, self.rng.random
        if coverage < 1:
            signals = tuple([s for s in signals if random() < coverage])
        keys = (Key(*key),) if key else ()
        return Record(name, kind, name, keys, labels or {}, props or {}, signals)


def needs_some(
    dependent: str, type_: str, members: Sequence[str], group: str, need: int
) -> list[RelationRecord]:
    """Say that `need` of the members must work."""
    return [RelationRecord(dependent, type_, member, group, need) for member in members]


@dataclass(frozen=True, slots=True)
class HostPlace:
    """What a guest gets by running on a host."""

    name: str
    site: int
    exporter: str
    paths: tuple[str, str]
    pools: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SitePlace:
    """What everything at a site shares."""

    probe: str
    networks: tuple[str, ...]
    exports: tuple[str, ...]
