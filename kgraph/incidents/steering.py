"""What people decided on which symptoms belong together, and what the grouping makes of it. Pure.

A decision is about symptoms, not about incidents: those come and go with the explanation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from kgraph.incidents.identity import Symptom
from kgraph.schema import Document, Drawer
from kgraph.schema.timestamps import format_time, parse_time


class Decided(StrEnum):
    """What was decided; the values are in stores."""

    TOGETHER = "merge"  # these symptoms are one incident
    APART = "split"  # whatever is wrong with these entities is an incident of its own
    OVER = "close"  # these symptoms are known, and no incident any longer


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision, in force as long as anything of it is abnormal, and a little longer.

    Attributes:
        incident: which one it has ended (a merge, a close) or made (a split).
        symptoms: what it is about; of a split, only their entities count.
        title: what the incident is to be called where it has ended.
        quiet_since: since when nothing of it is abnormal; None: something is.
    """

    decided: Decided
    incident: str
    at: datetime
    symptoms: frozenset[Symptom]
    title: str = ""
    quiet_since: datetime | None = None

    @property
    def id(self) -> str:
        """Its name in the drawer."""
        return f"{self.decided.value} {self.incident}"

    @property
    def entities(self) -> frozenset[str]:
        """What it is about, by uid."""
        return frozenset(entity for entity, _ in self.symptoms)

    @property
    def document(self) -> Document:
        """Return it as the store keeps it."""
        quiet = format_time(self.quiet_since) if self.quiet_since else None
        said = {"symptoms": sorted(self.symptoms), "title": self.title, "quietSince": quiet}
        return Document(Drawer.STEERING, self.id, self.at, json.dumps(said, ensure_ascii=False))

    def touched_by(self, abnormal: Iterable[Symptom]) -> bool:
        """Tell whether anything that it is about is abnormal."""
        if self.decided is Decided.APART:
            return any(entity in self.entities for entity, _ in abnormal)
        return not self.symptoms.isdisjoint(abnormal)

    def quiet(self, now: datetime, abnormal: Iterable[Symptom]) -> Decision:
        """Note since when nothing of it is abnormal, or that something is again."""
        if self.touched_by(abnormal):
            return replace(self, quiet_since=None)
        return replace(self, quiet_since=self.quiet_since or now)


def read(row: Document) -> Decision:
    """Read back what `Decision.document` has written."""
    said = json.loads(row.body)
    decided, _, incident = row.id.partition(" ")
    symptoms = frozenset((entity, signal) for entity, signal in said["symptoms"])
    quiet = parse_time(said["quietSince"]) if said["quietSince"] else None
    return Decision(Decided(decided), incident, row.at, symptoms, said["title"], quiet)


def steered(
    found: Sequence[frozenset[Symptom]], decisions: Iterable[Decision]
) -> list[frozenset[Symptom]]:
    """Return the symptoms of each incident as people want them, the largest first.

    Groups that hold symptoms which belong together become one; then what belongs to entities that
    were split off leaves its group. Of two decisions that contradict each other the newer counts,
    since each is applied to what those before it made.

    Args:
        found: what the explanation makes of the evidence; disjoint.
        decisions: what people said, in any order.
    """
    groups = [set(each) for each in found]
    for decision in sorted(decisions, key=lambda row: row.at):
        if decision.decided is Decided.TOGETHER:
            groups = _joined(groups, decision.symptoms)
        elif decision.decided is Decided.APART:
            groups = list(_parted(groups, decision.entities))
    return sorted(map(frozenset, groups), key=lambda each: (-len(each), sorted(each)))


def _joined(groups: list[set[Symptom]], symptoms: frozenset[Symptom]) -> list[set[Symptom]]:
    touching = [each for each in groups if each & symptoms]
    if len(touching) < 2:
        return groups
    return [each for each in groups if not each & symptoms] + [set().union(*touching)]


def _parted(groups: list[set[Symptom]], entities: frozenset[str]) -> Iterable[set[Symptom]]:
    """Yield the groups with one more: all that is about these entities."""
    taken: set[Symptom] = set()
    for each in groups:
        theirs = {row for row in each if row[0] in entities}
        taken |= theirs
        if each - theirs:
            yield each - theirs
    if taken:
        yield taken
