"""`kgraph watch` as a process of its own, and what it tells."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.lab.lab.processes import LabError, wait_for

Event = dict[str, Any]
ROOT = Path(__file__).parents[3]


class Watching:
    """A running watch; `events` are the JSON objects that it has written so far."""

    def __init__(self, config: Path) -> None:
        self.config, self.events = config, list[Event]()
        self._log = config.with_name("watch.log")
        self.go_on()

    def go_on(self) -> None:
        """Start it, anew after it was ended; what it tells is added to the events."""
        command = [sys.executable, "-m", "kgraph", "watch", "--config", str(self.config)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command, "--output", "jsonl"],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, what: str, chosen: Callable[[Event], bool], seconds: float = 180) -> Event:
        """Wait for an event, told already or yet to come, and return the first such."""

        def look() -> Event | None:
            if self._process.poll() is not None:
                raise LabError(f"the watch has ended: {self._log.read_text()[-2000:]}")
            return next((event for event in list(self.events) if chosen(event)), None)

        try:
            return wait_for(what, look, seconds)
        except LabError as error:
            told = "\n".join(event["line"] for event in self.events)
            log = self._log.read_text()[-2000:]
            raise LabError(f"{error}; told so far:\n{told}\n{log}") from error

    def of(self, *kinds: str) -> list[Event]:
        """Return the events of these kinds, as told."""
        return [event for event in list(self.events) if event["event"] in kinds]

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        self._end()

    def stop(self) -> int:
        """End it as a service manager would; return its exit code."""
        self._process.terminate()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise LabError("the watch did not stop within 30 s of SIGTERM") from None
        finally:
            self._end()
        return self._process.returncode

    def close(self) -> None:
        """End it, however it is."""
        if self._process.poll() is None:
            self.kill()

    def _end(self) -> None:
        self._process.wait(timeout=10)
        self._reader.join(timeout=10)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self.events.append(json.loads(line))


def since(event: Event, start: datetime) -> float:
    """Return the seconds from `start` to an event."""
    at = datetime.fromisoformat(event["at"])
    return (at.astimezone(UTC) - start).total_seconds()
