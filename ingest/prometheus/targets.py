"""Targets: which machine each speaks of, and which of them are silent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ingest.prometheus.reading import Labels, Reading, Target
from kgraph.schema import Entity
from kgraph.signals import Alert, AlertExplanation, EstateIndex, Outcome, Resolution, resolve
from kgraph.signals.packs import UNMAPPED

_PLACES = ("host", "hypervisor", "node", "nodename", "hostname")
_MACHINES = ("Host", "VirtualMachine", "Switch", "Router", "StorageArray", "Endpoint", "Bmc")
_BY_INSTANCE = replace(UNMAPPED, kinds=_MACHINES, name=("instance",))
_BY_PLACE = replace(UNMAPPED, kinds=_MACHINES, name=_PLACES)


class Vantage(NamedTuple):
    """How much one Prometheus sees.

    Attributes:
        watched: targets that it has tried to scrape.
        silent: those among them that gave no answer.
    """

    name: str
    watched: int
    silent: int


def vantage(reading: Reading, name: str) -> Vantage:
    """Count what a Prometheus watches and what of it is silent.

    All of them silent at once says more of the Prometheus, or of its network, than of the targets.
    """
    tried = [target for target in reading.targets if target.health != "unknown"]
    return Vantage(name, len(tried), sum(target.health == "down" for target in tried))


@dataclass(frozen=True, slots=True)
class Alias:
    """A target, and what of the estate it speaks of.

    Attributes:
        uid: of the machine that it stands for; None where nothing or too much answers to it.
        place: that machine's name, else the instance.
        entities: what answers to its labels.
    """

    target: Target
    resolution: Resolution
    uid: str | None
    place: str
    entities: tuple[Entity, ...] = ()


def aliases(targets: Iterable[Target], index: EstateIndex) -> list[Alias]:
    """Resolve every target by its labels; of two with one job and instance the worse counts."""
    worst: dict[tuple[str, str], Target] = {}
    for target in targets:
        key = (target.job, target.instance)
        if key not in worst or target.health == "down":
            worst[key] = target
    return [_alias(target, index) for target in worst.values()]


def _alias(target: Target, index: EstateIndex) -> Alias:
    found = _resolution(target, index)
    uid = found.uid
    entities = tuple(index.entities[each] for each in found.uids)
    place = entities[0].name if uid is not None else target.instance
    return Alias(target, found, uid, place, entities)


def explained(alias: Alias) -> AlertExplanation:
    """Tell what became of a target, and how to mend it where it names nothing."""
    found, target = alias.resolution, alias.target
    outcome, mend = Outcome.MAPPED, ""
    if alias.uid is None and found.uids:
        outcome, mend = Outcome.AMBIGUOUS, "add a label kgraph_entity with the uid to the target"
    elif alias.uid is None:
        mend = "sync the source that knows it, or add a label host to the target"
        outcome = Outcome.NOT_FOUND
    return AlertExplanation(
        alert=f"target {target.job} {target.instance}",
        fingerprint="",
        outcome=outcome,
        signal="" if target.proxied else "unreachable",
        mapping=f"scrape: {target.health}",
        resolver=found.resolver,
        entities=alias.entities,
        tried=found.tried,
        mend=mend,
    )


def _resolution(target: Target, index: EstateIndex) -> Resolution:
    """Ask the instance first where that is a guest, else the label that names the host.

    An exporter for a host may run elsewhere: then its address says where it runs, and only the
    label what it looks at. A guest's own exporter may carry its host's label.
    """
    alert = Alert(target.labels)
    at = resolve(alert, _BY_INSTANCE, index)
    if at.uid is not None and index.entities[at.uid].kind == "VirtualMachine":
        return at
    said = resolve(alert, _BY_PLACE, index)
    return said if said.uids else at


@dataclass(frozen=True)
class Silence:
    """Which series nobody sees any longer, because their target does not answer."""

    targets: Mapping[tuple[str, str], Target]

    @classmethod
    def of(cls, targets: Sequence[Target]) -> Silence:
        """Index the targets by job and instance."""
        known: dict[tuple[str, str], Target] = {}
        for target in targets:
            key = (target.job, target.instance)
            if key not in known or target.health == "down":
                known[key] = target
        return cls(known)

    def target(self, labels: Labels) -> Target | None:
        """Return the target that series with such labels come from, where they say so."""
        return self.targets.get((labels.get("job", ""), labels.get("instance", "")))

    def behind(self, labels: Labels, live: Sequence[Labels]) -> Target | None:
        """Return the silent target on account of which an alert of such labels sees nothing.

        Args:
            labels: the alert's.
            live: the series that its rule sees now.

        An alert that names its target is plain. One that does not (a sum, `absent`) is blind when
        no series that it could speak of is left and every target that could bring one is down.
        """
        named = self.target(labels)
        if named is not None:
            return named if named.health == "down" else None
        if labels.get("instance") or any(_compatible(labels, series) for series in live):
            return None
        jobs = {series["job"] for series in live if series.get("job")}
        likely = list(self._likely(labels, jobs))
        silent = [target for target in likely if target.health == "down"]
        return silent[0] if silent and len(silent) == len(likely) else None

    def _likely(self, labels: Labels, jobs: set[str]) -> Iterator[Target]:
        for target in self.targets.values():
            if (not jobs or target.job in jobs) and _compatible(labels, target.labels):
                yield target


def _compatible(labels: Labels, other: Labels) -> bool:
    """Tell whether two label sets share a label, and differ in none that both have."""
    shared = labels.keys() & other.keys() - {"alertname", "severity"}
    return bool(shared) and all(labels[name] == other[name] for name in shared)
