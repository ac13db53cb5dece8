"""Asking the journal of a machine, here or by `via`. The only I/O of its kind; it only reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from ingest.detect.logs.printed import first_lines
from kgraph.schema import SourceError
from kgraph.sourcekit.command import through

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
        printed = first_lines(through(journal.via, argv), MOST_ENTRIES, patience)
    except SourceError as error:
        if cursor and "cursor" in str(error).lower():
            again, _ = entries(journal, "", patience)
            return again, "its cursor is no longer in the journal: entries in between are lost"
        raise
    told = f"the rest of the journal is read later: {printed.rest}" if printed.rest else ""
    return [line for line in printed.lines if line], told
