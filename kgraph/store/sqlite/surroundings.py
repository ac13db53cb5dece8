"""What may go wrong around an SQLite file: its library, and the file system that it lies on."""

from __future__ import annotations

import os
import re
import sqlite3
from pathlib import Path

from kgraph.schema import StoreError

# Two connections that checkpoint at once may damage a file in WAL mode, seldom: in every version
# from 3.7.0 on but these and later ones of the same branch. https://sqlite.org/wal.html#walresetbug
_MENDED = ((3, 44, 6), (3, 50, 7), (3, 51, 3))
# WAL needs memory that all processes share, which there is not between machines.
# https://sqlite.org/wal.html: all processes must be on the same host
_NETWORK = frozenset(
    {
        "9p", "afs", "ceph", "cifs", "coda", "fuse.ceph", "fuse.cephfs", "fuse.glusterfs",
        "fuse.s3fs", "fuse.sshfs", "gfs2", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2",
        "smb3", "smbfs", "virtiofs",
    }
)  # fmt: skip
_MOUNTS = Path("/proc/self/mountinfo")  # https://docs.kernel.org/filesystems/proc.html, 3.5
_ESCAPED = re.compile(r"\\([0-7]{3})")


SQLITE_VERSION = sqlite3.sqlite_version


def has_wal_reset_bug(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> bool:
    """Tell whether an SQLite may damage a file that several processes write."""
    if version >= _MENDED[-1]:
        return False
    return not any(version[:2] == mended[:2] and version >= mended for mended in _MENDED)


def refuse_network(path: Path) -> None:
    """Refuse a file on a file system that other machines write to as well.

    Raises:
        StoreError: it lies on one.
    """
    try:
        mounts = _MOUNTS.read_text("utf-8", "surrogateescape")
    except OSError:  # not Linux: nobody says
        return
    found = network_file_system(os.path.realpath(path), mounts)
    if found:
        raise StoreError(
            f"the store lies on a network file system ({found}), where SQLite may damage it",
            where=str(path),
            mend="name a file on a local disk, or use a Neo4j server",
        )


def network_file_system(path: str, mounts: str) -> str:
    """Return the type of the network file system that a path lies on, "" for a local one.

    Args:
        path: absolute, without links.
        mounts: the content of `/proc/self/mountinfo`; of two on one point the later one counts.
    """
    best, found = "", ""
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        parts = fields.split()
        if len(parts) < 5 or not rest:
            continue
        point = _ESCAPED.sub(lambda octal: chr(int(octal[1], 8)), parts[4])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, found = point, rest.split()[0]
    return found if found in _NETWORK else ""
