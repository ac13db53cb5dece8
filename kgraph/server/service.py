"""What all routes share: the configuration, the threads with the store, the clock, the counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from secrets import token_bytes, token_hex
from typing import Protocol

from kgraph.app.asking.investigation import Toolkit
from kgraph.app.configured.toolkit import toolkit
from kgraph.app.repairs.binding import Binding
from kgraph.app.service.hooks import DEFAULT_HOOKS
from kgraph.app.service.secrets import HookSecret, secret_of
from kgraph.app.stored.stores import Access, opened
from kgraph.config import Configuration
from kgraph.config.hooks import HookConfig
from kgraph.config.server import ServerSettings
from kgraph.server.desk import Desk, GroupCommit
from kgraph.server.explained import Explained
from kgraph.server.limits import Rate
from kgraph.server.metrics import Metrics

_GUESSES_PER_SECOND, _GUESSES = 0.2, 10  # wrong tokens from one address


def _now() -> datetime:
    return datetime.now(UTC)


class Watching(Protocol):
    """The loop, as the routes see it."""

    @property
    def alive(self) -> bool:
        """Whether it runs, be it as the watch or waiting for another."""

    @property
    def leading(self) -> bool:
        """Whether this process is the watch of the store."""

    @property
    def stuck(self) -> bool:
        """Whether it is at work, and does not come to an end."""

    @property
    def held_up(self) -> bool:
        """Whether it waits for a store that is away, busy or without room."""

    def nudge(self) -> None:
        """Let it look at once at what came in."""


class NotWatching:
    """Another process watches."""

    alive = True
    leading = False
    stuck = False
    held_up = False

    def nudge(self) -> None:
        """Leave it to that process: it looks twice a second."""


@dataclass
class Service:
    """One server.

    Attributes:
        readers: threads that look into the store.
        engine: the one thread that explains.
        explained: what it explained lately; for that thread alone.
        writer: the one thread that changes it on behalf of requests; for what is quick.
        changing: the one that does so where the engine or the whole graph is needed.
        mail: keeps what is posted.
        guesses: how many wrong tokens an address may still try.
        ending: whether the server is about to stop; streams end then.
    """

    configuration: Configuration
    watching: Watching = field(default_factory=NotWatching)
    clock: Callable[[], datetime] = _now
    metrics: Metrics = field(default_factory=Metrics)
    ending: Callable[[], bool] = lambda: False
    random: Callable[[int], bytes] = token_bytes

    def __post_init__(self) -> None:
        """Make the threads; nothing is opened before `start`.

        Raises:
            ConfigurationError: a secret that is named cannot be had; a faulty rule or remedy.
        """
        self.readers = Desk(
            lambda: opened(self.configuration, Access.READ), self.settings.readers, "read"
        )
        self.writer = Desk(lambda: opened(self.configuration, Access.WRITE), 1, "write")
        self.changing = Desk(lambda: opened(self.configuration, Access.WRITE), 1, "change")
        # One thread: the engine takes a processor for itself, and its tools are for one at a time.
        self.engine = Desk(lambda: opened(self.configuration, Access.READ), 1, "engine")
        self.explained = Explained()
        self.mail = GroupCommit(self.writer)
        self.streams = 0  # of events, that are being listened to
        self.commands = 0  # that run
        self.guesses = Rate(_GUESSES_PER_SECOND, _GUESSES, time.monotonic)
        self.hooks: Mapping[str, HookConfig] = {
            hook.name: hook for hook in hooks(self.configuration)
        }
        self.secrets: Mapping[str, HookSecret] = {
            name: secret_of(hook, self.configuration) for name, hook in self.hooks.items()
        }
        self._tools = toolkit(self.configuration, self.clock())

    @property
    def settings(self) -> ServerSettings:
        """How it listens."""
        return self.configuration.settings.server

    def tools_at(self, moment: datetime) -> Toolkit:
        """Return the engine's tools for a question of a moment; for the engine's thread alone."""
        return replace(self._tools, now=moment)

    @cached_property
    def _changing_tools(self) -> Toolkit:
        return toolkit(self.configuration, self.clock())

    def changing_tools_at(self, moment: datetime) -> Toolkit:
        """Return the engine's tools for a change at a moment; for that thread alone."""
        return replace(self._changing_tools, now=moment)

    @cached_property
    def binding(self) -> Binding:
        """What approvals are bound to; for the same thread."""
        return Binding.of(self.configuration)

    def mark(self) -> str:
        """Return random text that tells rows of one moment apart."""
        return token_hex(4)

    def start(self) -> None:
        """Begin to answer."""
        self.writer.start()
        self.changing.start()
        self.readers.start()
        self.engine.start()

    def stop(self) -> None:
        """End what was asked before, and close the store."""
        self.engine.stop(self.settings.grace)  # a large bundle takes minutes: nobody waits for it
        self.readers.stop()
        self.changing.stop()
        self.writer.stop()


def hooks(configuration: Configuration) -> tuple[HookConfig, ...]:
    """Return the configured hooks, or the one that is always there."""
    return configuration.settings.hooks or DEFAULT_HOOKS
