"""What people said of causes: the only thing that the engine learns from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Ruling:
    """A person's word on one cause of one incident; a later one on the same takes its place.

    Attributes:
        entity: uid.
        right: whether it was at fault.
        posterior: what the answer said of it at the time, in [0, 1].
        change: type of the last change of the entity shortly before; empty: none.
        by: who said so; may be empty.
    """

    incident: str
    entity: str
    kind: str
    mode: str
    right: bool
    posterior: float
    change: str
    at: datetime
    by: str = ""
    reason: str = ""
