"""Asking the journal of a machine, here or by `via`. The only I/O of its kind; it only reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from kgraph.schema import SourceError
from kgraph.sourcekit import run

FIRST_ENTRIES = 20_000  # of a journal that was never read, to learn from
MOST_ENTRIES = 50_000  # in one round
_CURSOR = re.compile(r"[\w;=]+")


@dataclass(frozen=True, slots=True)
class Journal:
    """Which journal.

    Attributes:
        via: what reaches its machine, such as `ssh h1`; empty: this one.
        directory: where its files are; empty: the machine's own.
        units: only these; empty: all.
    """

    via: tuple[str, ...] = ()
    directory: str = ""
    units: tuple[str, ...] = ()


def entries(journal: Journal, cursor: str, patience: timedelta) -> tuple[Sequence[bytes], str]:
    """Return entries behind a cursor as JSON, one each, oldest first, and what is missing.

    Args:
        journal: which one.
        cursor: of the last entry that was read; empty: the newest are read.
        patience: how long it may take.

    Raises:
        SourceError: it cannot be asked.
    """
    argv = ["journalctl", "--output=json", "--no-pager", "--quiet"]
    argv += [f"--directory={journal.directory}"] if journal.directory else []
    argv += [f"--unit={unit}" for unit in journal.units]
    if cursor and _CURSOR.fullmatch(cursor):
        # `--lines` would take the newest: what is older must not be passed over.
        argv += [f"--after-cursor={cursor}"]
    else:
        argv += [f"--lines={FIRST_ENTRIES}"]
    try:
        text = run(argv, patience, via=journal.via)
    except SourceError as error:
        if cursor and "cursor" in str(error).lower():
            again, _ = entries(journal, "", patience)
            return again, "its cursor is no longer in the journal: entries in between are lost"
        raise
    lines = [line for line in text.encode().split(b"\n") if line]
    told = ""
    if len(lines) > MOST_ENTRIES:
        told = f"{len(lines) - MOST_ENTRIES} entries are still to be read"
        lines = lines[:MOST_ENTRIES]
    return lines, told
