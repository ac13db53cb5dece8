"""How long does a read take, past the page cache? Reads 4 KiB at three places, and never writes.

A read that does not come back leaves its thread behind until it does: `look_at_all` gives up on
it, and asks the same path no more while it hangs.
"""

from __future__ import annotations

import errno
import mmap
import os
import stat
import time
from datetime import timedelta
from pathlib import Path

from ingest.detect.checks.seen import Seen, Target, well, wrong

_BLOCK = 4_096
_PLACES = 3


def look(target: Target, patience: timedelta) -> tuple[Seen, ...]:  # noqa: ARG001 - no read can be ended
    """Look once; `path` is a file or a block device."""
    path = Path(target.path)
    begin = time.monotonic()
    try:
        slowest = _slowest(path)
    except OSError as error:
        if error.errno in {errno.EIO, errno.ENXIO, errno.EREMOTEIO, errno.ESTALE}:
            return (wrong("errors", f"{path}: a read failed: {error.strerror}"),)
        raise
    taken = time.monotonic() - begin
    told = f"{path}: the slowest of {_PLACES} reads took {slowest * 1000:.1f} ms"
    if slowest >= target.slow_seconds:
        return (
            *well("hung", "errors"),
            wrong("latency", told, 3.0 * slowest / target.slow_seconds),
        )
    return well("hung", "errors", "latency", detail=f"{told}, {taken * 1000:.0f} ms in all")


def _slowest(path: Path) -> float:
    direct = getattr(os, "O_DIRECT", 0)
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        file = os.open(path, flags | direct)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        file = os.open(path, flags)  # a file system without direct reads: its cache answers, too
    try:
        facts = os.fstat(file)
        if not (stat.S_ISREG(facts.st_mode) or stat.S_ISBLK(facts.st_mode)):
            raise OSError(errno.EINVAL, "neither a file nor a block device", str(path))
        size = os.lseek(file, 0, os.SEEK_END)
        with mmap.mmap(-1, _BLOCK) as room:  # direct reads want memory at the start of a page
            return max(_read(file, room, size * place // _PLACES) for place in range(_PLACES))
    finally:
        os.close(file)


def _read(file: int, room: mmap.mmap, near: int) -> float:
    begin = time.monotonic()
    os.preadv(file, [room], near // _BLOCK * _BLOCK)
    return time.monotonic() - begin
