"""Where the boxes of a picture stand when trouble is to be seen spreading."""

from __future__ import annotations

import pytest

from kgraph.incidents.picture import Node, Picture
from kgraph.incidents.strata import LAYERS, Layer, layer_of, strata
from kgraph.schema.kinds import GENERIC, KINDS


def test_every_kind_has_its_layer_and_no_other_word_has_one() -> None:
    assert LAYERS.keys() == {*KINDS, GENERIC}


@pytest.mark.parametrize(
    ("kind", "layer"),
    [
        ("PowerFeed", Layer.POWER),
        ("Host", Layer.HOSTS),
        ("StorageExport", Layer.STORAGE_AND_NETWORK),
        ("Switch", Layer.STORAGE_AND_NETWORK),
        ("VirtualMachine", Layer.GUESTS),
        ("Database", Layer.SERVICES),
        ("Gizmo", Layer.SERVICES),
    ],
)
def test_a_kind_stands_in_its_layer(kind: str, layer: Layer) -> None:
    assert layer_of(kind) is layer


def picture(nodes: dict[str, str], *edges: tuple[str, str]) -> Picture:
    return Picture(
        tuple(Node(uid, kind, uid) for uid, kind in nodes.items()),
        tuple((a, "NEEDS", b) for a, b in edges),
    )


def test_layers_come_in_the_order_in_which_trouble_spreads_whatever_needs_what() -> None:
    found = strata(
        picture(
            {"shop": "Service", "web": "VirtualMachine", "h": "Host", "feed": "PowerFeed"},
            ("shop", "web"),
            ("web", "h"),
            ("h", "feed"),
        )
    )
    assert list(found) == [Layer.POWER, Layer.HOSTS, Layer.GUESTS, Layer.SERVICES]
    assert found[Layer.POWER] == [["feed"]]


def test_within_a_layer_what_is_needed_is_above() -> None:
    nodes = {"pool": "StoragePool", "array": "StorageArray", "volume": "Volume"}
    found = strata(picture(nodes, ("volume", "pool"), ("pool", "array")))
    assert found == {Layer.STORAGE_AND_NETWORK: [["array"], ["pool"], ["volume"]]}


def test_guests_stand_below_what_they_run_on() -> None:
    hosts = {f"h{n}": "Host" for n in range(3)}
    guests = {f"v{n}": "VirtualMachine" for n in range(3)}
    # Written down crosswise.
    found = strata(picture(hosts | guests, ("v0", "h2"), ("v1", "h1"), ("v2", "h0")))
    (hosts_row,), (guests_row,) = found[Layer.HOSTS], found[Layer.GUESTS]
    runs_on = {"v0": "h2", "v1": "h1", "v2": "h0"}
    assert [runs_on[guest] for guest in guests_row] == hosts_row


def test_each_box_has_one_place() -> None:
    nodes = {f"{kind}-{n}": kind for kind in KINDS for n in range(2)}
    found = strata(picture(nodes, ("Host-0", "Host-1"), ("Host-1", "Host-0")))
    placed = [uid for rows in found.values() for row in rows for uid in row]
    assert sorted(placed) == sorted(nodes)
