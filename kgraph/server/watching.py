"""The watch in a thread of the server's process, with a store of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from time import monotonic

from kgraph.app.reading.alerts import packs_of
from kgraph.app.service.announce import Announcer
from kgraph.app.service.beside import ServiceBeside
from kgraph.app.service.hands import Hands
from kgraph.app.service.inbox import Inbox
from kgraph.app.service.tally import Group, Tally
from kgraph.app.stored.stores import Access, opened
from kgraph.app.watch import build
from kgraph.app.watch.loop import Watch
from kgraph.app.watch.told import Told, What
from kgraph.config import Configuration
from kgraph.config.hooks import HookConfig
from kgraph.logs import logger
from kgraph.schema import KgraphError, StoreAwayError, StoreBusyError
from kgraph.schema.errors import as_fault
from kgraph.server.memory import Settling
from kgraph.server.metrics import Metrics
from kgraph.server.reporting import Reporter
from kgraph.server.sending import Senders
from kgraph.store import GraphStore

_log = logger(__name__)
_AGAIN_AFTER = 2.0  # seconds, where the store was away or busy
_SETTLED_AFTER = 30.0  # seconds behind the first whole reading
_STUCK_AFTER = 120.0  # seconds without a round; as the shipped alerting rule has it
_LOUD = frozenset({What.SOURCE_FAILED, What.FINDING, What.REFUSED, What.WAITING})


class WatchThread:
    """Runs the loop; see `kgraph.server.service.Watching`."""

    def __init__(
        self,
        configuration: Configuration,
        hooks: tuple[HookConfig, ...],
        metrics: Metrics,
        ended: Callable[[], None],
    ) -> None:
        """Prepare; nothing happens before `start`.

        Args:
            configuration: what is watched.
            hooks: what may be posted.
            metrics: where the loop is counted.
            ended: called when the loop ends by itself: the server is of no use then.
        """
        self._configuration, self._hooks, self._metrics = configuration, hooks, metrics
        self._ended = ended
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._watch: Watch | None = None
        self._settling = Settling(_SETTLED_AFTER)
        self._waits_for = ""
        self._round_at = 0.0
        self.failure = ""
        self.senders = Senders(configuration, metrics, lambda: self.leading)
        self.reporter = Reporter(configuration, lambda: self.leading)

    @property
    def alive(self) -> bool:
        """Whether the loop runs, be it as the watch or waiting for another."""
        return self._thread.is_alive()

    @property
    def leading(self) -> bool:
        """Whether this process is the watch of the store."""
        return self._watch is not None and self._watch.leading

    @property
    def stuck(self) -> bool:
        """Whether the loop is at work, and has not gone round for minutes."""
        works = self._watch is not None and not self._watch.waiting
        return works and monotonic() - self._round_at > _STUCK_AFTER

    @property
    def held_up(self) -> bool:
        """Whether it waits for a store that is away, busy or without room."""
        return bool(self._waits_for)

    def nudge(self) -> None:
        """Let the loop look at once at what came in."""
        if self._watch is not None:
            self._watch.collector.nudge()

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()
        self.senders.start()
        self.reporter.start()

    def stop(self) -> None:
        """Begin nothing new; return once what is in flight is written down."""
        self._stopping.set()
        self.nudge()
        self._thread.join()
        self.senders.stop()
        self.reporter.stop()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set() and self._watched():
                self._stopping.wait(_AGAIN_AFTER)
        except KgraphError as error:
            self.failure = str(error)
        except Exception as error:  # noqa: BLE001 - whoever serves must learn of it
            _log.exception("fault of the program in the watch")
            self.failure = as_fault(error)
        finally:
            if not self._stopping.is_set():
                self._ended()

    def _watched(self) -> bool:
        """Watch until told to stop; True if the store is away or busy, and will be back.

        All is built anew then, as another process would: what counts is in the store.
        """
        watch = None
        try:
            with opened(self._configuration, Access.WRITE) as store:
                watch = self._built(store)
                self._round_at = monotonic()
                self._watch = watch
                watch.run(self._stopping)
        except (StoreAwayError, StoreBusyError) as error:
            if watch is not None and watch.left_acting:
                raise
            if str(error) != self._waits_for:
                self._waits_for = str(error)
                _log.warning("the watch waits for the store", because=self._waits_for)
            return True
        finally:
            self._watch = None
        return False

    def _built(self, store: GraphStore) -> Watch:
        configuration = self._configuration
        tally = Tally(store)
        inbox = Inbox(store, self._hooks, packs_of(configuration), tally)
        announcer = Announcer(
            store,
            configuration.settings.receivers,
            configuration.settings.server.public_url,
            inbox.warnings,
        )
        beside = ServiceBeside(
            inbox, Hands(store), announcer, tally, self._assessed, self.senders.nudge
        )

        def tell(event: Told) -> None:
            announcer.hear(event)
            if event.what is What.REFUSED:
                plan = str(event.facts.get("plan", ""))
                tally.add(event.at, Group.REFUSED, str(event.facts["because"]), plan)
            self._tell(event)

        return build(configuration, store, tell, beside)

    def _tell(self, event: Told) -> None:
        if self._waits_for and event.what in {What.STARTED, What.WAITING}:
            _log.warning("the store answers again")
            self._waits_for = ""
        if event.what in {What.STARTED, What.WAITING}:
            self._metrics.failing.clear()  # of an earlier watch, which tells of none any more
        if event.what is What.STARTED:
            self._round_at = monotonic()  # it may have waited for days until the watch was ours
        self._metrics.events.labels(event.what.value).inc()
        if event.what in {What.SOURCE_FAILED, What.SOURCE_BACK}:
            failing = event.what is What.SOURCE_FAILED
            self._metrics.failing.labels(str(event.facts["source"])).set(failing)
        if event.what is What.SYNCED:
            self._settling.read(monotonic())
        log = _log.warning if event.what in _LOUD else _log.info
        log(event.what.value, line=event.line)

    def _assessed(self, at: datetime, seconds: tuple[float, ...]) -> None:
        self._round_at = monotonic()
        self._metrics.round_at.set(at.timestamp())
        self._settling.tick(monotonic())
        for each in seconds:
            self._metrics.inference_seconds.observe(each)
