"""Logs: templates that are new, burst or vanished, and lines that say outright what is wrong.

    file or journal (the only I/O) -> lines -> templates, minutes -> Activity -> detectors
                                            -> patterns with captures -> reports

What is learned is kept between two rounds (`Memory`), and so is the place in the log (`Cursor`).
"""

from ingest.detect.logs.activity import Activity, Came, Memory, Missed, take
from ingest.detect.logs.journal import Journal, entries
from ingest.detect.logs.lines import Line, Read, journal_lines, text_lines
from ingest.detect.logs.patterns import LOG_LINE, LOG_LINE_OVER, Patterns
from ingest.detect.logs.places import ENTRY, labels_of

__all__ = [
    "ENTRY",
    "LOG_LINE",
    "LOG_LINE_OVER",
    "Activity",
    "Came",
    "Journal",
    "Line",
    "Memory",
    "Missed",
    "Patterns",
    "Read",
    "entries",
    "journal_lines",
    "labels_of",
    "take",
    "text_lines",
]
