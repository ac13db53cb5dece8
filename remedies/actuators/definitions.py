"""Definitions kept in a folder: a host that is gone, or has lost them, can't be asked for them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

_STARTS = "\n<!-- starts with its host -->\n"  # libvirt's XML does not say it


@dataclass(frozen=True, slots=True)
class Part:
    """A network or pool of one host, as it was read last.

    Attributes:
        kind: `network` or `pool`.
        uuid: unique on its host only: images that are cloned have the same ones.
        autostart: whether it starts with its host.
    """

    kind: str
    uuid: str
    xml: str
    autostart: bool = False


class Definitions:
    """One file a guest, named by its UUID, and one a network or pool in a folder of its host.

    All are readable by their owner only. What libvirt tells a reader has no secrets in it: a guest
    that is started elsewhere from here has no password for its console.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, uuid: str, xml: str) -> None:
        """Keep a definition, in place of an earlier one of the same guest.

        Raises:
            OSError: the folder cannot be written to.
        """
        path = self._path(uuid)
        if path is not None:
            _write(path, xml)

    def keep_part(self, host: str, part: Part) -> None:
        """Keep a network or pool, in place of an earlier one; OSError as for `keep`."""
        path = self._part(host, part.kind, part.uuid)
        if path is not None:
            _write(path, part.xml + (_STARTS if part.autostart else ""))

    def parts(self, host: str) -> list[Part]:
        """Return the networks and pools that are kept of a host."""
        files = sorted(self._shelf(host).glob("*.xml"))
        named = (file.stem.partition("-") for file in files)
        found = (self.part(host, kind, uuid) for kind, _, uuid in named)
        return [part for part in found if part is not None]

    def part(self, host: str, kind: str, uuid: str) -> Part | None:
        """Return a network or pool of a host; None where it is not kept."""
        path = self._part(host, kind, uuid)
        if path is None:
            return None
        try:
            said = path.read_text("utf-8")
        except OSError:
            return None
        return Part(kind, uuid, said.removesuffix(_STARTS), said.endswith(_STARTS))

    def find(self, spelled: str) -> str:
        """Return the definition of a guest, by any of its UUIDs; empty where none is kept."""
        for uuid in spelled.split(","):
            path = self._path(uuid)
            if path is not None:
                with contextlib.suppress(OSError):
                    return path.read_text("utf-8")
        return ""

    def _shelf(self, host: str) -> Path:
        """Return the folder of a host; what it is called may be a URI, which is no file name."""
        return self._folder / hashlib.sha256(host.encode()).hexdigest()[:16]

    def _part(self, host: str, kind: str, uuid: str) -> Path | None:
        try:
            return self._shelf(host) / f"{kind}-{UUID(uuid)}.xml"
        except ValueError:
            return None

    def _path(self, uuid: str) -> Path | None:
        """Return where; None for what is no UUID: it would name another file."""
        try:
            return self._folder / f"{UUID(uuid)}.xml"
        except ValueError:
            return None


def _write(path: Path, content: str) -> None:
    """Write whole or not at all: half a definition would start half a guest."""
    with contextlib.suppress(OSError):
        if path.read_text("utf-8") == content:
            return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(handle)
    Path(name).replace(path)
