"""The real server: well, frozen, killed."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ingest.exports import Address, ExportError, Look, Reason, look_at_all
from ingest.exports.nbd import look
from tests.ingest.exports.servers import HOST, QemuNbd
from tests.real import need

pytestmark = pytest.mark.lab

PATIENCE = timedelta(seconds=2)
SIZE = 3 << 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[QemuNbd]:
    """A disk with a boot sector of a known id, served as `disk`."""
    need("qemu-nbd")
    image = tmp_path / "disk.raw"
    boot = bytearray(512)
    boot[440:444], boot[510:] = struct.pack("<I", 0x0BADCAFE), b"\x55\xaa"
    image.write_bytes(bytes(boot).ljust(SIZE, b"\0"))
    served = QemuNbd(image)
    try:
        yield served
    finally:
        served.kill()


def reason(server: QemuNbd, export: str = "disk") -> Reason:
    with pytest.raises(ExportError) as caught:
        look(HOST, server.port, export, deadline=PATIENCE)
    return caught.value.reason


def test_size_and_signature_are_those_of_the_disk(server: QemuNbd) -> None:
    seen = look(HOST, server.port, "disk", deadline=PATIENCE)
    assert seen.size_bytes == SIZE
    assert seen.signature.startswith("mbr:0badcafe-")


def test_looks_take_no_client_slot_for_good(server: QemuNbd) -> None:
    first = look(HOST, server.port, "disk", deadline=PATIENCE)
    assert [look(HOST, server.port, "disk", deadline=PATIENCE) for _ in range(12)] == [first] * 12


def test_an_export_that_the_server_does_not_have_is_told_apart(server: QemuNbd) -> None:
    assert reason(server, "other") is Reason.NO_SUCH_EXPORT
    assert look(HOST, server.port, "disk", deadline=PATIENCE)


def test_a_killed_server_refuses(server: QemuNbd) -> None:
    server.kill()
    assert reason(server) is Reason.REFUSED


def test_a_frozen_server_is_silent_until_it_goes_on(server: QemuNbd) -> None:
    server.stop()
    started = time.monotonic()
    assert reason(server) is Reason.SILENT
    assert time.monotonic() - started < 10
    server.go_on()
    assert look(HOST, server.port, "disk", deadline=PATIENCE).size_bytes == SIZE


def test_one_frozen_server_holds_up_no_look_at_another(server: QemuNbd, tmp_path: Path) -> None:
    other = QemuNbd(tmp_path / "disk.raw", export="")
    try:
        server.stop()
        frozen, well = Address(HOST, server.port, "disk"), Address(HOST, other.port, "")
        found = look_at_all([frozen, well], deadline=PATIENCE)
    finally:
        server.go_on()
        other.kill()
    silent = found[frozen]
    assert isinstance(silent, ExportError)
    assert silent.reason is Reason.SILENT
    assert isinstance(found[well], Look)
