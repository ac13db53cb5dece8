"""Where the time goes from a post to the message that explains it: CPU milliseconds of one core.

    python -m tests.bench.bench_path [--entities 100000] [--active 10000] [--more 20] [--settle]

The estate and the alarms of `bench_session`; then single guests alarm one after the other, each by
a post as Alertmanager makes it. Timed are the steps that the service takes, in its own order: the
post is checked and kept; the delivery is taken out and its entity found; what is wrong is
explained and kept; what is news to a receiver is written down; the message is made and handed
over. The network is left out, and so are the waits between: one step wakes the next. Unless they
are all explained first (`--settle`, the better part of an hour), the active alarms wait for that
still, as after a restart. Prints a table, asserts nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from kgraph.app.service.announce import Announcer
from kgraph.app.service.hands import Hands
from kgraph.app.service.hooks import DEFAULT_HOOKS, Posted, accept
from kgraph.app.service.inbox import Inbox
from kgraph.app.service.sending import Sender
from kgraph.app.service.tally import Tally
from kgraph.app.watch import session
from kgraph.app.watch.told import Told
from kgraph.config.receivers import CloudEventsReceiver
from kgraph.incidents.messages import cloudevent
from kgraph.server import memory
from kgraph.signals import load_packs
from tests.bench.bench_session import AT, Bench, alarms, begun, options, row
from tests.kgraph.server.conftest import alert, webhook

Settle = Callable[[], object]  # looks once more, or until nothing waits
_RECEIVER = CloudEventsReceiver(type="cloudevents", name="bench", url="http://127.0.0.1/", every=0)
_POSTED, _FOUND, _EXPLAINED, _NOTED, _SENT = _STEPS = (
    "post checked and kept",
    "taken in, entity found",
    "explained and kept",
    "news written down",
    "message made and handed over",
)


class _Way:
    """A receiver that takes everything."""

    def __init__(self) -> None:
        self.told = 0

    def send(self, document: Mapping[str, Any], message_id: str) -> None:
        cloudevent(document, "https://kgraph.example", message_id)
        self.told += 1


class ToMessage:
    """The service's steps, one after the other, in one thread."""

    def __init__(self, bench: Bench) -> None:
        store = bench.store
        self.store, self.bench, self.way = store, bench, _Way()
        self.inbox = Inbox(store, DEFAULT_HOOKS, load_packs([]), Tally(store))
        self.hands = Hands(store)
        self.announcer = Announcer(store, [_RECEIVER], "", self.inbox.warnings)
        self.sender = Sender(store, "bench", self.way, 3, lambda: 1.0, lambda _outcome: None)
        self.took: dict[str, list[float]] = {step: [] for step in _STEPS}

    def post(self, *uids: str, over: bool = False) -> None:
        """Let alerts on some entities come, or end, and do all that follows."""
        self.bench.seconds += 1
        now = AT + timedelta(seconds=self.bench.seconds)
        changes: dict[str, object] = {"startsAt": AT.isoformat()}
        if over:
            changes |= {"status": "resolved", "endsAt": now.isoformat()}
        body = webhook(*(_alert(uid, changes) for uid in uids))
        with self._timed(_POSTED):
            self.store.put(accept(DEFAULT_HOOKS[0], Posted({}, body), now).documents)
        with self._timed(_FOUND):
            self.inbox.keep(now)
            self.hands.news(now)
        with self._timed(_EXPLAINED):
            news = self._explained(now, () if over else uids)
        with self._timed(_NOTED):
            for told in news:
                self.announcer.hear(told)
            self.announcer.settle(now)
        with self._timed(_SENT):
            self.sender.round(now)

    def _explained(self, now: datetime, uids: Collection[str]) -> list[Told]:
        """Look, until what alarms is explained; return what was told."""
        waiting, told = set(uids), list[Told]()
        while True:
            found = self.bench.assessor.assess(now, ())
            told += found[1] if found else ()
            for kept in found[0].fresh if found else ():
                seen = kept.investigation.case.incident.observations
                waiting -= {row.entity for row in seen if row.abnormal}
            if not waiting:
                return told

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        began = time.process_time()
        yield
        self.took[step].append((time.process_time() - began) * 1000)

    def show(self, what: str) -> None:
        """Print the rows of what was posted since the last time."""
        sys.stdout.write(f"{what}\n")
        for step, times in self.took.items():
            row(f"  {step}", times)
        row("  all of it", [sum(each) for each in zip(*self.took.values(), strict=True)])
        self.took = {step: [] for step in _STEPS}


def _alert(uid: str, changes: Mapping[str, object]) -> dict[str, object]:
    labels = {"alertname": "GuestDown", "kgraph_entity": uid}
    return alert(**{"labels": labels, "fingerprint": uid, **changes})


def _each(path: ToMessage, more: Sequence[Sequence[int]], what: str, settle: Settle) -> None:
    """Let one after the other come, timed, and end again, not timed."""
    uids = path.bench.topology.uids
    sums: dict[str, list[float]] = {step: [] for step in _STEPS}
    for each in more:
        path.took = {step: [] for step in _STEPS}
        path.post(uids[each[0]])
        for step, times in path.took.items():
            sums[step] += times
        path.post(uids[each[0]], over=True)
        settle()
    path.took = sums
    path.show(what)


def main() -> None:
    """Print the table."""
    parser = options(__doc__)
    parser.add_argument("--settle", action="store_true")
    asked = parser.parse_args()
    with begun(asked.entities) as bench:
        path = ToMessage(bench)
        path.inbox.keep(AT)  # what is made once, while nothing waits: the estate by name
        session.PATIENCE = 0.0  # what is not urgent is not part of what is timed
        path.post()
        path.show("the first look, with nothing posted")
        memory.settle()  # as the service does once it has begun
        first, many, last = alarms(bench.topology, asked.active, asked.more)
        _each(path, first, "one more alert, few active", bench.settle)
        bench.see(many)
        settle: Settle = bench.settle if asked.settle else bench.look
        settle()
        _each(path, last, f"one more alert, {len(many):,} active", settle)
        sys.stdout.write(f"messages handed over: {path.way.told}\n")


if __name__ == "__main__":
    main()
