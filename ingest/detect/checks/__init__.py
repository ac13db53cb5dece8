"""Active checks: looks that are made on purpose, and only ever read.

    entity or configuration -> Target -> one look each (the only I/O) -> Seen -> evidence

Each check is one module with `look(target, patience)`. It says what it saw as signals, whatever
happens: refused, unreachable, silent and wrong are different answers. `look_at_all` keeps to a
budget, and gives up on a look that does not come back.
"""

from ingest.detect.checks.catalogue import CHECKS, Listed
from ingest.detect.checks.round import Budget, Result, look_at_all
from ingest.detect.checks.seen import Seen, Target
from ingest.detect.checks.targets import parse_target, targets_of

__all__ = [
    "CHECKS",
    "Budget",
    "Listed",
    "Result",
    "Seen",
    "Target",
    "look_at_all",
    "parse_target",
    "targets_of",
]
