"""The stored topology in memory: kept up by what was touched, and kept beside the store's file."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kgraph.logs import logger
from kgraph.store import Estate, TopologyDelta
from kgraph.topology import DamagedError, OutdatedError, Topology, build, pack, patched, unpack

_KEPT_FROM = 2_000  # entities; a smaller graph is built faster than a file is read
_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class _State:
    store: str
    version: int
    topology: Topology


class Topologies:
    """Gives the topology of a store as it is now.

    Args:
        file: where it is kept between two runs; None: nowhere. It is a cache: whatever is wrong
            with it, the store is asked instead.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._state: _State | None = None

    @classmethod
    def beside(cls, store: Path) -> Topologies:
        """Keep it beside the file of an embedded store."""
        return cls(store.with_name(f"{store.name}.topology"))

    def of(self, store: Estate) -> Topology:
        """Return the topology as it is now."""
        before = self._state or self._read()
        self._state = _current(store, before)
        if self._state is not before:
            self._write(self._state)
        return self._state.topology

    def _read(self) -> _State | None:
        if self._file is None:
            return None
        try:
            topology, mark = unpack(self._file.read_bytes())
            store, _, version = mark.rpartition(" ")
            return _State(store, int(version), topology)
        except (OSError, DamagedError, ValueError) as error:
            _log.debug("no topology kept", file=str(self._file), because=str(error))
            return None

    def _write(self, state: _State) -> None:
        if self._file is None or len(state.topology) < _KEPT_FROM:
            return
        data = pack(state.topology, f"{state.store} {state.version}")
        try:
            _replace(self._file, data)
        except OSError as error:  # a reader may look into a store whose folder it may not write
            _log.debug("topology not kept", file=str(self._file), because=str(error))


def _current(store: Estate, before: _State | None) -> _State:
    """Return the state of now: the one before, patched, or built anew where that cannot be."""
    if before is not None:
        delta = store.delta(before.version)
        if delta.store == before.store and not delta.whole and delta.version >= before.version:
            if delta.version == before.version:
                return before
            patch = _patched(before.topology, delta)
            if patch is not None:
                return _State(delta.store, delta.version, patch)
    whole = store.delta()
    return _State(whole.store, whole.version, build(whole.entities, whole.relations))


def _patched(topology: Topology, delta: TopologyDelta) -> Topology | None:
    try:
        return patched(topology, delta.gone, delta.entities, delta.relations)
    except OutdatedError as error:
        _log.warning("topology built anew", because=str(error))
        return None


def _replace(file: Path, data: bytes) -> None:
    """Write a file that is always whole, for its owner alone."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f"{file.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
