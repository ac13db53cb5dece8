"""What a Pacemaker cluster takes care of: kgraph stays out of it, and only observes.

    crm_mon, cibadmin (the only I/O) -> resources -> the label `managedBy` on nodes, guests, units

Source: https://clusterlabs.org/projects/pacemaker/doc/2.1/Pacemaker_Administration/html/
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from ingest.pacemaker.normalise import normalise
from ingest.pacemaker.resources import cluster
from kgraph.sourcekit import Found, Here, Source, SourceEntry, folded, run

NAME = "pacemaker"
_STATUS = ("crm_mon", "--one-shot", "--inactive", "--output-as", "xml")
_CONFIGURATION = ("cibadmin", "--query", "--scope", "resources")


class Entry(SourceEntry):
    """One cluster, asked on this machine or on one that `via` reaches: any of its nodes."""

    type: Literal["pacemaker"]
    via: tuple[str, ...] = ()  # such as ["ssh", "h1"]

    @property
    def subject(self) -> str:
        """How the cluster is reached."""
        return " ".join(self.via) or "here"


def read(entry: Entry, here: Here) -> Found:
    """Read one cluster.

    Raises:
        SourceError: its tools are missing, it does not run there, or it answers nonsense.
    """
    status, configuration = (run(asked, via=entry.via) for asked in (_STATUS, _CONFIGURATION))
    told = cluster(status, configuration, entry.subject)
    name = entry.name or told.name or entry.subject
    return Found(name, folded(normalise(told, name, here)))


SOURCE = Source(NAME, Entry, read, every=timedelta(seconds=15))
