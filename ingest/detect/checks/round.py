"""Looking at many targets within a budget: one that hangs holds nobody up.

Each look has a thread that may be left behind: what hangs in the kernel cannot be ended. A target
whose look still hangs is not looked at again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from queue import Empty, SimpleQueue

from ingest.detect.checks.catalogue import look_of
from ingest.detect.checks.seen import Seen, Target, wrong
from kgraph.logs import logger
from kgraph.schema import SourceError
from kgraph.schema.errors import one_line

_log = logger(__name__)
_GRACE = 0.5  # seconds beyond its patience, in which a look ends by itself


@dataclass(frozen=True, slots=True)
class Budget:
    """What looking may cost.

    Attributes:
        patience: for one look.
        total: for all of them together.
        at_once: looks at the same time.
        most: targets; the rest is left out and told.
    """

    patience: timedelta = timedelta(seconds=3)
    total: timedelta = timedelta(seconds=30)
    at_once: int = 8
    most: int = 200


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one target.

    Attributes:
        failure: why it says nothing, one line; empty where it does.
    """

    target: Target
    seen: tuple[Seen, ...] = ()
    failure: str = ""


@dataclass(slots=True)
class _Hanging:
    """The looks of this process that have not come back."""

    targets: set[Target] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, target: Target) -> bool:
        with self.lock:
            if target in self.targets:
                return False
            self.targets.add(target)
            return True

    def end(self, target: Target) -> None:
        with self.lock:
            self.targets.discard(target)


_hanging = _Hanging()


def look_at_all(targets: Sequence[Target], budget: Budget) -> list[Result]:
    """Look at each target once, several at a time; in the order of `targets`.

    A look at a disk that does not come back in time says that the disk is hung. Any other says
    nothing, and why.
    """
    end = time.monotonic() + budget.total.total_seconds()
    wanted = list(dict.fromkeys(targets))
    results: dict[Target, Result] = {
        target: Result(target, failure=f"left out: {budget.most} looks are the budget")
        for target in wanted[budget.most :]
    }
    waiting = wanted[: budget.most]
    running: dict[Target, float] = {}
    back: SimpleQueue[Result] = SimpleQueue()
    while waiting or running:
        while waiting and len(running) < budget.at_once and time.monotonic() < end:
            target = waiting.pop(0)
            if _started(target, budget, back):
                running[target] = time.monotonic() + budget.patience.total_seconds() + _GRACE
            else:
                results[target] = _late(target, "its last look still hangs")
        now = time.monotonic()
        if now >= end:
            for target in waiting:
                results[target] = Result(target, failure="left out: no time is left")
            waiting = []
        for target in [t for t, until in running.items() if until <= now]:
            del running[target]
            results[target] = _late(target, f"no end within {budget.patience.total_seconds():g} s")
        if not running:
            continue
        try:
            result = back.get(timeout=max(0.001, min(running.values()) - now))
        except Empty:
            continue
        if running.pop(result.target, None) is not None:
            results[result.target] = result
    return [results[target] for target in wanted]


def _started(target: Target, budget: Budget, back: SimpleQueue[Result]) -> bool:
    if not _hanging.begin(target):
        return False

    def work() -> None:
        try:
            back.put(_looked(target, budget.patience))
        finally:
            _hanging.end(target)

    threading.Thread(target=work, name=f"check {target.check}", daemon=True).start()
    return True


def _looked(target: Target, patience: timedelta) -> Result:
    try:
        seen = look_of(target.check)(target, patience)
    except (SourceError, OSError, UnicodeError) as error:  # a name may be none
        return Result(target, failure=one_line(error))
    except Exception as error:  # noqa: BLE001 - one look must not end the others
        _log.exception("fault of the program in a check", check=target.check)
        return Result(target, failure=f"fault of the program: {one_line(error)}")
    told = "" if seen else f"{target.address} says nothing: is the name known?"
    return Result(target, seen, told)


def _late(target: Target, why: str) -> Result:
    if target.check == "disk":
        return Result(target, (wrong("hung", f"{target.address}: a read has {why}"),))
    return Result(target, failure=f"{target.address}: {why}")
