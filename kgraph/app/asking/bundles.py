"""Bundles from files and standard input."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ingest.bundles import read_bundles
from kgraph.app.stored.stores import Access, opened
from kgraph.config import Configuration
from kgraph.schema import Incident, InputError, NoStoreError
from kgraph.store import GraphStore


def bundles(path: str) -> Iterator[Incident]:
    """Yield the incidents of a file, or of standard input for `-`.

    Raises:
        InputError: a malformed bundle; what came before it has been yielded.
    """
    if path == "-":
        yield from read_bundles(sys.stdin.buffer, "stdin")
        return
    try:
        with Path(path).open("rb") as file:
            yield from read_bundles(file, path)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=path) from error


@contextmanager
def resolver(configuration: Configuration) -> Iterator[Callable[[Incident], GraphStore | None]]:
    """Yield a function that opens the store for the first bundle that needs it.

    It returns None where there is no store, and for a bundle that has entities of its own: that is
    answered whether a store can be read or not.
    """
    with ExitStack() as stack:
        found: list[GraphStore] = []

        def store(incident: Incident) -> GraphStore | None:
            if incident.entities:
                return None
            if not found:
                with suppress(NoStoreError):
                    found.append(stack.enter_context(opened(configuration, Access.READ)))
            return found[0] if found else None

        yield store
