"""A Kubernetes cluster: nodes, pods, what owns and balances them, and what they store on.

    kubectl, or objects in a file (the only I/O) -> objects -> records and conditions

Source: https://kubernetes.io/docs/reference/kubernetes-api/
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field

from ingest.kubernetes.events import RESOURCE, clock_of
from ingest.kubernetes.normalise import normalise
from ingest.kubernetes.objects import RESOURCES, objects
from kgraph.sourcekit import Found, Here, Source, SourceEntry, content, folded, run

NAME = "kubernetes"
_PATIENCE = timedelta(seconds=50)


class Entry(SourceEntry):
    """One cluster, asked by `kubectl` with its own credentials, or as recorded in a file."""

    type: Literal["kubernetes"]
    cluster: str = Field(min_length=1)  # its name: part of the identity of all that is in it
    kubeconfig: Path | None = None  # empty: kubectl's own choice, such as KUBECONFIG
    context: str = ""
    via: tuple[str, ...] = ()
    events: bool = False  # read them too: that needs the right to list them
    path: Path | None = None  # a List of objects, as `kubectl get … -A -o json` prints

    @property
    def subject(self) -> str:
        """The cluster."""
        return self.cluster


def read(entry: Entry, here: Here) -> Found:
    """Read one cluster.

    Raises:
        SourceError: kubectl fails or may not read, or the objects are none; one line.
    """
    where = f"kubernetes {entry.cluster}" if entry.path is None else str(here.resolve(entry.path))
    told = objects(_answer(entry, here), where)
    # What was recorded is old, and tells of no clock.
    clock = clock_of(told, entry.cluster, here.now) if entry.path is None else None
    items = folded(normalise(told, entry.cluster, here, clock))
    return Found(entry.cluster, items, findings=clock.findings() if clock else ())


def _answer(entry: Entry, here: Here) -> str:
    if entry.path is not None:
        return content(here.resolve(entry.path))
    chosen = [f"--context={entry.context}"] if entry.context else []
    if entry.kubeconfig is not None:
        chosen.append(f"--kubeconfig={here.resolve(entry.kubeconfig)}")
    resources = (*RESOURCES, RESOURCE) if entry.events else RESOURCES
    asked = ["kubectl", *chosen, "get", ",".join(resources), "-A", "-o", "json"]
    return run(asked, _PATIENCE, via=entry.via)


SOURCE = Source(NAME, Entry, read, every=timedelta(seconds=30))
