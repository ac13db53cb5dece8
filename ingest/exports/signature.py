"""What is on a disk, told from its first 64 KiB by what does not change while it is used. Pure.

Identities that a formatter draws at random (UUIDs, disk ids), not counters, dates of mounting or
flags. A label is left out: people rename. What lies inside partitions is beyond the first 64 KiB;
the partition table's own id stands for it. Clones of one image look the same.

Sources: the superblock layouts as util-linux's libblkid and the projects' own format pages have
them.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from uuid import UUID

LOOKS_AT = 1 << 16  # bytes from the start of the disk
NONE = "none"  # nothing on it that has an identity

Probe = Callable[[bytes], str | None]


def signature(start: bytes) -> str:
    """Return the identity of what a disk holds, such as `mbr:1a2b3c4d-0f6e7d8c+ext4:<uuid>`.

    Args:
        start: its first `LOOKS_AT` bytes, or all of it where it is smaller.

    Returns:
        All that was recognised, in a fixed order, joined by `+`; `none` where nothing was.
    """
    found = (probe(start) for probe in _PROBES)
    return "+".join(each for each in found if each is not None) or NONE


def _gpt(start: bytes) -> str | None:
    for sector in (512, 4096):
        if start[sector : sector + 8] == b"EFI PART" and len(start) >= sector + 72:
            return f"gpt:{UUID(bytes_le=start[sector + 56 : sector + 72])}"
    return None


def _mbr(start: bytes) -> str | None:
    if start[510:512] != b"\x55\xaa" or _fat(start) or _ntfs(start):
        return None
    table = start[446:510]
    if _gpt(start) is not None or any(table[entry + 4] == 0xEE for entry in range(0, 64, 16)):
        return None  # the protective one of a GPT
    (disk,) = struct.unpack_from("<I", start, 440)
    return f"mbr:{disk:08x}-{zlib.crc32(table):08x}"


def _fat(start: bytes) -> str | None:
    if start[510:512] != b"\x55\xaa":
        return None
    for mark, serial in ((82, 67), (54, 39)):
        if start[mark : mark + 3] == b"FAT":
            return f"vfat:{struct.unpack_from('<I', start, serial)[0]:08x}"
    return None


def _ntfs(start: bytes) -> str | None:
    if start[3:11] != b"NTFS    " or len(start) < 80:
        return None
    return f"ntfs:{struct.unpack_from('<Q', start, 72)[0]:016x}"


def _ext(start: bytes) -> str | None:
    if start[1080:1082] != b"\x53\xef" or len(start) < 1144:
        return None
    compatible, incompatible, read_only = struct.unpack_from("<III", start, 1116)
    # Extents, 64 bit, flex_bg; huge files, block-group checksums, large inodes.
    if incompatible & 0x2C0 or read_only & 0x78:
        version = "ext4"
    else:
        version = "ext3" if compatible & 0x4 else "ext2"
    return f"{version}:{UUID(bytes=start[1128:1144])}"


def _xfs(start: bytes) -> str | None:
    if start[:4] != b"XFSB" or len(start) < 48:
        return None
    return f"xfs:{UUID(bytes=start[32:48])}"


def _lvm(start: bytes) -> str | None:
    for sector in range(0, 4 * 512, 512):
        label = start[sector : sector + 512]
        if label[:8] == b"LABELONE" and label[24:32] == b"LVM2 001":
            (offset,) = struct.unpack_from("<I", label, 20)
            uuid = label[offset : offset + 32]
            if len(uuid) == 32:
                return f"lvm2:{_text(uuid)}"
    return None


def _luks(start: bytes) -> str | None:
    if start[:6] != b"LUKS\xba\xbe":
        return None
    return f"luks:{_text(start[168:208])}"


def _md(start: bytes) -> str | None:
    # Versions 1.1 and 1.2 of the superblock; the others lie at the end of the disk.
    for offset in (0, 4096):
        if start[offset : offset + 4] == b"\xfc\x4e\x2b\xa9" and len(start) >= offset + 32:
            return f"md:{UUID(bytes=start[offset + 16 : offset + 32])}"
    return None


def _qcow2(start: bytes) -> str | None:
    # An image that is exported as it lies. It has no id of its own: its size is all that stays.
    if start[:4] != b"QFI\xfb" or len(start) < 32:
        return None
    return f"qcow2:{struct.unpack_from('>Q', start, 24)[0]}"


def _swap(start: bytes) -> str | None:
    for page in (4096, 8192, 16384, 65536):
        if start[page - 10 : page] == b"SWAPSPACE2":
            return f"swap:{UUID(bytes=start[1036:1052])}"
    return None


def _iso(start: bytes) -> str | None:
    if start[32769:32774] != b"CD001" or len(start) < 33646:
        return None
    name, made = _text(start[32808:32840]), _text(start[33581:33597])
    return f"iso9660:{made}/{name}"


def _text(field: bytes) -> str:
    kept = "".join(chr(byte) for byte in field if 0x20 < byte < 0x7F and byte != 0x2B)
    return kept or "unnamed"


_PROBES: tuple[Probe, ...] = (
    _gpt,
    _mbr,
    _fat,
    _ntfs,
    _ext,
    _xfs,
    _luks,
    _md,
    _lvm,
    _qcow2,
    _swap,
    _iso,
)
