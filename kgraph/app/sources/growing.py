"""What is read again and again and only grows: each time from where it was read to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar

from kgraph.app.reading.sync import Keep, Reading
from kgraph.app.sources.listening import Clocks, Listener
from kgraph.schema import KgraphError
from kgraph.store import Diff, GraphStore


class Progress(Protocol):
    """What is kept between two rounds: what was learned, and how far was read."""

    place: Any

    def document(self) -> Mapping[str, Any]:
        """Return it as it is kept."""


_P = TypeVar("_P", bound=Progress)


class Growing(Generic[_P]):
    """Reads on, and what the store does not take, as a busy one, once more.

    That is so where a process dies, too: on with what was learned, and read, until then. What was
    read behind it meanwhile is let go. A store that is away cannot tell how far that was; it is
    asked once it is back.

    Args:
        listener: keeps what is said of it.
        clocks: of those who write.
        fresh: makes what there is before the first round.
        of: reads what was kept.
    """

    def __init__(
        self,
        listener: Listener,
        clocks: Clocks,
        fresh: Callable[[], _P],
        of: Callable[[Mapping[str, Any]], _P],
    ) -> None:
        self.title = listener.title
        self._listener, self._clocks, self._fresh, self._of = listener, clocks, fresh, of
        self._state = fresh()
        self._asked = self._state.place  # how far we have asked; what is kept may lie behind
        self._behind = False  # what we learned is not what the store has, which cannot tell it

    def learn(self, store: GraphStore) -> None:
        """Go on where the last process has stopped."""
        self._state = self._listener.learned(store, self._of) or self._fresh()
        self._asked = self._state.place

    def _keeping(self, begin: object, keep: Callable[[Reading], Diff]) -> Keep:
        """Return what keeps all that was read from `begin` up to where we have asked by now."""
        end = self._asked
        return lambda reading: self._taken(reading, begin, end, keep)

    def _taken(
        self, reading: Reading, begin: object, end: object, keep: Callable[[Reading], Diff]
    ) -> Diff:
        try:
            if self._behind:
                self._go_back(reading.store)
            if begin != self._state.place:  # it is not what comes next: the next round asks that
                self._asked = self._state.place
                self._clocks.go_back()
                return Diff()
            self._state.place = end  # a fault of the program does not come again for ever
            return keep(reading)
        except KgraphError:
            if not self._behind:
                self._behind = True
                with suppress(KgraphError):
                    self._go_back(reading.store)
            raise

    def _go_back(self, store: GraphStore) -> None:
        """Learn from the store how far all was read."""
        self.learn(store)
        self._clocks.go_back()
        self._behind = False
