"""What is new, bursts or vanishes is told once a place is known; what is usual is not."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable

from ingest.detect import Verdict, declared, logs
from ingest.detect.logs import Activity, Line, Memory, take

START = 1_795_800_000 // 60 * 60


def _line(minute: float, text: str, *, loud: bool = False, program: str = "app") -> Line:
    return Line(START + minute * 60, "h1", program, loud, text)


def _usual(minutes: Iterable[int], seed: int = 1) -> list[Line]:
    """A quiet service: a heartbeat each minute, some requests, now and then a warning."""
    rng = random.Random(seed)
    found = []
    for minute in minutes:
        found.append(_line(minute, "heartbeat ok"))
        found += [_line(minute, f"served request {n} in 3 ms") for n in range(rng.randint(8, 14))]
        if rng.random() < 0.1:
            found.append(_line(minute, "cache was rebuilt"))
    return found


def _learned(minutes: int = 90) -> Memory:
    memory = Memory()
    take(memory, _usual(range(minutes)), START + minutes * 60 + 10)
    return memory


def _said(name: str, activity: Activity) -> list[Verdict]:
    detector = declared(name)
    return list(detector.look(activity, detector.settings()))


def _next(memory: Memory, minute: int, lines: list[Line]) -> Activity:
    return take(memory, lines, START + (minute + 1) * 60 + 10)


def test_an_ordinary_hour_raises_nothing() -> None:
    memory = _learned()
    for minute in range(90, 150):
        activity = _next(memory, minute, _usual([minute], seed=minute))
        for name in ("log_new", "log_burst", "log_vanished"):
            assert _said(name, activity) == [], minute


def test_a_new_error_is_told_with_when_it_began_and_goes_on_while_it_comes() -> None:
    memory = _learned()
    error = _line(90.5, "cannot reach database db1: timeout", loud=True)
    (told,) = _said("log_new", _next(memory, 90, [*_usual([90]), error]))
    assert dict(told.labels) == {
        "host": "h1",
        "service": "app",
        "unit": "h1/app",
        "part": "h1/app",
    }
    assert told.score is not None
    assert told.score > 2.5
    assert told.since is not None
    assert told.since.timestamp() == START + 90 * 60
    assert "cannot reach database" in told.detail
    again = _next(memory, 91, [*_usual([91]), error._replace(at=START + 91 * 60)])
    assert [v.since for v in _said("log_new", again)] == [told.since]


def test_the_rarer_something_new_is_at_a_place_the_louder_it_is() -> None:
    quiet, noisy = _learned(), Memory()
    lines = _usual(range(90))
    lines += [
        _line(m, f"plugin {chr(97 + m % 26)}{chr(97 + m // 26)} was loaded at {chr(97 + m % 25)}x")
        for m in range(90)
    ]
    lines += [
        _line(m, " ".join([chr(97 + m % 26) * 3, chr(97 + m // 4) * 2, "began"]), loud=True)
        for m in range(40, 90)
    ]
    take(noisy, lines, START + 90 * 60 + 10)
    error = _line(90.5, "cannot reach database db1: timeout", loud=True)
    (told,) = _said("log_new", _next(quiet, 90, [error]))
    assert [v for v in _said("log_new", _next(noisy, 90, [error])) if "database" in v.detail] == []
    assert told.score is not None


def test_a_place_that_is_hardly_known_surprises_nobody() -> None:
    memory = Memory()
    take(memory, _usual(range(5)), START + 5 * 60 + 10)
    assert _said("log_new", _next(memory, 5, [_line(5, "never seen", loud=True)])) == []


def test_a_burst_is_told_with_its_size_and_what_is_usual() -> None:
    memory = _learned()
    flood = [_line(90, f"served request {n} in 3 ms") for n in range(400)]
    (told,) = _said("log_burst", _next(memory, 90, flood))
    assert told.score is not None
    assert told.score > 20
    assert told.detail.startswith("400 lines in a minute, 1")


def test_a_heartbeat_that_is_gone_is_told_while_its_host_goes_on() -> None:
    memory = _learned()
    requests = [_line(m, f"served request {n} in 3 ms") for m in range(90, 100) for n in range(9)]
    told = _said("log_vanished", take(memory, requests, START + 100 * 60 + 10))
    assert [v.detail for v in told] == [
        "gone from its log for 10 min, never away longer than 1 min before: heartbeat ok"
    ]
    assert told[0].direction is not None
    assert told[0].direction.value == "down"


def test_a_log_that_is_silent_as_a_whole_is_unknown() -> None:
    memory = _learned()
    assert _said("log_vanished", take(memory, [], START + 120 * 60)) == []


def test_what_was_learned_is_the_same_after_it_was_kept() -> None:
    memory = _learned()
    memory = Memory.of(json.loads(json.dumps(memory.document())))
    error = _line(90.5, "cannot reach database db1: timeout", loud=True)
    activity = _next(memory, 90, [*_usual([90]), error])
    assert len(_said("log_new", activity)) == 1
    assert memory.templates.rows() == logs.Memory.of(memory.document()).templates.rows()


def test_lines_of_an_old_backlog_teach_and_raise_nothing() -> None:
    memory = _learned(60)
    late = [*_usual(range(60, 90)), _line(65, "cannot reach database", loud=True)]
    assert _said("log_new", take(memory, late, START + 90 * 60 + 10)) == []
