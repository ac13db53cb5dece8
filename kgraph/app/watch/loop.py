"""The loop: keep what the sources say, explain what is wrong, repair what may be repaired."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from kgraph.app.incidents import handled, keeping
from kgraph.app.reading.sync import REDATED
from kgraph.app.stored import turns
from kgraph.app.watch.assess import Assessment, Assessor
from kgraph.app.watch.beside import Alone, Beside
from kgraph.app.watch.collect import Collector, Heard
from kgraph.app.watch.keeper import Keeper
from kgraph.app.watch.told import Teller, Told, What
from kgraph.schema import Lease, StoreError
from kgraph.schema.counting import counted
from kgraph.schema.timestamps import to_the_second
from kgraph.store import AHEAD, GraphStore

ROLE = "watch"  # the lease that makes one process the watch of a store
_TTL = timedelta(seconds=10)
_LOOK = timedelta(seconds=1)  # evidence expires by itself, so it is looked at without news, too
_PRUNED = 1_000  # rows that are forgotten at a time, so that nobody waits for it
_TIDY = timedelta(seconds=30)
# Between two rounds: this machine slept, or its clock jumped. What was seen has expired since, and
# that says nothing of how it is: sources are asked first, and waited for so long at most.
_SLEPT = timedelta(minutes=1)
_PATIENCE = timedelta(seconds=10)


class Repairs(Protocol):
    """What acts, as far as policy and guards let it.

    Attributes:
        allowed: whether new effects may begin: this process is the watch of the store.
    """

    allowed: bool

    @property
    def idle(self) -> bool:
        """Whether no repair is under way, as far as this process knows; asks no store."""

    @property
    def busy(self) -> frozenset[str]:
        """The incidents that are being repaired."""

    def resume(self, now: datetime) -> list[Told]:
        """Go on with what an earlier process began."""

    def consider(self, found: Assessment) -> list[Told]:
        """Decide what to do about the incidents, now that their evidence has changed."""

    def set_back(self, now: datetime) -> None:
        """Take what is remembered of a later time for of now: the clock was set back."""

    def tick(self, now: datetime, *, beginning: bool) -> list[Told]:
        """Go on with what is under way and, if `beginning`, begin what is due; never blocks."""

    def stop(self, now: datetime) -> list[Told]:
        """Begin nothing more, and wait briefly for what is in flight."""


def _no_snapshot(_now: datetime) -> None:
    return None


@dataclass
class Watch:
    """One process that watches one store.

    Attributes:
        store: only ever touched by the thread that runs the loop.
        collector: what asks the sources.
        keeper: what keeps their answers.
        assessor: what explains.
        repairs: what acts, as far as policy and guards let it.
        clock: the time in UTC.
        tell: takes each event.
        holder: who we are, for leases.
        pause: between two rounds without news.
        retention: how long what has ended is kept; None: for ever.
        snapshot: begins to copy what is kept, if it is time; never blocks.
        beside: what a service does in each round.
        left_acting: whether the store failed in the middle of a repair: what was in flight could
            not be written down, and only the end of this process makes sure that it is over.
    """

    store: GraphStore
    collector: Collector
    keeper: Keeper
    assessor: Assessor
    repairs: Repairs
    clock: Callable[[], datetime]
    tell: Teller
    holder: str
    pause: timedelta = timedelta(seconds=0.5)
    retention: timedelta | None = None
    snapshot: Callable[[datetime], None] = _no_snapshot
    beside: Beside = field(default_factory=Alone)
    left_acting: bool = False
    _failing: dict[str, str] = field(default_factory=dict)
    _findings: dict[str, frozenset[str]] = field(default_factory=dict)
    _busy: frozenset[str] = frozenset()
    _lease: Lease | None = None
    _waiting: bool = False
    _theirs: Lease | None = None  # of the watch that is waited for
    _same_since: datetime | None = None  # when that lease was first seen as it is
    _now: datetime | None = None  # of the last round
    _judges_from: datetime | None = None  # or once all sources were heard
    _looked_at: datetime | None = None
    _tidied_at: datetime | None = None

    @property
    def leading(self) -> bool:
        """Whether this process is the watch of the store: a loop that hangs loses it in time."""
        lease = self._lease
        return lease is not None and self.clock() < lease.expires_at

    @property
    def waiting(self) -> bool:
        """Whether another process is the watch."""
        return self._waiting

    def run(self, stopping: threading.Event) -> None:
        """Watch until told to stop; ends what is in flight before it returns."""
        if not self._take_over(stopping):
            return
        now = self.clock()
        self.tell(Told(now, What.STARTED, "watching; Ctrl-C stops"))
        self._told(self.repairs.resume(now))
        self.collector.start()
        try:
            while not stopping.is_set():
                self.round()
                self.collector.wait(self.pause)
        except StoreError:
            self.left_acting = not self.repairs.idle
            raise
        finally:
            self.collector.stop()
            self._told(self.repairs.stop(self.clock()))
            if self._lease is not None:
                self.store.release(self._lease)
            self.tell(
                Told(self.clock(), What.STOPPED, "stopped; the next watch goes on from here")
            )

    def round(self) -> None:
        """Do everything once; quick when there is no news."""
        now = self.clock()
        heard = self.collector.heard()
        self.repairs.allowed = self._hold(now)
        if not self.repairs.allowed:
            return  # another process watches by now: what we say would only confuse
        self._mind_clock(now)
        for each in self._of_today(heard, now):
            self._keep(each)
        brought = self.beside.keep(now)
        self._told(brought or [])
        news = heard or brought is not None or self.assessor.unsettled
        due = news or self._looked_at is None or now - self._looked_at >= _LOOK
        knows = not self._must_hear_first(now)
        if due and knows:
            self._looked_at = now
            if self._assess(self.clock()):
                # Who is paged need not wait for what guards have to look at.
                self.beside.settle(self.clock())
        # To explain may have taken longer than the lease.
        self.repairs.allowed = self._hold(self.clock())
        # What was proposed before a sleep may be over: nothing begins by what is that old.
        self._told(self.repairs.tick(self.clock(), beginning=knows))
        self._tidy(now)
        self.beside.settle(self.clock())

    def _mind_clock(self, now: datetime) -> None:
        """See whether the clock was set back, or nobody looked for a while."""
        before, self._now = self._now, now
        begins = before is None
        set_back = before is not None and now < before
        slept = before is not None and now - before > _SLEPT
        if begins or set_back:
            # A clock that was ahead has said of all that is due that it was done just now.
            self._looked_at = self._tidied_at = self._judges_from = None
            if self.store.redate(now):
                self.tell(Told(now, What.FINDING, REDATED))
        if set_back:
            self.keeper.set_back(now)
            self.repairs.set_back(now)
            self.beside.begin_anew()
        if begins or slept:
            self._judges_from = now + _PATIENCE
        if slept:
            self.keeper.hear_anew(now)
            self.collector.ask_anew()

    def _of_today(self, heard: list[Heard], now: datetime) -> list[Heard]:
        """Leave out what was asked before the clock was set back: it would date things ahead."""
        found = [each for each in heard if each.at <= now + AHEAD]
        if len(found) < len(heard):
            self.collector.ask_anew()
        return found

    def _must_hear_first(self, now: datetime) -> bool:
        """Tell whether what is known is too old to judge by, and news are to be expected."""
        waits = self._judges_from is not None and now < self._judges_from
        return waits and bool(self.keeper.unheard)

    def _tidy(self, now: datetime) -> None:
        """Close and forget what is over, now and then."""
        if self._tidied_at is None or now - self._tidied_at >= _TIDY:
            with turns.turn(self.store, turns.WATCH, now) as ours:
                if not ours:
                    return  # a person is sorting incidents: in the next round
                self._tidied_at = now
                for incident in keeping.close_quiet(self.store, now):
                    facts = {"incident": incident}
                    self.tell(Told(now, What.CLOSED, f"{incident} closed", facts))
                handled.expire(self.store, now)
                self.assessor.count_quiet(now)
            self.snapshot(now)
            if self.retention is not None:
                self.store.prune(now - self.retention, limit=_PRUNED)

    def _take_over(self, stopping: threading.Event) -> bool:
        """Wait until the watch is ours; the lease of one that was killed runs out."""
        while not stopping.is_set():
            if self._hold(self.clock()):
                return True
            stopping.wait(1)
        return False

    def _hold(self, now: datetime) -> bool:
        """Take the watch, or keep it; False while another process has it."""
        lease = self._lease
        # One that seems to hold for longer was taken before the clock was set back.
        if lease is not None and _TTL * 2 / 3 < lease.expires_at - now <= _TTL:
            return True
        renewed = None if lease is None else self.store.renew(lease, ttl=_TTL, now=now)
        # Who was suspended for longer than its lease may find it free, or taken.
        self._lease = renewed or self.store.acquire(ROLE, self.holder, ttl=_TTL, now=now)
        if self._lease is None:
            self._lease = self._inherited(now)
        if self._lease is not None and renewed is None:
            self.beside.begin_anew()  # another process may have had it meanwhile
        if self._lease is None and not self._waiting:
            held = self._theirs
            who = f" ({held.holder}, until {to_the_second(held.expires_at)})" if held else ""
            line = f"another watch is at work on this store, or has just died: waiting for it{who}"
            self.tell(Told(now, What.WAITING, line))
        self._waiting = self._lease is None
        return self._lease is not None

    def _inherited(self, now: datetime) -> Lease | None:
        """Take the lease of a watch that was killed with it while the clock was ahead.

        Whatever its own clock says, one that is alive renews it sooner than that.
        """
        held = next((row for row in self.store.leases(now=now) if row.name == ROLE), None)
        since = self._same_since
        if held is None or held != self._theirs or since is None or now < since:
            self._theirs, self._same_since = held, now
        elif now - since > _TTL:
            self.store.release(held)
            return self.store.acquire(ROLE, self.holder, ttl=_TTL, now=now)
        return None

    def _keep(self, heard: Heard) -> None:
        """Bring one answer into the store; a failure is told when it is new."""
        synced = self.keeper.synced
        failure = self.keeper.keep(heard)
        title, now = heard.job.title, heard.at
        if not heard.asked:
            return
        if not failure and self._failing.pop(title, None) is not None:
            self.tell(Told(now, What.SOURCE_BACK, f"{title} answers again", {"source": title}))
        elif failure and self._failing.get(title) != failure:
            self._failing[title] = failure
            self.tell(Told(now, What.SOURCE_FAILED, failure, {"source": title}))
        self._tell_findings(title, now)
        if self.keeper.synced and not synced:
            count = self.assessor.size()
            silent = len(self._failing)
            read = f"asked, {silent} of them in vain" if silent else "read"
            line = f"all sources were {read}: {counted(count, 'entity')}"
            self.tell(Told(now, What.SYNCED, line, {"entities": count}))

    def _tell_findings(self, title: str, now: datetime) -> None:
        """Tell what a person should look at, such as alerts that name unknown things; once."""
        topology, unheard = self.keeper.topology, self.keeper.unheard
        if title not in topology and not topology.isdisjoint(unheard):
            return  # what it names is just being read: its next answer tells
        known = self._findings.get(title, frozenset())
        found = self.keeper.findings.get(title, ())
        self._findings[title] = frozenset(found)
        for line in found:
            if line not in known:
                self.tell(Told(now, What.FINDING, f"{title}: {line}", {"source": title}))

    def _assess(self, now: datetime) -> bool:
        """Explain what has changed; tell whether anything had."""
        before, self._busy = self._busy, self.repairs.busy
        if before - self._busy:
            # A repair has ended, or an approval is void: what stood still is explained anew.
            self.assessor.again()
        found = self.assessor.assess(now, self._busy)
        if found is None:
            return False
        assessment, told = found
        self._told(told)
        self.beside.assessed(assessment)
        self._told(self.repairs.consider(assessment))
        return True

    def _told(self, events: list[Told]) -> None:
        for event in events:
            self.tell(event)
