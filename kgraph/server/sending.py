"""A thread for each receiver: one that does not answer holds up no other."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from kgraph.app.service.channels import channel
from kgraph.app.service.sending import Channel, Sender
from kgraph.app.stored.stores import Access, opened
from kgraph.config import Configuration
from kgraph.config.receivers import ReceiverConfig
from kgraph.logs import logger
from kgraph.schema import KgraphError
from kgraph.server.metrics import Metrics

_LOOK = 1.0  # seconds between two looks at what became due
_log = logger(__name__)


class Senders:
    """Sends as long as this process is the watch: nobody must be told twice."""

    def __init__(
        self, configuration: Configuration, metrics: Metrics, leading: Callable[[], bool]
    ) -> None:
        """Prepare; raises ConfigurationError for a secret or a template that cannot be had."""
        self._configuration, self._metrics, self._leading = configuration, metrics, leading
        self._stopping = threading.Event()
        ways: Sequence[tuple[ReceiverConfig, Channel]] = [
            (receiver, channel(receiver, configuration))
            for receiver in configuration.settings.receivers
        ]
        self._news = {receiver.name: threading.Event() for receiver, _ in ways}
        self._threads = [
            threading.Thread(target=self._run, args=way, name=f"send {way[0].name}", daemon=True)
            for way in ways
        ]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def nudge(self) -> None:
        """Look at once: there is something to send."""
        for each in self._news.values():
            each.set()

    def stop(self) -> None:
        """End the message that is being sent, and no more."""
        self._stopping.set()
        self.nudge()
        for thread in self._threads:
            thread.join()

    def _run(self, receiver: ReceiverConfig, way: Channel) -> None:
        gone: set[str] = set()  # outlives what cannot be written to the store
        while not self._stopping.is_set():
            try:
                with opened(self._configuration, Access.WRITE) as store:
                    sender = Sender(
                        store,
                        receiver.name,
                        way,
                        receiver.tries,
                        _jitter,
                        self._counter(receiver),
                        gone,
                    )
                    self._work(sender, self._news[receiver.name])
            except KgraphError as error:
                _log.warning("sending waits", receiver=receiver.name, because=str(error))
            except Exception:  # noqa: BLE001 - the next try may go well
                _log.exception("fault of the program while sending", receiver=receiver.name)
            self._stopping.wait(_LOOK)

    def _work(self, sender: Sender, news: threading.Event) -> None:
        while not self._stopping.is_set():
            news.clear()
            if self._leading():
                sender.round(datetime.now(UTC))
            if not self._stopping.is_set():
                news.wait(_LOOK)

    def _counter(self, receiver: ReceiverConfig) -> Callable[[str], None]:
        return lambda outcome: self._metrics.sent.labels(receiver.name, outcome).inc()


def _jitter() -> float:
    return random.uniform(0.8, 1.2)  # noqa: S311 - no secret
