"""The declared kinds hold together, and unknown ones are explained."""

import pytest

from kgraph.schema import (
    GENERIC,
    GENERIC_MODES,
    KINDS,
    UNOBSERVED,
    Kind,
    Severity,
    kind_of,
    suggest_kind,
)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_kind_has_the_generic_modes_and_falls_into_modes_of_its_own(kind: Kind) -> None:
    assert {*(mode.name for mode in GENERIC_MODES), UNOBSERVED.name} <= set(kind.modes)
    for severity, mode in kind.effect.items():
        assert kind.modes[mode].severity is severity
    assert not set(kind.strong) & set(kind.weak)


def test_the_kinds_of_the_design_are_all_there() -> None:
    design = (
        "Site Rack PowerFeed Cluster Host Nic Bond Switch SwitchPort Router Network VirtualNic "
        "VirtualMachine StorageArray StorageController StoragePath StorageExport Disk StoragePool "
        "Volume Service ServiceInstance Container Pod LoadBalancer Endpoint Database Queue "
        "Application ConfigItem Bmc Probe"
    )
    assert set(design.split()) <= set(KINDS)


def test_an_unknown_kind_is_a_generic_thing() -> None:
    assert kind_of("Blimp").name == GENERIC
    assert kind_of("Host").name == "Host"
    assert {mode.name for mode in GENERIC_MODES} == {"down", "failing", "slow"}


def test_soft_modes_stop_nothing() -> None:
    modes = kind_of("Host").modes
    assert modes["down"].severity is Severity.HARD
    assert modes["slow"].severity is Severity.GRAY


@pytest.mark.parametrize("written", ["virtualmachine", "virtual_machine", "VirtualMachin"])
def test_a_kind_that_is_nearly_right_is_suggested(written: str) -> None:
    assert "VirtualMachine" in suggest_kind(written)
    assert suggest_kind(written).startswith("did you mean")


@pytest.mark.parametrize(
    ("written", "kinds"),
    [
        ("VM", "VirtualMachine"),
        ("guest", "VirtualMachine"),
        ("Server", "Host"),
        ("hypervisor", "Host"),
        ("PDU", "PowerFeed"),
        ("vlan", "Network"),
        ("datastore", "StoragePool"),
        ("interface", "Nic or VirtualNic"),
        ("NIC", "Nic"),
        ("hosts", "Host"),
    ],
)
def test_a_kind_that_is_called_by_another_word_is_suggested(written: str, kinds: str) -> None:
    assert suggest_kind(written) == f"did you mean {kinds}?"


def test_a_kind_like_no_other_gets_the_list() -> None:
    assert "Host" in suggest_kind("Zeppelin")
