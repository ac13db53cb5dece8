"""Running commands for others: a process each, with an end, watched by who asked.

A process of its own, and no call into the command line: a command may compute for minutes and hold
a large graph, and when whoever asked has left it must be possible to end it.
"""

from __future__ import annotations

import asyncio
import codecs
import json
import os
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kgraph.app.stored.stores import target
from kgraph.config import Configuration
from kgraph.schema import InputError
from kgraph.server.forms.commands import CommandAsked
from kgraph.server.identity import Caller

# By its name: the layers let nothing here import the command line. It imports nothing from the
# folder that it works in (-P), and goes there itself (`work`): that holds what a caller sent.
_CHILD = (sys.executable, "-P", "-m", "kgraph.cli.served")
_BEAT = 10.0  # seconds between two signs of life
_GRACE = 5.0  # seconds to end after who asked has left
_CHUNK = 64 * 1024
_MOST_SECONDS = 3_600.0
# A client's settings, and what is between systemd and the server alone.
_NOT_THEIRS = frozenset(
    {"KGRAPH_SERVER_URL", "KGRAPH_TOKEN", "KGRAPH_TOKEN_FILE", "NOTIFY_SOCKET"}
)


@dataclass(frozen=True, slots=True)
class Head:
    """Whether a command is run.

    Attributes:
        status: of HTTP: 200 where it is.
        detail: why it is not.
        command: its name, such as `incidents confirm`.
        writes: whether it changes something.
    """

    status: int
    detail: str = ""
    command: str = ""
    writes: bool = False


class Running:
    """One command that runs; `close` ends it, whether it has come to its end or not."""

    def __init__(self, process: Process, folder: tempfile.TemporaryDirectory[str]) -> None:
        self._process, self._folder = process, folder
        self.exit: int | None = None

    async def head(self) -> Head:
        """Return its first word: whether it is run at all."""
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        line = await self._process.stdout.readline()
        try:
            return Head(**json.loads(line))
        except (ValueError, TypeError):
            return Head(500, "the command could not be started; the log tells more")

    async def parts(self) -> AsyncIterator[dict[str, Any] | None]:
        """Yield what it writes, as it comes, then its exit code; None where it is silent."""
        queue: asyncio.Queue[dict[str, str] | None] = asyncio.Queue(16)
        process = self._process
        pumps = [
            asyncio.create_task(_pump(stream, name, queue))
            for stream, name in ((process.stdout, "out"), (process.stderr, "err"))
        ]
        open_pipes = len(pumps)
        try:
            async with asyncio.timeout(_MOST_SECONDS):
                while open_pipes:
                    try:
                        part = await asyncio.wait_for(queue.get(), _BEAT)
                    except TimeoutError:
                        yield None
                        continue
                    if part is None:
                        open_pipes -= 1
                    else:
                        yield part
                self.exit = await process.wait()
        finally:
            for pump in pumps:
                pump.cancel()
        # Killed by a signal: as a shell has it.
        yield {"exit": self.exit if self.exit >= 0 else 128 - self.exit}

    async def close(self) -> None:
        """End it, in its own time first, and forget its files."""
        with suppress(ProcessLookupError):
            if self._process.returncode is None:
                self._process.send_signal(signal.SIGINT)
                try:
                    await asyncio.wait_for(self._process.wait(), _GRACE)
                except TimeoutError:
                    self._process.kill()
        await self._process.wait()
        self._folder.cleanup()


async def start(configuration: Configuration, asked: CommandAsked, caller: Caller) -> Running:
    """Start a command; whether its caller may have it, it decides itself: `Running.head`."""
    folder = tempfile.TemporaryDirectory(prefix="kgraph-command-")
    try:
        await asyncio.to_thread(_place, Path(folder.name), asked.files)
        process = await asyncio.create_subprocess_exec(
            *_CHILD,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environment(),
            start_new_session=True,  # a Ctrl-C at the server's terminal is the server's
            limit=_CHUNK,
        )
    except BaseException:
        folder.cleanup()
        raise
    running = Running(process, folder)
    assert process.stdin is not None  # noqa: S101 - a pipe was asked for
    with suppress(BrokenPipeError, ConnectionResetError):
        told = {**_told(configuration, asked, caller), "work": folder.name}
        process.stdin.write(json.dumps(told).encode() + b"\n")
        await process.stdin.drain()
        process.stdin.close()
    return running


def _told(configuration: Configuration, asked: CommandAsked, caller: Caller) -> dict[str, Any]:
    return {
        "arguments": asked.arguments,
        "caller": caller.name,
        "role": caller.role.value,
        "folder": str(Path.cwd()),
        "config": str(configuration.file) if configuration.file else None,
        "store": store_of(configuration),
        "files": list(asked.files),
        "stdin": asked.stdin,
        "columns": asked.columns,
        "colour": asked.colour,
    }


def _place(folder: Path, files: Mapping[str, str]) -> None:
    """Write the files that came along; InputError where one cannot be."""
    for name, content in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, "utf-8")
        except OSError as error:  # too long a name, or that of a folder of another one
            what = f"the file {name!a} cannot be put down here: {error.strerror}"
            raise InputError(what, mend="send it under a short name of its own") from None


def environment() -> dict[str, str]:
    """Return the environment of a process that works for the server."""
    return {name: value for name, value in os.environ.items() if name not in _NOT_THEIRS}


def store_of(configuration: Configuration) -> str:
    """Return the store as `--store` takes it."""
    store = target(configuration)
    return str(store) if isinstance(store, Path) else configuration.settings.store.url


async def _pump(
    stream: asyncio.StreamReader | None,
    name: str,
    queue: asyncio.Queue[dict[str, str] | None],
) -> None:
    assert stream is not None  # noqa: S101 - a pipe was asked for
    decode: Callable[..., str] = codecs.getincrementaldecoder("utf-8")("replace").decode
    while chunk := await stream.read(_CHUNK):
        if text := decode(chunk):
            await queue.put({name: text})
    await queue.put(None)
