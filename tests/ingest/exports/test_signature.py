"""What is told from the first 64 KiB of a disk, and what is not."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.exports.signature import LOOKS_AT, NONE, signature

ID = UUID("9f1c2d3e-4b5a-4c6d-8e7f-0a1b2c3d4e5f")


def disk(*parts: tuple[int, bytes], size: int = LOOKS_AT) -> bytes:
    """Bytes with parts written at their offsets."""
    data = bytearray(size)
    for offset, part in parts:
        data[offset : offset + len(part)] = part
    return bytes(data)


BOOT = (510, b"\x55\xaa")
ENTRY = bytes([0x80, 0, 2, 0, 0x83, 0, 0, 0]) + struct.pack("<II", 2048, 65536)
PROTECTIVE = bytes([0, 0, 2, 0, 0xEE, 0, 0, 0]) + struct.pack("<II", 1, 65535)
MBR = disk((440, struct.pack("<I", 0x1A2B3C4D)), (446, ENTRY), BOOT)
EXT = ((1080, b"\x53\xef"), (1128, ID.bytes))


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (disk(), "none"),
        (b"", "none"),
        (MBR, "mbr:1a2b3c4d-f8d483c1"),
        (disk((446, PROTECTIVE), BOOT, (512, b"EFI PART"), (568, ID.bytes_le)), f"gpt:{ID}"),
        (disk((446, PROTECTIVE), BOOT, (4096, b"EFI PART"), (4152, ID.bytes_le)), f"gpt:{ID}"),
        (disk(*EXT), f"ext2:{ID}"),
        (disk(*EXT, (1116, struct.pack("<I", 4))), f"ext3:{ID}"),
        (disk(*EXT, (1120, struct.pack("<I", 0x40))), f"ext4:{ID}"),
        (disk((0, b"XFSB"), (32, ID.bytes)), f"xfs:{ID}"),
        (disk((0, b"LUKS\xba\xbe"), (168, str(ID).encode())), f"luks:{ID}"),
        (disk((4096, b"\xfc\x4e\x2b\xa9"), (4112, ID.bytes)), f"md:{ID}"),
        (disk((0, b"QFI\xfb\0\0\0\3"), (24, struct.pack(">Q", 1 << 30))), "qcow2:1073741824"),
        (disk((4086, b"SWAPSPACE2"), (1036, ID.bytes)), f"swap:{ID}"),
        (disk((3, b"NTFS    "), (72, struct.pack("<Q", 7)), BOOT), "ntfs:0000000000000007"),
        (disk((82, b"FAT32   "), (67, struct.pack("<I", 9)), BOOT), "vfat:00000009"),
        (disk((54, b"FAT16   "), (39, struct.pack("<I", 9)), BOOT), "vfat:00000009"),
        (
            disk(
                (512, b"LABELONE"),
                (532, struct.pack("<I", 32) + b"LVM2 001"),
                (544, b"abcdefABCDEF0123456789abcdefABCD"),
            ),
            "lvm2:abcdefABCDEF0123456789abcdefABCD",
        ),
        (
            disk((32769, b"CD001"), (32808, b"DEBIAN 12".ljust(32)), (33581, b"2023061012345600")),
            "iso9660:2023061012345600/DEBIAN12",
        ),
    ],
)
def test_each_format_is_told_by_its_own_id(start: bytes, told: str) -> None:
    assert signature(start) == told


def test_what_lies_beside_each_other_is_told_together() -> None:
    both = bytearray(MBR)
    for offset, part in EXT:
        both[offset : offset + len(part)] = part
    assert signature(bytes(both)) == f"{signature(MBR)}+ext2:{ID}"


def test_another_partition_table_is_another_disk() -> None:
    moved = bytearray(MBR)
    moved[454] ^= 1
    assert signature(bytes(moved)) != signature(MBR)


# Of an ext superblock: free blocks, time and count of mounts, state, label, last mount point.
@pytest.mark.parametrize("offset", [1036, 1068, 1076, 1082, 1144, 1160])
def test_what_changes_while_a_file_system_is_used_changes_nothing(offset: int) -> None:
    used = bytearray(disk(*EXT, (1120, struct.pack("<I", 0x40))))
    before = signature(bytes(used))
    used[offset] ^= 0x5A
    assert signature(bytes(used)) == before


def test_a_journal_that_wants_recovery_is_the_same_file_system() -> None:
    clean = disk(*EXT, (1116, struct.pack("<II", 4, 0x40)))
    dirty = disk(*EXT, (1116, struct.pack("<II", 4, 0x44)))
    assert signature(clean) == signature(dirty)


@given(st.binary(max_size=2048), st.sampled_from([0, 3, 54, 440, 500, 512, 1024, 4080, 32760]))
def test_any_bytes_have_a_signature_in_one_printable_line(data: bytes, offset: int) -> None:
    for start in (data, disk((offset, data), BOOT)):
        told = signature(start)
        assert told == NONE or ":" in told
        assert told.isprintable()


@pytest.mark.lab
@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (("mkfs.ext4", "-q", "-F"), "ext4"),
        (("mkfs.ext2", "-q", "-F"), "ext2"),
        (("mkfs.ext3", "-q", "-F"), "ext3"),
        (("mkswap", "-q"), "swap"),
    ],
)
def test_what_real_formatters_write_is_told_as_blkid_tells_it(
    tmp_path: Path, make: tuple[str, ...], kind: str
) -> None:
    image = tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(32 << 20)
    subprocess.run([*make, str(image)], check=True, capture_output=True)
    told = subprocess.run(
        ["blkid", "-o", "value", "-s", "UUID", str(image)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    with image.open("rb") as file:
        assert signature(file.read(LOOKS_AT)) == f"{kind}:{told}"
