"""What was done to an incident by hand, or by the grouping: its trace. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kgraph.schema import Document, Drawer

GROUPING = ""  # who did it, where no person has
_SHOWN = 4  # names in one line


class Did(StrEnum):
    """What was done. The values are a published vocabulary, and in stores."""

    ACKNOWLEDGED = "acknowledged"
    WITHDRAWN = "withdrawn"  # the acknowledgement
    CLOSED = "closed"
    MERGED = "merged"  # into another one
    TOOK_IN = "took_in"  # another one was merged into this
    SPLIT = "split"  # another one was made of a part of this
    SPLIT_FROM = "split_from"  # this was made of a part of another one
    NOTED = "noted"  # said something of it, and changed nothing


@dataclass(frozen=True, slots=True)
class Handling:
    """One thing that was done to one incident.

    Attributes:
        by: who did it; `GROUPING`: nobody, the explanation was another one.
        note: why, in free words; may be empty.
        other: the other incident of a merge or a split.
        names: of a split: the titles of what the other one is about.
    """

    incident: str
    did: Did
    at: datetime
    by: str
    note: str = ""
    other: str = ""
    names: tuple[str, ...] = ()

    def document(self, number: int) -> Document:
        """Return it as the store keeps it: the so manieth of its incident, from 0."""
        said = {
            "did": self.did.value,
            "by": self.by,
            "note": self.note,
            "other": self.other,
            "names": self.names,
        }
        body = json.dumps(said, ensure_ascii=False)
        return Document(Drawer.HANDLING, key(self.incident, number), self.at, body)

    @property
    def line(self) -> str:
        """What was done, in words, without when."""
        who = self.by or "kgraph"
        why = f": {self.note}" if self.note else ""
        return f"{who} {_WORDS[self.did].format(other=self.other, names=_few(self.names))}{why}"


_WORDS = {
    Did.ACKNOWLEDGED: "acknowledges it",
    Did.WITHDRAWN: "takes the acknowledgement back",
    Did.CLOSED: "closes it",
    Did.MERGED: "merges it into {other}",
    Did.TOOK_IN: "merges {other} into it",
    Did.SPLIT: "splits {other} off{names}",
    Did.SPLIT_FROM: "splits it off {other}{names}",
    Did.NOTED: "notes",
}


def key(incident: str, number: int) -> str:
    """Return the id of the so manieth thing that was done to an incident."""
    return f"{incident} {number:04d}"


def read(row: Document) -> Handling:
    """Read back what `Handling.document` has written."""
    said = json.loads(row.body)
    return Handling(
        row.id.rpartition(" ")[0],
        Did(said["did"]),
        row.at,
        said["by"],
        said["note"],
        said["other"],
        tuple(said["names"]),
    )


def acknowledgement(rows: Iterable[Handling]) -> Handling | None:
    """Return by whom an incident is acknowledged, if it is.

    Args:
        rows: what was done to it, oldest first.
    """
    found: Handling | None = None
    for row in rows:
        if row.did is Did.ACKNOWLEDGED:
            found = row
        elif row.did is Did.WITHDRAWN:
            found = None
    return found


def _few(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    listed = ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return f" ({listed})" if listed else ""
