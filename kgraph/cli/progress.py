"""Progress on stderr, and only where somebody looks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kgraph.cli.session import Session
from kgraph.cli.text import one_line

if TYPE_CHECKING:  # the application is imported by the commands that use it
    from kgraph.app.sync import Show
    from kgraph.schema import Item

_STEP = 200  # items between two redraws


@contextmanager
def showing(session: Session) -> Iterator[Show]:
    """Yield a function that shows how many items of a source have passed."""
    if not session.err.is_terminal:
        from kgraph.app.sync import unshown

        yield unshown
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

        def show(title: str, items: Iterable[Item]) -> Iterator[Item]:
            task = shown.add_task(one_line(title), total=None)
            for count, item in enumerate(items, 1):
                if count % _STEP == 0:
                    shown.update(task, completed=count)
                yield item
            shown.remove_task(task)

        yield show
