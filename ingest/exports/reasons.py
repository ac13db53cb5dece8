"""Why an export could not be looked at: each reason proves something else."""

from __future__ import annotations

from enum import Enum

from kgraph.schema import SourceError


class Reason(Enum):
    """What became of a look that failed."""

    REFUSED = "refused"  # the host answers, nobody listens
    UNNAMED = "unnamed"  # its name is not known here, which says nothing of what it stands for
    UNREACHABLE = "unreachable"  # no route, or no answer to the connection itself
    SILENT = "silent"  # connected, then nothing within the deadline
    DROPPED = "dropped"  # connected, then hung up
    NO_SUCH_EXPORT = "no such export"
    GUARDED = "guarded"  # it answers, but wants TLS or does not want us
    UNREADABLE = "unreadable"  # it answers, and reads fail
    NONSENSE = "nonsense"  # what listens there does not speak NBD


class ExportError(SourceError):
    """An export could not be looked at.

    Args:
        reason: what that proves.
        what: the defect.
        where: the export's address.
    """

    def __init__(self, reason: Reason, what: str, *, where: str) -> None:
        self.reason = reason
        super().__init__(what, where=where, mend=_MEND[reason])


_MEND = {
    Reason.REFUSED: "start the storage server there",
    Reason.UNNAMED: "let this machine resolve the name, or name the export by address",
    Reason.UNREACHABLE: "check the way to that host",
    Reason.SILENT: "look for a stuck server; one whose client slots are all taken is silent, too",
    Reason.DROPPED: "see the server's own log; it may not want clients from here",
    Reason.NO_SUCH_EXPORT: "compare the name with what the server exports",
    Reason.GUARDED: "let this machine read it, or leave the export out",
    Reason.UNREADABLE: "check the disk below the export",
    Reason.NONSENSE: "check the port",
}
