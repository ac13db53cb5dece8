"""The cluster that is read: how its parts are named."""

from __future__ import annotations

from dataclasses import dataclass

from kgraph.schema import Key
from kgraph.sourcekit import Here, Look


@dataclass(frozen=True, slots=True)
class Within:
    """One reading of one cluster."""

    cluster: str
    here: Here
    look: Look

    def of(self, what: str, name: str) -> str:
        """Return the record key of a part."""
        return f"{what}:{self.cluster}/{name}"

    def key(self, namespace: str, value: str) -> Key:
        """Return an identity claim."""
        return self.here.key(namespace, value)
