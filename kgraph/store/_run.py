"""One reading of one source's scope, staged in memory until a store takes it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Self

from kgraph.schema import Item, StoreError
from kgraph.store._staging import Reading, Staged
from kgraph.store._ticks import to_ticks
from kgraph.store.results import Diff, Shrink


class Run:
    """See `SyncRun`. What is the store's own about it are two functions."""

    def __init__(
        self,
        reading: Reading,
        commit: Callable[[Reading], Diff],
        rehearse: Callable[[Reading], Diff],
    ) -> None:
        self._reading: Reading | None = reading
        self._source = reading.source
        self._commit, self._rehearse = commit, rehearse

    def stage(self, items: Iterable[Item]) -> None:
        """Check and keep items in memory; after an error nothing of the run can be committed."""
        staged = self._open().staged
        try:
            staged.add(items)
        except BaseException:
            self._reading = None
            raise

    def commit(self) -> Diff:
        """Make it so, in one transaction; see the protocol for what it raises."""
        diff = self._commit(self._open())
        self._reading = None
        return diff

    def preview(self) -> Diff:
        """Do what `commit` does, and take it back."""
        return self._rehearse(self._open())

    def abort(self) -> None:
        """Forget what was staged."""
        self._reading = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.abort()

    def _open(self) -> Reading:
        if self._reading is None:
            raise StoreError(
                "this sync run has ended", where=self._source, mend="start another with sync()"
            )
        return self._reading


def begun(
    source: str,
    scope: str,
    *,
    complete: bool,
    at: datetime,
    shrink: Shrink,
    priority: int | None,
    generation: int,
) -> Reading:
    """Return a reading that nothing has been staged in yet."""
    return Reading(source, scope, complete, to_ticks(at), generation, Staged(), shrink, priority)
