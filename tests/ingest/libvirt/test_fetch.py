from __future__ import annotations

import threading
import time

import pytest

from ingest.libvirt import fetch as fetching
from ingest.libvirt.binding import ConnectionLostError, ErrorCode
from ingest.libvirt.fetch import fetch
from tests.ingest.libvirt.fakes import (
    URI,
    FakeConnection,
    FakeDescribed,
    FakeDomain,
    FakeError,
    FakePool,
    domain_xml,
    driver,
)

INTERNAL_ERROR = 1
OTHER_UUID = "11111111-2222-4333-8444-555555555555"


def test_a_guest_that_goes_between_list_and_look_is_no_gap() -> None:
    gone = FakeDomain("", error=FakeError(ErrorCode.NO_DOMAIN, "Domain not found"))
    reading = fetch(driver(FakeConnection(domains=[gone, FakeDomain(domain_xml())])), URI)
    assert len(reading.guests) == 1
    assert reading.complete


def test_a_hypervisor_without_an_interface_driver_is_read_completely() -> None:
    unsupported = FakeError(ErrorCode.NO_SUPPORT, "this function is not supported")
    reading = fetch(driver(FakeConnection(interfaces=unsupported)), URI)
    assert reading.interfaces == ()
    assert reading.complete


def test_a_part_that_fails_leaves_the_rest_and_an_incomplete_reading() -> None:
    broken = FakePool("<pool/>", listing=FakeError(INTERNAL_ERROR, "stale file handle"))
    reading = fetch(driver(FakeConnection([FakeDomain(domain_xml())], [broken])), URI)
    assert len(reading.guests) == 1
    assert len(reading.pools) == 1
    assert not reading.complete


class _NoText(FakeDescribed):
    def XMLDesc(self, flags: int = 0) -> str:
        assert flags == 0
        return b"<name>bad-\xff.iso</name>".decode()


def test_a_file_whose_name_is_no_text_is_left_out_alone_and_told() -> None:
    xml = "<pool><name>isos</name></pool>"
    pool = FakePool(xml, volumes=[_NoText(""), FakeDescribed("<volume/>")])
    reading = fetch(driver(FakeConnection([FakeDomain(domain_xml())], [pool])), URI)
    assert reading.pools[0].volumes == ("<volume/>",)
    assert reading.complete
    assert reading.unnamed == ("a volume of pool isos has a name that is not UTF-8; rename it",)


def test_a_pool_that_is_no_text_leaves_the_rest_and_an_incomplete_reading() -> None:
    class NoPool(_NoText, FakePool):
        pass

    reading = fetch(driver(FakeConnection([FakeDomain(domain_xml())], [NoPool("")])), URI)
    assert len(reading.guests) == 1
    assert reading.gaps[0].startswith("a definition is not UTF-8: 'utf-8' codec can't decode")


def test_a_connection_that_breaks_on_the_way_is_lost_and_not_an_empty_estate() -> None:
    connection = FakeConnection(
        alive=0, interfaces=FakeError(INTERNAL_ERROR, "client socket\nis closed")
    )
    with pytest.raises(ConnectionLostError, match="the connection broke: client socket is closed"):
        fetch(driver(connection), URI)


def test_only_a_guest_paused_on_an_io_error_has_its_monitor_asked() -> None:
    running, stuck = (
        FakeDomain(domain_xml()),
        FakeDomain(domain_xml(uuid=OTHER_UUID), at=(3, 5), failed={"vda": 2}),
    )
    reading = fetch(driver(FakeConnection([running, stuck])), URI)
    assert (running.asked_monitor, stuck.asked_monitor) == (False, True)
    assert reading.guests[1].disk_errors == (("vda", 2),)


def test_the_volumes_of_an_inactive_pool_are_not_asked_for() -> None:
    pool = FakePool("<pool/>", at=0, volumes=[FakeDescribed("<volume/>")])
    reading = fetch(driver(FakeConnection(pools=[pool])), URI)
    assert reading.pools[0].volumes == ()


def test_guests_whose_monitors_owe_an_answer_hold_up_no_reading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetching, "_MONITOR_SECONDS", 0.1)
    before = set(threading.enumerate())
    uuids = [f"11111111-2222-4333-8444-55555555555{n}" for n in range(4)]
    hung = [FakeDomain(domain_xml(uuid=uuid), at=(3, 5), stalls=30) for uuid in uuids]
    started = time.monotonic()
    reading = fetch(driver(FakeConnection([*hung, FakeDomain(domain_xml())])), URI)
    assert time.monotonic() - started < 15
    assert len(reading.guests) == 5
    assert reading.complete, "the errors only explain"
    assert [domain.asked_monitor for domain in hung] == [True, False, False, False]
    hung[0].released.set()  # it goes on: nothing is left behind
    for thread in set(threading.enumerate()) - before:
        thread.join(30)
        assert not thread.is_alive()
