"""The service's part in each round of the loop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from kgraph.app.service.announce import Announcer
from kgraph.app.service.hands import Hands
from kgraph.app.service.inbox import Inbox
from kgraph.app.service.tally import Tally
from kgraph.app.watch.assess import Assessment
from kgraph.app.watch.told import Told

# The moment, and the seconds that the engine took for each incident, if it was asked.
Measure = Callable[[datetime, tuple[float, ...]], None]


class ServiceBeside:
    """Brings in what was posted, and announces what came of it.

    See `kgraph.app.watch.beside.Beside`.
    """

    def __init__(
        self,
        inbox: Inbox,
        hands: Hands,
        announcer: Announcer,
        tally: Tally,
        measure: Measure,
        news: Callable[[], None],
    ) -> None:
        """Prepare.

        Args:
            inbox: what was posted.
            hands: what people did.
            announcer: whoever listens, and receivers.
            tally: what reports will count.
            measure: takes what the loop took.
            news: called when there is something to send.
        """
        self._hands = hands
        self._inbox, self._announcer, self._tally = inbox, announcer, tally
        self._measure, self._news = measure, news

    def begin_anew(self) -> None:
        """Have the store read again for what is remembered of it."""
        self._inbox.begin_anew()
        self._announcer.begin_anew()

    def keep(self, now: datetime) -> list[Told] | None:
        """Bring in what was posted, and what people did."""
        posted, done = self._inbox.keep(now), self._hands.news(now)
        return [*(posted or ()), *done] if done else posted

    def warnings(self, now: datetime) -> tuple[str, ...]:
        """Return what senders have left out."""
        return self._inbox.warnings(now)

    def assessed(self, found: Assessment) -> None:
        """Measure how long the engine took; have looked at what it has explained."""
        self._announcer.look_at(each.investigation.case.id for each in found.fresh)
        took = tuple(each.investigation.elapsed_seconds for each in found.fresh)
        self._measure(found.at, took)

    def settle(self, now: datetime) -> None:
        """Announce what has changed; measure that the loop went round."""
        if self._announcer.settle(now):
            self._news()
        self._tally.flush(now)
        self._measure(now, ())
