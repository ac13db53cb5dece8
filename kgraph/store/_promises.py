"""What every store's rows promise each other: one sentence for each promise that is broken."""

from __future__ import annotations

from enum import Enum


class Promise(Enum):
    """What `check` says of a row that breaks it."""

    OPEN_ENDS = "relation {} has an endpoint that is closed"
    ENDS_OF_RECORDS = "relation {} disagrees with its records"
    SUPPORTED = "entity {} is open without a live record"
    NOT_FORGOTTEN = "entity {} is closed in spite of a live record"
    ONE_KIND = "record {} is of another kind than its entity"

    def broken(self, name: object) -> str:
        """Return the sentence on one row."""
        return self.value.format(name)
