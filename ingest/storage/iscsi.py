"""Which disks are reached by iSCSI, and from where, by the names that udev gives to paths. Pure.

    ip-192.0.2.5:3260-iscsi-iqn.2026-11.example:stor1-lun-1 ../../sdb

Source: `path_id` of udev, https://www.freedesktop.org/software/systemd/man/latest/udev.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kgraph.schema import SourceError

# Only root may ask iscsid for its sessions; everybody may read this.
ASKED = ("find", "/dev/disk/by-path", "-name", "*-iscsi-*", "-printf", r"%f %l\n")
_PATH = re.compile(r"(?:.*-)?ip-(?P<portal>\S+:\d+)-iscsi-(?P<target>\S+)-lun-[0-9a-f]\S*")
_PART = re.compile(r"-part\d+$")


def exports(text: str, where: str) -> Mapping[str, str]:
    """Return device -> the address of its export, as everybody spells it.

    Raises:
        SourceError: a line is no link of udev's.
    """
    found = {}
    for line in text.splitlines():
        name, _, link = line.partition(" ")
        told = _PATH.fullmatch(name)
        if told is None or not link:
            mend = f"is this what `{' '.join(ASKED[:2])} …` prints?"
            raise SourceError(f"{line!r:.80} is no path of an iSCSI disk", where=where, mend=mend)
        if not _PART.search(name):
            found[link.rpartition("/")[2]] = f"iscsi://{told['portal'].lower()}/{told['target']}"
    return found
