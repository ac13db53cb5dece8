"""A machine's storage: disks, paths, RAID, volumes, file systems and mounted exports.

    lsblk, findmnt, … (the only I/O) -> devices -> Disk, StoragePath, Volume, StoragePool

Sources: lsblk(8), findmnt(8), md(4), lvmreport(7), zpool-status(8), multipathd(8)
"""

from __future__ import annotations

from typing import Literal

from ingest.storage.devices import devices
from ingest.storage.health import degraded_arrays, path_states
from ingest.storage.iscsi import ASKED, exports
from ingest.storage.lvm import REPORT, TOOLS, Lvm, reports
from ingest.storage.mounts import mounts
from ingest.storage.normalise import Told, normalise
from ingest.storage.zfs import zpools
from kgraph.schema import SourceError
from kgraph.sourcekit import Found, Here, Place, Source, SourceEntry, folded, own_name, parsed, run
from kgraph.sourcekit.command import ToolFailedError, if_told

NAME = "storage"
_UUID = "/sys/class/dmi/id/product_uuid"
_COLUMNS = "NAME,KNAME,PATH,TYPE,SIZE,WWN,MODEL,MOUNTPOINTS"
# util-linux before 2.37, as RHEL 8, Ubuntu 20.04 and Debian 11 have it.
_OLD_COLUMNS = "NAME,KNAME,TYPE,SIZE,WWN,MODEL,MOUNTPOINT"
# Of these the size is asked. A network file system that hangs would hang whoever asks it.
_LOCAL = "ext2,ext3,ext4,xfs,btrfs,f2fs,zfs"
_REMOTE = "nfs,nfs4"


class Entry(SourceEntry):
    """The storage of this machine, or of another one that `via` reaches."""

    type: Literal["storage"]
    via: tuple[str, ...] = ()  # such as ["ssh", "h1"]
    host: str = ""  # its name; empty: it is asked
    also: tuple[
        Literal["iscsi", "lvm", "multipath", "zpool"], ...
    ] = ()  # what is there besides: it is asked too

    @property
    def subject(self) -> str:
        """How the machine is reached."""
        return " ".join(self.via) or "here"


def read(entry: Entry, here: Here) -> Found:
    """Read one machine's storage.

    Raises:
        SourceError: a tool is missing, fails, or answers nonsense.
    """
    where = f"storage {entry.subject}"
    host = entry.host or own_name(_asked(entry, "uname", "-n"), where)
    told = Told(
        devices=devices(parsed(_block_devices(entry), f"{where}: lsblk")),
        local=mounts(
            _mounted(entry, _LOCAL, "TARGET,SOURCE,FSTYPE,SIZE,AVAIL"), f"{where}: findmnt"
        ),
        remote=mounts(_mounted(entry, _REMOTE, "TARGET,SOURCE,FSTYPE"), f"{where}: findmnt"),
        arrays=degraded_arrays(_if_there(entry, "/proc/mdstat")),
        paths=path_states(
            _if_used(entry, "multipath", "multipathd", "show", "maps", "json"), where
        ),
        zpools=zpools(_if_used(entry, "zpool", "zpool", "status", "-j", "-P"), where),
        lvm=_lvm(entry, where),
        iscsi=exports(_if_used(entry, "iscsi", *ASKED), f"{where}: {ASKED[1]}"),
    )
    items = normalise(told, Place(host, _if_there(entry, _UUID).strip()), here)
    return Found(host, folded(items))


def _asked(entry: Entry, *argv: str) -> str:
    return run(argv, via=entry.via)


def _block_devices(entry: Entry) -> str:
    asked = ("lsblk", "-J", "-b", "-o")
    try:
        return _asked(entry, *asked, _COLUMNS)
    except ToolFailedError as error:
        if "unknown column" not in error.said:
            raise
        return _asked(entry, *asked, _OLD_COLUMNS)


def _if_there(entry: Entry, path: str) -> str:
    return if_told(("cat", path), via=entry.via)


def _if_used(entry: Entry, what: str, *argv: str) -> str:
    return _asked(entry, *argv) if what in entry.also else ""


def _lvm(entry: Entry, where: str) -> Lvm:
    vgs, pvs, lvs = (
        _if_used(entry, "lvm", tool, *REPORT, columns) for tool, columns in TOOLS.items()
    )
    return reports(vgs, pvs, lvs, where)


def _mounted(entry: Entry, types: str, columns: str) -> str:
    """Ask findmnt, which ends with 1 and says nothing where nothing is mounted."""
    try:
        return _asked(entry, "findmnt", "-J", "-b", "-l", "-t", types, "-o", columns)
    except SourceError as error:
        if error.what == "it ended with 1: ":
            return ""
        raise


SOURCE = Source(NAME, Entry, read)
