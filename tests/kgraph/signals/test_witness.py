"""One alert by two roads is one witness."""

import pytest

from kgraph.signals import relayed, witness


@pytest.mark.parametrize(
    ("detector", "name"),
    [
        ("prometheus/GuestDown", "alert/GuestDown"),
        ("prometheus@east/GuestDown", "alert/GuestDown"),
        ("alertmanager/GuestDown", "alert/GuestDown"),
        ("prometheus/up/libvirt", "alert/up/libvirt"),
        ("libvirt/qemu:///system", "libvirt/qemu:///system"),
        ("kgraph/prometheus:http://x", "kgraph/prometheus:http://x"),
        ("prometheus", "prometheus"),
        ("", ""),
    ],
)
def test_a_detector_has_one_name_over_all_roads(detector: str, name: str) -> None:
    assert witness(detector) == name


def test_only_what_was_passed_on_is_relayed() -> None:
    assert relayed("alertmanager/X")
    assert not relayed("prometheus/X")
