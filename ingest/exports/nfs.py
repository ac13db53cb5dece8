"""One look at one NFS export: where a path leads, and on which file system. It never writes.

The path is looked up as a client that mounts it by NFS 4.0 does. What lies there is known by the
id of its file system and the number of its root: an export whose disk was not mounted leads to the
empty folder below, which has others.

Source: https://www.rfc-editor.org/rfc/rfc7530
"""

from __future__ import annotations

import os
from datetime import timedelta

from ingest.exports.look import Look
from ingest.exports.reasons import Reason
from ingest.exports.rpc import Reader, call, numbers, opaque
from ingest.exports.wire import Clock, Wire

PORT = 2049
_PROGRAM, _VERSION, _COMPOUND, _MINOR = 100003, 4, 1, 0
_GET_ATTRIBUTES, _LOOK_UP, _ROOT = 9, 15, 24
# Attributes, by their numbers, in which order they come back.
_FSID, _FILE_ID, _SPACE_TOTAL = 8, 20, 44
_ASKED = (1 << _FSID | 1 << _FILE_ID, 1 << _SPACE_TOTAL - 32)
_OK = 0
_NO_ENTRY, _NOT_A_FOLDER, _STALE = 2, 20, 70
_NOT_ALLOWED = frozenset({1, 13, 10016})  # PERM, ACCESS, WRONGSEC
_NO_MINOR = 10021


def look(host: str, port: int, export: str, *, deadline: timedelta) -> Look:
    """Connect as a client, look the path up, ask what it is, and leave.

    Args:
        host: name or address of the server.
        port: its TCP port; 0: the usual one.
        export: the path that is exported, with or without the slash before it.
        deadline: how long all of it may take.

    Returns:
        The size of the file system, in bytes, and its identity.

    Raises:
        ExportError: with the reason; never later than the deadline.
    """
    names = [name for name in export.split("/") if name]
    where = f"nfs://{host}/{'/'.join(names)}"
    wire = Wire(host, port or PORT, Clock(deadline), where)
    try:
        ids = f"{os.getuid()}:{os.getgid()}"
        answer = call(wire, _PROGRAM, _VERSION, _COMPOUND, _asked(names), ids)
        return _answered(answer, wire, names)
    finally:
        wire.close()


def _asked(names: list[str]) -> bytes:
    steps = [numbers(_ROOT)]
    steps += [numbers(_LOOK_UP) + opaque(name.encode()) for name in names]
    steps.append(numbers(_GET_ATTRIBUTES, len(_ASKED), *_ASKED))
    return opaque(b"") + numbers(_MINOR, len(steps)) + b"".join(steps)


def _answered(answer: Reader, wire: Wire, names: list[str]) -> Look:
    state = answer.number()
    answer.opaque()
    done = answer.number()
    if state != _OK:
        raise wire.error(*_refusal(state, "/".join(names)))
    for _ in range(done - 1):
        answer.number()
        answer.number()
    answer.number()
    answer.number()
    told = [answer.number() for _ in range(answer.number())]
    if told != list(_ASKED):
        raise wire.error(Reason.NONSENSE, "it does not tell what its file system is")
    row = Reader(answer.opaque(), wire)
    major, minor, file_id, size = row.large(), row.large(), row.large(), row.large()
    return Look(size, f"nfs4:{major:x}.{minor:x}/{file_id:x}")


def _refusal(state: int, path: str) -> tuple[Reason, str]:
    if state in {_NO_ENTRY, _NOT_A_FOLDER}:
        return Reason.NO_SUCH_EXPORT, f"it answers, and does not export /{path}"
    if state in _NOT_ALLOWED:
        return (
            Reason.GUARDED,
            "it answers, and does not want us (does it want a port below 1024?)",
        )
    if state == _NO_MINOR:
        return Reason.GUARDED, "it answers, and speaks no NFS 4.0"
    if state == _STALE:
        return Reason.UNREADABLE, "what it exports is gone (stale file handle)"
    return Reason.UNREADABLE, f"it answers with error {state}"
