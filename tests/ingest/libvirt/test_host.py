from __future__ import annotations

import pytest

from kgraph.schema import State
from tests.ingest.libvirt.fakes import HOST, HOST_UUID, URI, items_of, records, relations, standing

ALL_ONES = "ffffffff-ffff-ffff-ffff-ffffffffffff"


def test_a_host_is_known_by_its_smbios_uuid_and_weakly_by_its_name() -> None:
    (host,) = records(items_of(), "Host")
    assert {(key.namespace, key.value) for key in host.keys} == {
        ("smbiosUuid", HOST_UUID),
        ("hostname", "h1.example"),
    }


def test_what_is_set_aside_for_huge_pages_is_told_of_all_cells() -> None:
    small = "<pages unit='KiB' size='4'>1000</pages>"
    cells = (
        f"<cell id='0'>{small}<pages unit='KiB' size='2048'>512</pages>"
        "<pages unit='KiB' size='1048576'>2</pages></cell>"
        f"<cell id='1'>{small}<pages unit='KiB' size='2048'>512</pages></cell>"
    )
    told = []
    for cell in (cells, f"<cell id='0'>{small}</cell>", ""):
        topology = f"<topology><cells num='2'>{cell}</cells></topology>"
        (host,) = records(items_of(topology=topology), "Host")
        told.append(host.props.get("hugePagesBytes"))
    assert told == [4 << 30, 0, None]


@pytest.mark.parametrize("uuid", ["", ALL_ONES, "03000200-0400-0500-0006-000700080009"])
def test_a_placeholder_for_a_uuid_tells_no_host_from_another(uuid: str) -> None:
    (host,) = records(items_of(host_uuid=uuid), "Host")
    assert host.keys[0].namespace == "libvirtUri"
    assert host.keys[0].value == URI


def test_the_connection_is_a_probe_that_watches_the_host() -> None:
    items = items_of()
    (probe,) = records(items, "Probe")
    assert probe.keys[0].value == URI
    assert [r.dependency for r in relations(items, HOST, "WATCHED_BY")] == [probe.key]


def test_a_host_that_answers_is_up_and_reachable() -> None:
    assert standing(items_of(), HOST) == {"down": State.HEALTHY, "unreachable": State.HEALTHY}
