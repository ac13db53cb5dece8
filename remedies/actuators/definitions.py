"""The definitions of guests, kept in a folder: a host that is gone can't be asked for them."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from uuid import UUID


class Definitions:
    """One file a guest, named by its UUID, readable by its owner only.

    What libvirt tells a reader has no secrets in it: a guest that is started elsewhere from here
    has no password for its console.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, uuid: str, xml: str) -> None:
        """Keep a definition, in place of an earlier one of the same guest.

        Raises:
            OSError: the folder cannot be written to.
        """
        path = self._path(uuid)
        if path is None:
            return
        with contextlib.suppress(OSError):
            if path.read_text("utf-8") == xml:
                return
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Whole or not at all: half a definition would start half a guest.
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=".new-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(xml)
            file.flush()
            os.fsync(handle)
        Path(name).replace(path)

    def find(self, spelled: str) -> str:
        """Return the definition of a guest, by any of its UUIDs; empty where none is kept."""
        for uuid in spelled.split(","):
            path = self._path(uuid)
            if path is not None:
                with contextlib.suppress(OSError):
                    return path.read_text("utf-8")
        return ""

    def _path(self, uuid: str) -> Path | None:
        """Return where; None for what is no UUID: it would name another file."""
        try:
            return self._folder / f"{UUID(uuid)}.xml"
        except ValueError:
            return None
