"""Is an export still the disk that it was? Looked at before anything resumes on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

from kgraph.schema import SourceError
from remedies.looks import EffectError, Look, Standing, Task

_NBD = "nbd"
_PORTS = {_NBD: "10809", "nfs": "2049"}


class SeenExport(Protocol):
    """What a look at an export brings."""

    @property
    def size_bytes(self) -> int: ...
    @property
    def signature(self) -> str: ...


class ExportLook(Protocol):
    """How to look at an export, as a client that only reads."""

    def __call__(self, host: str, port: int, export: str, *, deadline: timedelta) -> SeenExport:
        """Return its size and signature; SourceError where it cannot be looked at."""


class ExportCheck:
    """Compares an export with the baseline that is in the plan. Never acts."""

    def __init__(self, looks: Mapping[str, ExportLook]) -> None:
        self._looks = looks  # by protocol

    def look(self, task: Task) -> Look:
        """DONE where size and signature are as before; UNFIT where they are not."""
        told = task.parameters
        size, signature = told.get("sizeBytes"), told.get("signature")
        if not size or not signature:
            return Look(Standing.UNFIT, "its size and signature from before are not known")
        try:
            seen = self._looks[told.get("protocol", _NBD)](
                told.get("serverAddress", ""),
                int(told.get("port", _PORTS.get(told.get("protocol", _NBD), "0"))),
                told.get("exportName", ""),
                deadline=task.deadline,
            )
        except SourceError as error:
            return Look(Standing.UNKNOWN, str(error))
        if str(seen.size_bytes) != size:
            return Look(Standing.UNFIT, f"{seen.size_bytes} bytes; it had {size}")
        if seen.signature != signature:
            return Look(Standing.UNFIT, "another disk: its signature is not as before")
        return Look(Standing.DONE, f"size and signature as before ({size} bytes)")

    def act(self, task: Task) -> str:
        """There is nothing to do but look.

        Raises:
            EffectError: always.
        """
        raise EffectError(f"{task.action} only looks")
