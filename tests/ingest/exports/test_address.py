from __future__ import annotations

import pytest

from ingest.exports import Address, parse_address
from kgraph.schema import InputError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("nbd://10.77.0.1:10809/vmstore", Address("10.77.0.1", 10809, "vmstore")),
        ("nbd://store1:10810", Address("store1", 10810, "")),
        ("nbd://[fd00::5]:10809/a/b", Address("fd00::5", 10809, "a/b")),
        ("nbd://store1:10809/odd?name#1", Address("store1", 10809, "odd?name#1")),
    ],
)
def test_an_address_is_read_and_written_as_the_graph_has_it(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert address.text == text


def test_the_default_port_is_filled_in() -> None:
    assert parse_address("nbd://store1/disk").text == "nbd://store1:10809/disk"


@pytest.mark.parametrize(
    "text",
    [
        "rbd://mon1:6789/pool",
        "nbd+unix://host/run/sock",
        "nbd:///disk",
        "nbd://a:1,b:2/disk",
        "nbd://store1:port/disk",
        "nbd://store1:99999/disk",
        "vmstore",
    ],
)
def test_what_is_not_reached_by_nbd_over_tcp_is_refused_with_the_form_to_write(text: str) -> None:
    with pytest.raises(InputError, match="write nbd://host:port/export"):
        parse_address(text)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "0.0.0.0"])  # noqa: S104 - read, not bound
def test_an_address_that_means_another_machine_to_each_reader_is_local(host: str) -> None:
    assert Address(host, 10809, "disk").local
    assert not Address("10.0.0.5", 10809, "disk").local
