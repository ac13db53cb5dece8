"""From reported alerts to observations, each with the reason why it became what it became."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from kgraph.schema import Entity, Observation, State
from kgraph.signals.index import EstateIndex
from kgraph.signals.packs import UNMAPPED, Alert, Mapping, Packs
from kgraph.signals.resolve import Resolution, caller_of, resolve

Blind = Callable[[Alert], str]  # why an alert says nothing of its own; empty: it does


class Outcome(Enum):
    """What became of an alert."""

    MAPPED = "mapped"
    AMBIGUOUS = "ambiguous"
    NOT_FOUND = "not found"
    IGNORED = "ignored"
    BLIND = "blind"  # what it looks at through is gone, so it sees nothing


@dataclass(frozen=True, slots=True)
class Report:
    """One alert as a source tells it, whatever its form was there.

    Attributes:
        alert: labels and annotations.
        state: it fires, or it is over.
        at: since when; when it ended.
        expires_at: until when it stands without being told again.
        fingerprint: what tells it from others, for people.
        detector: who says so.
        detail: one phrase for people.
    """

    alert: Alert
    state: State
    at: datetime | None
    expires_at: datetime
    fingerprint: str
    detector: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AlertExplanation:
    """Why an alert became what it became, and how to mend it where it was lost.

    Attributes:
        mapping: the entry that matched.
        resolver: the resolver that found the entity; empty where none did.
        entities: the entity; several where it was ambiguous.
        tried: what was looked up, as `label=value`.
    """

    alert: str
    fingerprint: str
    outcome: Outcome
    signal: str
    mapping: str
    resolver: str
    entities: tuple[Entity, ...]
    tried: tuple[str, ...]
    mend: str = ""

    @property
    def lost(self) -> bool:
        """Whether it is evidence that found no entity."""
        return self.outcome in {Outcome.AMBIGUOUS, Outcome.NOT_FOUND}


@dataclass(frozen=True, slots=True)
class Translation:
    """Observations (their `entity` is a uid), and one explanation for each alert.

    Attributes:
        blind: observations that were left out because nobody looks there any longer.
        truncated: alerts that the sender left out.
    """

    observations: tuple[Observation, ...]
    explanations: tuple[AlertExplanation, ...]
    truncated: int = 0
    blind: tuple[Observation, ...] = ()

    @property
    def unmapped_share(self) -> float:
        """Share of alerts that are evidence and found no entity, in [0, 1]."""
        counted = [r for r in self.explanations if r.lost or r.outcome is Outcome.MAPPED]
        return sum(row.lost for row in counted) / len(counted) if counted else 0.0


def nobody_blind(_alert: Alert) -> str:
    """Take every alert at its word."""
    return ""


def translate_reports(
    reports: Iterable[Report],
    index: EstateIndex,
    packs: Packs,
    *,
    received_at: datetime,
    blind: Blind = nobody_blind,
) -> Translation:
    """Map every alert to an entity and a signal.

    Nothing is guessed: an alert that names nothing, or more than one thing, becomes an
    explanation only. O(alerts).
    """
    observations: list[Observation] = []
    withheld: list[Observation] = []
    explanations = []
    for report in reports:
        mapping = packs.match(report.alert)
        resolution = resolve(report.alert, mapping, index)
        explanation = _explain(report, mapping, resolution, index)
        why = blind(report.alert) if explanation.outcome is not Outcome.IGNORED else ""
        if explanation.outcome is Outcome.MAPPED:
            seen = _observation(report, mapping, resolution.uids[0], index, received_at)
            (withheld if why else observations).append(seen)
        if why:
            explanation = replace(explanation, outcome=Outcome.BLIND, mend=why)
        explanations.append(explanation)
    return Translation(_settled(observations), tuple(explanations), blind=tuple(withheld))


def _settled(observations: Sequence[Observation]) -> tuple[Observation, ...]:
    """Leave out health that another alert of the same name contradicts.

    One file system of a host has room again, the other is still full: the host is not healthy.
    """
    firing = {_pair(seen) for seen in observations if seen.abnormal}
    return tuple(seen for seen in observations if seen.abnormal or _pair(seen) not in firing)


def _pair(seen: Observation) -> tuple[str, str, str, str | None]:
    return seen.entity, seen.signal, seen.detector, seen.caller


def _observation(
    report: Report, mapping: Mapping, uid: str, index: EstateIndex, received_at: datetime
) -> Observation:
    return Observation(
        entity=uid,
        signal=mapping.signal,
        state=report.state,
        direction=mapping.direction,  # of one that is over, too: it takes back that very row
        at=report.at or received_at,
        detector=report.detector,
        caller=caller_of(report.alert, mapping, index),
        received_at=received_at,
        expires_at=report.expires_at,
        detail=report.detail.strip(),
    )


def _explain(
    report: Report, mapping: Mapping, resolution: Resolution, index: EstateIndex
) -> AlertExplanation:
    outcome, mend = _outcome(report.alert, mapping, resolution)
    known = mapping.place if mapping is not UNMAPPED else "no entry: counts as anomaly"
    return AlertExplanation(
        alert=report.alert.name or "unnamed",
        fingerprint=report.fingerprint,
        outcome=outcome,
        signal=mapping.signal,
        mapping=known,
        resolver=resolution.resolver,
        entities=tuple(index.entities[uid] for uid in resolution.uids),
        tried=resolution.tried,
        mend=mend,
    )


def _outcome(alert: Alert, mapping: Mapping, resolution: Resolution) -> tuple[Outcome, str]:
    if mapping.ignore:
        return Outcome.IGNORED, mapping.ignore
    if resolution.uid is not None:
        return Outcome.MAPPED, mapping.unpublished()
    if resolution.uids:
        mend = "add a label kgraph_entity with the uid, or a host label beside the name"
        return Outcome.AMBIGUOUS, mend
    seen = ", ".join(sorted(alert.labels)) or "none"
    if mapping.name and not any(alert.labels.get(label) for label in mapping.name):
        asked = f"its entry asks for the label {' or '.join(mapping.name)} (labels: {seen})"
        return Outcome.NOT_FOUND, f"{asked}: add it to the rule, or map another label"
    if not resolution.tried:
        return Outcome.NOT_FOUND, f"no label names an entity (labels: {seen}): add a mapping entry"
    kinds = " or ".join(mapping.kinds) or "entity"
    return Outcome.NOT_FOUND, f"no {kinds} answers to it: sync its source, or add a mapping entry"
