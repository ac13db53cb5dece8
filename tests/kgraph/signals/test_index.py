"""Looking the estate up by name: spellings fold, different things stay apart."""

import pytest

from kgraph.schema import Entity, Key, Subgraph
from kgraph.signals import EstateIndex
from kgraph.signals.index import without_port
from tests.kgraph.signals.estates import WEB_UUID, entity, index_of


@pytest.mark.parametrize(
    ("instance", "host"),
    [
        ("h1:9100", "h1"),
        ("h1", "h1"),
        ("10.0.0.2:9100", "10.0.0.2"),
        ("[fd00::1]:9100", "fd00::1"),
        ("fd00::1", "fd00::1"),
        ("https://shop.example:443/health", "shop.example"),
        ("[broken", "broken"),
        ("://", ""),
        ("", ""),
    ],
)
def test_the_port_of_an_instance_is_left_out(instance: str, host: str) -> None:
    assert without_port(instance).strip(":") == host


@pytest.mark.parametrize("name", ["h1", "H1", "h1.dc1", "h1.dc1.", "FD00:0:0::1", "host-1"])
def test_a_host_answers_to_every_spelling_of_its_names(name: str) -> None:
    assert index_of().named(name, ["Host"]) == ("host-1",)


def test_a_full_name_finds_a_host_that_is_known_by_the_short_one_alone() -> None:
    assert index_of().named("h3.dc1", ["Host"]) == ("host-3",)


@pytest.mark.parametrize("name", ["h1.dc2", "h2.dc2"])
def test_equal_short_names_in_two_domains_are_two_hosts(name: str) -> None:
    assert index_of().named(name) == ()


def test_a_short_name_of_two_hosts_finds_both() -> None:
    index = index_of(entity("host-9", "Host", "h1.dc9"))
    assert index.named("h1", ["Host"]) == ("host-1", "host-9")


def test_addresses_have_no_short_form() -> None:
    index = index_of()
    assert index.named("10") == ()
    assert index.named("10.0.0.3") == ()


def test_the_ending_of_a_volume_is_no_domain() -> None:
    assert index_of().named("mail") == ("vm-mail",)


def test_the_first_kind_that_has_the_name_counts() -> None:
    index = index_of()
    assert index.named("web", ["Service", "VirtualMachine"]) == ("service-web",)
    assert index.named("web", ["Volume", "VirtualMachine"]) == ("vm-web-1", "vm-web-2")
    assert index.named("web", ["Host"]) == ()


@pytest.mark.parametrize(
    "uuid",
    [
        WEB_UUID.upper(),
        WEB_UUID.replace("-", ""),
        "44454c4c-5100-104b-8052-b3c04f4e3132",  # the same with the first fields swapped
    ],
)
def test_a_uuid_is_found_in_any_spelling_and_byte_order(uuid: str) -> None:
    assert index_of().keyed("vmUuid", uuid) == ("vm-web-1",)


def test_a_placeholder_uuid_finds_nothing() -> None:
    zero = "00000000-0000-0000-0000-000000000000"
    index = EstateIndex.of(Subgraph((Entity("a", "Host", keys=(Key("smbiosUuid", zero),)),), ()))
    assert index.keyed("smbiosUuid", zero) == ()
