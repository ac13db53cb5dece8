"""A Ceph cluster: its monitors, OSDs and pools, and what it says of its own health.

    ceph (the only I/O) -> health, trees and pools -> Cluster, ServiceInstance, StoragePool, …

Source: https://docs.ceph.com/en/latest/man/8/ceph/
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from ingest.ceph.normalise import Answers, normalise
from kgraph.sourcekit import Found, Here, Node, Source, SourceEntry, folded, parsed, run

NAME = "ceph"
_QUESTIONS = (
    ("health", "detail"),
    ("mon", "dump"),
    ("osd", "tree"),
    ("osd", "pool", "ls", "detail"),
    ("df",),
)


class Entry(SourceEntry):
    """One cluster, asked by the `ceph` of this machine or of one that `via` reaches."""

    type: Literal["ceph"]
    via: tuple[str, ...] = ()  # such as ["ssh", "mon1"]
    user: str = ""  # whose key is used, such as client.kgraph; empty: client.admin

    @property
    def subject(self) -> str:
        """How it is reached."""
        return " ".join(self.via) or "here"


def read(entry: Entry, here: Here) -> Found:
    """Read one cluster.

    Raises:
        SourceError: the tool is missing, no monitor answers, or it answers nonsense.
    """
    answers = Answers(*(_asked(entry, *words) for words in _QUESTIONS))
    items = folded(normalise(answers, entry.name or "ceph", here))
    return Found(answers.fsid, items)


def _asked(entry: Entry, *words: str) -> Node:
    user = ["--name", entry.user] if entry.user else []
    command = ["ceph", *user, "--connect-timeout", "10", "--format", "json", *words]
    return parsed(run(command, via=entry.via), f"ceph {entry.subject}: {' '.join(words)}")


SOURCE = Source(NAME, Entry, read, every=timedelta(seconds=30))
