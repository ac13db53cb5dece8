"""What the checker says of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Rule(Enum):
    """What a step would break."""

    UNKNOWN = "unknown"  # the graph does not have what a proof needs
    QUORUM = "quorum"  # fewer would work than are needed
    LAST_REPLICA = "last replica"  # the last one that works would stop
    CAPACITY = "capacity"
    AFFINITY = "affinity"
    REACH = "reach"  # network or storage is out of reach from there
    DOUBLE_START = "double start"  # its old host is not proven to be off
    CLOSED = "closed"  # nothing may go to that host


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a step must not happen.

    Attributes:
        step: its position in the plan, from 0.
    """

    step: int
    rule: Rule
    why: str

    def __str__(self) -> str:
        return f"step {self.step + 1}: {self.rule.value}: {self.why}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found.

    Attributes:
        objections: why the plan must not be carried out; empty: it is proven.
        digest: SHA-256 over all that was read of the graph. Where it differs later, something
            has changed that this proof stands on; a change elsewhere leaves it as it is.
        reads: uids of what was read.
    """

    objections: tuple[Objection, ...]
    digest: str
    reads: frozenset[str]

    @property
    def proven(self) -> bool:
        """Whether nothing speaks against the plan."""
        return not self.objections
