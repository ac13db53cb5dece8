"""How often detectors of logs and calls are right, on services whose noise is not of their making.

    python -m tests.bench.bench_detectors

Prints two tables; asserts nothing. Twenty services log for a day: bursty arrivals (a rate that
wanders and doubles in the evening), rare warnings, templates that come once in hours, restarts.
Then one fault each; a hit is the right detector on the right service within six minutes. Calls
alike: log-normal times whose median wanders, one error in two hundred. False alarms are minutes.
"""

from __future__ import annotations

import math
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator

from ingest.detect import Verdict, calls, declared, names
from ingest.detect.declared import Reads
from ingest.detect.logs import Line, Memory, take
from ingest.otel import Call

_START = 1_795_800_000 // 60 * 60
_SERVICES, _DAY, _AFTER = 20, 1_440, 5
_WORDS = [
    "alpha",
    "bravo",
    "charlie",
    "delta",
    "echo",
    "foxtrot",
    "golf",
    "hotel",
    "india",
    "juliet",
    "kilo",
    "lima",
]


def _said(name: str, activity: object) -> list[Verdict]:
    detector = declared(name)
    return [v for v in detector.look(activity, detector.settings()) if v.abnormal]


def _line(at: float, service: str, text: str, *, loud: bool = False) -> Line:
    return Line(at, "h1", service, loud, text)


def _quiet(rng: random.Random, service: str) -> Iterator[list[Line]]:
    """Yield the lines of each minute of a day without faults."""
    wander, seen = 0.0, 0
    for minute in range(_DAY + _AFTER + 1):
        wander = 0.95 * wander + rng.gauss(0, 0.15)
        evening = 2.0 if 1_080 <= minute % _DAY < 1_260 else 1.0
        at = _START + minute * 60 + 30
        lines = [_line(at, service, "heartbeat ok")]
        served = _poisson(rng, 8 * evening * math.exp(wander))
        lines += [
            _line(at, service, f"served {rng.randint(1, 999)} in 3 ms") for _ in range(served)
        ]
        if rng.random() < 0.03:
            lines.append(_line(at, service, f"slow query {rng.randint(1, 9)}: failed", loud=True))
        if rng.random() < 0.004:  # something that was never said before, once in four hours
            seen += 1
            words = f"{_WORDS[seen % 12]} {_WORDS[seen // 12 % 12]} was loaded"
            lines.append(_line(at, service, f"plugin {words}"))
        if minute % 360 == 100:  # a restart says much at once
            lines += [_line(at, service, f"starting stage {n}") for n in range(15)]
        yield lines


def _poisson(rng: random.Random, mean: float) -> int:
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def _error(lines: list[Line], at: int) -> list[Line]:
    return [*lines, _line(at, lines[0].program, "cannot reach database db1: timeout", loud=True)]


def _flood(lines: list[Line], at: int) -> list[Line]:
    return [
        *lines,
        *(_line(at, lines[0].program, "retrying call") for _ in range(300)),
    ]


def _stops(lines: list[Line], _at: int) -> list[Line]:
    return [line for line in lines if line.text != "heartbeat ok"]


_FAULTS: dict[str, tuple[str, Callable[[list[Line], int], list[Line]]]] = {
    "a new error": ("log_new", _error),
    "a flood of retries": ("log_burst", _flood),
    "a heartbeat that stops": ("log_vanished", _stops),
}


def _log_day(seed: int, fault: str) -> tuple[Counter[str], bool]:
    """Return the false alarms of a day, and whether the fault at its end was seen."""
    rng = random.Random(seed)
    wanted, break_it = _FAULTS[fault]
    memory, alarms, hit = Memory(), Counter[str](), False
    for minute, lines in enumerate(_quiet(rng, f"s{seed}")):
        broken = minute >= _DAY
        now = _START + (minute + 1) * 60 + 10
        told = break_it(lines, _START + minute * 60 + 30) if broken else lines
        activity = take(memory, told, now)
        for name in names(Reads.LOGS):
            found = _said(name, activity)
            hit = hit or (broken and name == wanted and bool(found))
            # What stands for ten minutes is one alarm.
            alarms[name] += bool(found) and not broken
    return alarms, hit


def _call_day(seed: int, slow: float, failed: float) -> tuple[Counter[str], dict[str, bool]]:
    rng = random.Random(seed)
    memory, alarms, hits = calls.Memory(), Counter[str](), dict[str, bool]()
    wander = 0.0
    for minute in range(_DAY + _AFTER):
        wander = 0.98 * wander + rng.gauss(0, 0.03)
        broken = minute >= _DAY
        made = [
            Call(
                "a", "b", _START + minute * 60 + 30,
                rng.lognormvariate(-3.5 + wander, 0.6) * (slow if broken else 1),
                rng.random() < (failed if broken else 0.005),
            )
            for _ in range(30)
        ]  # fmt: skip
        looked = calls.take(memory, made, _START + (minute + 1) * 60 + 20)
        bad = False
        for name in names(Reads.CALLS):
            found = _said(name, looked)
            bad = bad or bool(found)
            alarms[name] += bool(found) and not broken
            hits[name] = hits.get(name, False) or (broken and bool(found))
        for each in looked:
            memory.learn(each, well=not bad)
    return alarms, hits


def main() -> None:
    out = sys.stdout.write
    out(f"{'logs: fault':28}{'detector':16}{'hits':>10}{'false alarms a service and day':>34}\n")
    for fault, (wanted, _) in _FAULTS.items():
        days = [_log_day(seed, fault) for seed in range(_SERVICES)]
        hits = sum(hit for _, hit in days)
        alarms = sum(count[wanted] for count, _ in days) / _SERVICES
        out(f"{fault:28}{wanted:16}{hits:>6}/{_SERVICES}{alarms:>34.2f}\n")
    out(f"\n{'calls: fault':28}{'detector':16}{'hits':>10}{'false alarms an edge and day':>34}\n")
    for title, slow, failed in (
        ("2 times slower", 2, 0.005),
        ("4 times slower", 4, 0.005),
        ("10 % fail", 1, 0.1),
        ("30 % fail", 1, 0.3),
    ):
        edges = [_call_day(seed, slow, failed) for seed in range(_SERVICES)]
        wanted = "call_latency" if slow > 1 else "call_errors"
        hits = sum(hit[wanted] for _, hit in edges)
        alarms = sum(count[wanted] for count, _ in edges) / _SERVICES
        out(f"{title:28}{wanted:16}{hits:>6}/{_SERVICES}{alarms:>34.2f}\n")


if __name__ == "__main__":
    main()
