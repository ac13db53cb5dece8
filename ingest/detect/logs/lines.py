"""From bytes to lines: when, on which host, by which program, how bad, and what. Pure.

Sources: https://www.rfc-editor.org/rfc/rfc5424, https://www.rfc-editor.org/rfc/rfc3164,
https://systemd.io/JOURNAL_EXPORT_FORMATS/ (JSON)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from ingest.detect.logs.masking import without_secrets

LONGEST = 4_096  # characters of a message that are looked at
_ERROR = 3  # syslog's severity: what is as bad, or worse, is loud
_BAD = re.compile(
    r"\b(?:error|fail(?:ed|ure|ing)?|fatal|panic|critical|emerg(?:ency)?|alert|exception|"
    r"traceback|segfault|corrupt(?:ed|ion)?|refused|denied|abort(?:ed)?|oops|unable|cannot)\b",
    re.IGNORECASE,
)
_SYSLOG = re.compile(
    r"(?:<(?P<pri>\d{1,3})>(?:1 )?)?"
    r"(?P<when>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)"
    r"(?: (?P<host>[\w.-]+) (?P<program>[^\s:\[\]]+)(?:\[\d+\])?:)?\s*(?P<text>.*)",
    re.DOTALL,
)
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class Line(NamedTuple):
    """One line.

    Attributes:
        at: seconds since 1970, by the clock of who wrote it; it may be ahead of ours.
        host: as the line has it; empty where it does not say.
        program: what wrote it: a unit, else an identifier; empty where nothing says.
        loud: whether it speaks of something wrong.
        text: the message, without secrets.
    """

    at: float
    host: str
    program: str
    loud: bool
    text: str


@dataclass(frozen=True, slots=True)
class Read:
    """What became of many bytes.

    Attributes:
        lines: those that could be read.
        garbage: how many could not.
        cursor: of the journal, behind the last line; empty where there is none.
    """

    lines: tuple[Line, ...]
    garbage: int = 0
    cursor: str = ""
    findings: tuple[str, ...] = field(default=())


def text_lines(raw: Iterable[bytes], now: datetime) -> Read:
    """Read lines of a log file: syslog's forms, or anything that begins with a time, or not."""
    found, garbage = [], 0
    clock = now.timestamp()
    for each in raw:
        if b"\0" in each:
            garbage += 1
            continue
        text = each.decode("utf-8", "replace").rstrip("\r")
        if not text.strip():
            continue
        if text.count("\ufffd") > 2 + len(text) // 10:
            garbage += 1
            continue
        found.append(_line(text[:LONGEST], clock, now))
    return Read(tuple(found), garbage)


def journal_lines(raw: Iterable[bytes]) -> Read:
    """Read entries of `journalctl -o json`, one a line."""
    found, garbage, cursor = [], 0, ""
    for each in raw:
        try:
            entry = json.loads(each)
            cursor = entry["__CURSOR"]
            line = _entry(entry)
        except (ValueError, KeyError, TypeError, RecursionError):
            garbage += 1
            continue
        if line is not None:
            found.append(line)
    return Read(tuple(found), garbage, cursor)


def _entry(entry: dict[str, object]) -> Line | None:
    message = entry.get("MESSAGE")
    if isinstance(message, list):  # bytes that are no UTF-8
        message = bytes(message).decode("utf-8", "replace")
    if not isinstance(message, str) or not message.strip():
        return None  # too large for the journal's JSON, or empty
    at = entry.get("_SOURCE_REALTIME_TIMESTAMP") or entry["__REALTIME_TIMESTAMP"]
    unit = _text(entry, "_SYSTEMD_UNIT")
    # Units of users and sessions come and go; what logs in them is known by its own name.
    passing = not unit.endswith(".service") or unit.startswith(("user@", "session-"))
    program = _text(entry, "SYSLOG_IDENTIFIER") or _text(entry, "_COMM") if passing else unit
    severity = _text(entry, "PRIORITY")
    text = without_secrets(" ".join(message.split())[:LONGEST])
    return Line(
        float(str(at)) / 1e6,
        _text(entry, "_HOSTNAME"),
        program,
        severity.isdigit() and int(severity) <= _ERROR,
        text,
    )


def _text(entry: dict[str, object], name: str) -> str:
    value = entry.get(name, "")
    return value if isinstance(value, str) else ""


def _line(text: str, clock: float, now: datetime) -> Line:
    match = _SYSLOG.match(text)
    if match is None:
        bare = without_secrets(text.strip())
        return Line(clock, "", "", _BAD.search(bare) is not None, bare)
    pri, when, host, program, rest = match.groups()
    bare = without_secrets(rest)
    loud = int(pri) % 8 <= _ERROR if pri else _BAD.search(bare) is not None
    at = _seconds(when[:26], now.year, now.month)
    return Line(clock if at is None else at, host or "", program or "", loud, bare)


@lru_cache(4_096)
def _seconds(when: str, year: int, month: int) -> float | None:
    """Return seconds since 1970.

    A time without a zone is this machine's; one without a year lies in no later month than now.
    """
    try:
        if when[0].isdigit():
            found = datetime.fromisoformat(when.replace(",", "."))
        else:
            number = _MONTHS.index(when[:3]) + 1
            clock = datetime.strptime(when[7:], "%H:%M:%S").replace(tzinfo=None)  # noqa: DTZ007 - the clock alone
            found = clock.replace(year=year - (number > month), month=number, day=int(when[4:6]))
        return found.timestamp()
    except (ValueError, OverflowError):
        return None
