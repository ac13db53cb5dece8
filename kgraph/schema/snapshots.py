"""What one reading of one source yields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kgraph.schema.entities import AllOf, Gone, Record, RelationRecord
from kgraph.schema.observations import Change, Coverage, Observation

# Entities are named by the source's own keys. Relations, observations, coverage and changes may
# also name what another source reports, by its uid.
Item = Record | RelationRecord | Observation | Coverage | Change | Gone | AllOf


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a source says of one scope, streamed.

    Attributes:
        source, scope: who says it, and of what part of the world.
        complete: only then may what is no longer reported close.
        items: read once; may raise InputError in the middle, after which nothing may be kept.
        findings: what a person should look at, one line each.
    """

    source: str
    scope: str
    complete: bool
    items: Iterator[Item]
    findings: tuple[str, ...] = ()
