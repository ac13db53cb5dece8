"""Progress on stderr, and only where somebody looks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from kgraph.cli.session import Session
from kgraph.cli.text import one_line

if TYPE_CHECKING:  # the application is imported by the commands that use it
    from rich.progress import Progress, TaskID

    from kgraph.schema import Item

_T = TypeVar("_T")
_STEP = 200  # items between two redraws


class Shown(Protocol):
    """Shows which sources are asked, and how many items of one have passed."""

    def asked(self, title: str) -> None:
        """A source is asked."""

    def ended(self, title: str) -> None:
        """It was kept, or it failed."""

    def passing(self, title: str, items: Iterable[Item]) -> Iterator[Item]:
        """Pass items on and count them."""


@contextmanager
def showing(session: Session) -> Iterator[Shown]:
    """Yield what shows progress: on a terminal, else nothing."""
    if not session.err.is_terminal:
        yield Nowhere()
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.completed} items"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=session.err, transient=True) as shown:
        yield _OnTerminal(shown)


def counted(session: Session, title: str, rows: Sequence[_T]) -> Iterator[_T]:
    """Pass rows on, and show how far they are where somebody looks."""
    if not session.err.is_terminal:
        yield from rows
        return
    from rich.progress import Progress

    with Progress(console=session.err, transient=True) as shown:
        yield from shown.track(rows, description=one_line(title))


class Nowhere:
    """Shows nothing: nobody looks."""

    def asked(self, title: str) -> None:
        """Show nothing."""

    def ended(self, title: str) -> None:
        """Show nothing."""

    def passing(self, _title: str, items: Iterable[Item]) -> Iterator[Item]:
        """Pass items on."""
        return iter(items)


class _OnTerminal:
    """A line for each source that is being asked, and one for that which is being kept."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown
        self._tasks: dict[str, TaskID] = {}

    def asked(self, title: str) -> None:
        """Add the source's line."""
        if title not in self._tasks:
            self._tasks[title] = self._shown.add_task(one_line(title), total=None)

    def ended(self, title: str) -> None:
        """Take the source's line away."""
        task = self._tasks.pop(title, None)
        if task is not None:
            self._shown.remove_task(task)

    def passing(self, title: str, items: Iterable[Item]) -> Iterator[Item]:
        """Count on a line of its own while items pass."""
        task = self._shown.add_task(one_line(f"{title}: kept"), total=None)
        for count, item in enumerate(items, 1):
            if count % _STEP == 0:
                self._shown.update(task, completed=count)
            yield item
        self._shown.remove_task(task)
