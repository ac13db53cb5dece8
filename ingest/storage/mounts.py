"""What is mounted, as findmnt prints it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kgraph.sourcekit import parsed

_BOUND = re.compile(r"\[/[^\[\]]*\]$")  # the folder of a mount that is bound elsewhere


@dataclass(frozen=True, slots=True)
class Mount:
    """One mounted file system; `size` is 0 where it was not asked."""

    path: str
    source: str
    type: str
    size: int = 0
    available: int = 0

    @property
    def export(self) -> str:
        """The address of the export that it is, as every source spells it; "" for a local one."""
        if not self.type.startswith("nfs"):
            return ""
        server, _, path = _BOUND.sub("", self.source).rpartition(":/")
        host = server.strip("[]").lower().rstrip(".")
        return f"nfs://{f'[{host}]' if ':' in host else host}/{path.strip('/')}".rstrip("/")


def mounts(text: str, where: str) -> tuple[Mount, ...]:
    """Return what is mounted; nothing for an empty answer.

    Raises:
        SourceError: the answer has another shape.
    """
    if not text.strip():
        return ()
    return tuple(
        Mount(
            node.needed("target"),
            node.needed("source"),
            node.needed("fstype"),
            node.whole("size"),
            node.whole("avail"),
        )
        for node in parsed(text, where).at("filesystems").each()
    )
