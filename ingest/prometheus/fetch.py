"""The only I/O: ask a Prometheus what it scrapes, what its rules say, what they look at."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ingest.prometheus.answers import (
    read_clock,
    read_rules,
    read_series,
    read_start,
    read_targets,
    warned,
)
from ingest.prometheus.reading import Labels, Question, Reading, Rule, Target
from kgraph.schema import SourceError
from kgraph.web import Asker, Credentials, NoAnswerError, Service

DEFAULT_URL = "http://127.0.0.1:9090"
PATIENCE = timedelta(seconds=20)  # for all questions about series together
_TRIES = 2.5  # intervals that hold the last two scrapes, however they fall
Questions = Callable[[Sequence[Rule]], Iterable[Question]]


def fetch(
    url: str,
    questions: Questions,
    credentials: Credentials | None = None,
    patience: timedelta = PATIENCE,
) -> Reading:
    """Read one Prometheus.

    Args:
        url: its address; a path in it is a prefix.
        questions: which series to ask for, given the alerting rules.
        credentials: where the token is, if it asks for one.
        patience: how long the questions about series may take. What is not asked by then covers
            nothing, and is told among the troubles.

    Raises:
        NoAnswerError: unreachable, broken off, or sick.
        SourceError: it refused, or answered nonsense; one line.
        ConfigurationError: the token is named but not there, or the address holds a password.
    """
    service = Service("Prometheus", url, credentials or Credentials())
    with service.asking() as ask:
        clock = read_clock(ask.get("/api/v1/query", {"query": "time()"}), url)
        content = ask.get("/api/v1/targets", {"state": "active"})
        targets = _steadied(ask, read_targets(content, url))
        lacking = warned(content, "targets")
        content = ask.get("/api/v1/rules", {"type": "alert"})
        rules = read_rules(content, url)
        lacking += warned(content, "rules")
        started_at = _started_at(ask)
        # Of half the rules and targets, silence proves nothing.
        wanted = () if lacking else tuple(dict.fromkeys(questions(rules)))
        series, troubles = _series(ask, wanted, time.monotonic() + patience.total_seconds())
    told = (*lacking, *troubles)
    return Reading(clock, targets, rules, series, told, started_at, partial=bool(lacking))


def _steadied(ask: Asker, targets: Sequence[Target]) -> tuple[Target, ...]:
    """Tell targets that just missed a scrape from those that are down."""
    down = {target.interval for target in targets if target.health == "down"}
    up: set[tuple[str, str]] = set()
    for interval in sorted(down):
        window = round(_TRIES * interval / timedelta(milliseconds=1))
        query = f"max_over_time(up[{window}ms]) > 0"
        try:
            rows = read_series(ask.post("/api/v1/query", {"query": query}), ask.service.url)
        except NoAnswerError:
            raise
        except SourceError:
            continue  # who does not understand the question is taken at its word
        up |= {(row.get("job", ""), row.get("instance", "")) for row in rows}
    return tuple(
        replace(target, blinks=target.health == "down" and (target.job, target.instance) in up)
        for target in targets
    )


def _started_at(ask: Asker) -> datetime | None:
    """Ask what others that speak Prometheus's language may not know."""
    try:
        return read_start(ask.get("/api/v1/status/runtimeinfo"), ask.service.url)
    except NoAnswerError:
        raise
    except SourceError:
        return None


def _series(
    ask: Asker, questions: Sequence[Question], end: float
) -> tuple[dict[Question, tuple[Labels, ...]], tuple[str, ...]]:
    """Ask one question after the other; one that is refused stops no other."""
    found: dict[Question, tuple[Labels, ...]] = {}
    troubles = []
    for number, question in enumerate(questions):
        if time.monotonic() > end:
            left = len(questions) - number
            troubles.append(f"{left} of {len(questions)} questions about series were left unasked")
            break
        try:
            # Posted, since an expression may be longer than an address.
            content = ask.post("/api/v1/query", {"query": question.query})
            found[question] = read_series(content, ask.service.url)
        except NoAnswerError as error:
            left = len(questions) - number
            troubles.append(f"{left} of {len(questions)} questions about series: {error.what}")
            break
        except SourceError as error:
            troubles.append(f"series of {question.expression}: {error.what}")
    return found, tuple(troubles)
