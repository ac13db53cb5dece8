from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.ovn import NORTH, SOUTH
from ingest.ovn.normalise import lagging, normalise, stuck
from kgraph.schema import SourceError
from kgraph.sourcekit.machines import Told
from kgraph.sourcekit.ovsdb import Database, database
from tests.ingest.readings import (
    HERE,
    NOW,
    found,
    keys,
    machines,
    records,
    relations,
    well,
    wrong,
)
from tests.real import PATH, need, until

NET = "11111111-2222-3333-4444-555555555555"
EMPTY: list[Any] = ["set", []]


def _ref(name: str) -> list[str]:
    return ["uuid", name]


def _map(**pairs: str) -> list[Any]:
    return ["map", [[key.replace("__", ":").replace("_", "-"), v] for key, v in pairs.items()]]


def _table(headings: str, *rows: list[Any]) -> str:
    return json.dumps({"headings": headings.split(), "data": list(rows)})


PORTS = "_uuid name type addresses options up enabled"
GLOBAL = "nb_cfg nb_cfg_timestamp sb_cfg sb_cfg_timestamp"
NORTH_TEXT = "\n".join(
    [
        _table(GLOBAL, [7, 1, 7, 1]),
        _table(
            "_uuid name external_ids ports",
            [
                _ref("s"),
                f"neutron-{NET}",
                ["map", [["neutron:network_name", "shop"]]],
                ["set", [_ref("a"), _ref("b"), _ref("c"), _ref("d")]],
            ],
            [_ref("t"), "lab", _map(), EMPTY],
        ),
        _table(
            PORTS,
            [_ref("a"), "p1", "", "FA:16:3E:00:00:01 10.0.0.5", _map(), True, EMPTY],
            [_ref("b"), "p2", "", ["set", ["dynamic", "unknown"]], _map(), False, EMPTY],
            [_ref("c"), "to-r", "router", "router", _map(router_port="r-s"), True, EMPTY],
            [_ref("d"), "out", "localnet", "unknown", _map(), EMPTY, EMPTY],
        ),
        _table("_uuid name external_ids ports", [_ref("r"), "edge", _map(), _ref("rp")]),
        _table("_uuid name", [_ref("rp"), "r-s"]),
    ]
)
SOUTH_TEXT = "\n".join(
    [
        _table("_uuid name hostname encaps", [_ref("ch"), "id-1", "h1.dc1", _ref("e")]),
        _table("chassis nb_cfg nb_cfg_timestamp", [_ref("ch"), 7, 1]),
        _table("_uuid ip", [_ref("e"), "10.9.0.1"]),
        _table("logical_port chassis", ["p1", _ref("ch")], ["p2", EMPTY]),
    ]
)


def _items(north: str = NORTH_TEXT) -> list[Told]:
    told = database(north, "nb", NORTH), database(SOUTH_TEXT, "sb", SOUTH)
    return list(normalise(*told, "here", HERE))


def test_networks_routers_and_ports_are_told_with_who_binds_them() -> None:
    items = _items()
    assert {key: row.kind for key, row in records(items).items()} == {
        "machine:h1.dc1": "Host",
        "unit:h1.dc1/ovn-controller.service": "ServiceInstance",
        "router:edge": "Router",
        f"network:neutron-{NET}": "Network",
        "network:lab": "Network",
        "port:p1": "VirtualNic",
        "port:p2": "VirtualNic",
    }
    assert relations(items) == {
        ("unit:h1.dc1/ovn-controller.service", "RUNS_ON", "machine:h1.dc1"),
        (f"network:neutron-{NET}", "CONNECTED_TO", "router:edge"),
        ("port:p1", "ATTACHED_TO", f"network:neutron-{NET}"),
        ("port:p2", "ATTACHED_TO", f"network:neutron-{NET}"),
        ("port:p1", "CALLS", "unit:h1.dc1/ovn-controller.service"),
    }


def test_names_are_those_of_open_vswitch_neutron_and_systemd() -> None:
    rows = records(_items())
    assert keys(rows["port:p1"]) == {("portId", "p1"), ("mac", "fa:16:3e:00:00:01")}
    assert keys(rows[f"network:neutron-{NET}"]) == {("networkUuid", NET), ("name", "shop")}
    assert ("networkUuid", "ovn/t") in keys(rows["network:lab"])
    assert keys(rows["router:edge"]) == {("chassisId", "ovn/r"), ("name", "edge")}
    unit = rows["unit:h1.dc1/ovn-controller.service"]
    assert keys(unit) == {("name", "h1/ovn-controller.service")}


def test_a_port_that_is_up_is_well_and_one_that_is_not_may_belong_to_nobody() -> None:
    assert well(_items()) == {("port:p1", "unplugged")}
    assert wrong(_items()) == {}
    disabled = NORTH_TEXT.replace('true, ["set", []]]', "true, false]", 1)
    assert wrong(_items(disabled)) == {("port:p1", "unplugged"): "its logical port is disabled"}


def test_machines_without_a_host_name_are_told_apart_by_what_ovn_calls_them() -> None:
    row = [_ref("c2"), "id-2", "localhost", _ref("e")]
    south = SOUTH_TEXT.replace(
        '"h1.dc1", ["uuid", "e"]]]', f'"localhost", ["uuid", "e"]], {json.dumps(row)}]'
    )
    told = database(NORTH_TEXT, "nb", NORTH), database(south, "sb", SOUTH)
    found = machines(normalise(*told, "here", HERE))
    assert {key: machine.nameless for key, machine in found.items()} == {
        "machine:id-1": True,
        "machine:id-2": True,
    }


def test_a_name_may_hold_what_ends_a_line_elsewhere() -> None:
    rows = records(_items(NORTH_TEXT.replace('"shop"', '"sh\u2028op"')))
    assert rows[f"network:neutron-{NET}"].name == "sh\u2028op"


def test_a_database_that_was_cut_off_is_refused() -> None:
    with pytest.raises(SourceError, match="4 tables instead of 5"):
        _items(NORTH_TEXT.rpartition("\n")[0])


def test_a_number_that_is_none_is_refused_and_a_time_that_no_year_has_is_none() -> None:
    north = NORTH_TEXT.replace("[7, 1, 7, 1]", '["seven", 1, 7, 1]')
    with pytest.raises(SourceError, match="is not a whole number: 'seven'"):
        stuck(database(north, "nb", NORTH), "here", NOW)
    north = NORTH_TEXT.replace("[7, 1, 7, 1]", f"[9, {10**30}, 8, {10**30}]")
    assert stuck(database(north, "nb", NORTH), "here", NOW) == ()


UNIT = ("unit:h1.dc1/ovn-controller.service", "down")
_NOW = int(NOW.timestamp() * 1000)


def _numbered(wanted: int, since: int, taken: int, at: int) -> tuple[Database, Database]:
    """Have configurations numbered; times in seconds before now."""
    told = [wanted, _NOW - since * 1000, wanted, _NOW - since * 1000]
    north = NORTH_TEXT.replace("[7, 1, 7, 1]", json.dumps(told))
    south = SOUTH_TEXT.replace(
        '["uuid", "ch"], 7, 1]', f'["uuid", "ch"], {taken}, {_NOW - at * 1000}]'
    )
    return database(north, "nb", NORTH), database(south, "sb", SOUTH)


@pytest.mark.parametrize(
    ("numbers", "late"),
    [
        ((8, 20, 7, 40), {"ch"}),
        ((8, 5, 7, 40), set()),  # it may still be at it
        ((8, -300, 7, 40), set()),  # their clock is ahead of ours: nothing can be told
        ((8, 20, 8, 19), set()),
    ],
)
def test_a_controller_that_does_not_take_what_is_out_for_long_lags(
    numbers: tuple[int, int, int, int], late: set[str]
) -> None:
    told = _numbered(*numbers)
    assert lagging(*told, NOW) == late


def test_a_controller_that_lags_is_down_and_its_ports_are_unknown() -> None:
    told = _numbered(8, 20, 7, 40)
    items = list(normalise(*told, "here", HERE, frozenset({"ch"})))
    assert wrong(items) == {UNIT: "it does not take what OVN has told it"}
    assert well(items) == set()


@pytest.mark.parametrize(("at", "seen"), [(60, {UNIT}), (600, set())])
def test_a_controller_is_well_if_it_has_taken_the_newest_lately(at: int, seen: set[Any]) -> None:
    told = _numbered(8, at, 8, at)
    items = list(normalise(*told, "here", HERE))
    assert well(items) & {UNIT} == seen
    assert UNIT not in wrong(items)


def test_a_northd_that_passes_nothing_on_is_told() -> None:
    north = NORTH_TEXT.replace("[7, 1, 7, 1]", json.dumps([9, _NOW - 20_000, 8, _NOW - 90_000]))
    told = stuck(database(north, "nb", NORTH), "here", NOW)
    assert told == (
        "ovn here: ovn-northd has not passed on configuration 9; look whether it runs",
    )
    assert stuck(database(NORTH_TEXT, "nb", NORTH), "here", NOW) == ()


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[tuple[str, str]]:
    need("ovsdb-tool", "ovsdb-server", "ovn-nbctl", "ovn-sbctl")
    running = []
    for name in ("nb", "sb"):
        path, env = tmp_path / f"{name}.db", {"PATH": PATH}
        schema = f"/usr/share/ovn/ovn-{name}.ovsschema"
        subprocess.run(["ovsdb-tool", "create", path, schema], check=True, env=env)
        remote = f"--remote=punix:{tmp_path / name}"
        command = ["ovsdb-server", path, remote, "--unixctl", tmp_path / f"{name}.ctl"]
        with (tmp_path / f"{name}.log").open("wb") as log:
            running.append(subprocess.Popen(command, stdout=log, stderr=log, env=env))
    try:
        for name in ("nb", "sb"):
            until(f"the database {name}", (tmp_path / name).exists)
        yield f"unix:{tmp_path / 'nb'}", f"unix:{tmp_path / 'sb'}"
    finally:
        for each in running:
            each.terminate()
            each.wait(10)


@pytest.mark.sources
def test_real_databases_are_read(databases: tuple[str, str]) -> None:
    nb, sb = databases
    words = (
        "init -- ls-add sw0 -- lr-add lr0 -- lrp-add lr0 lr0-sw0 00:00:00:00:ff:01 192.168.0.1/24"
        " -- lsp-add sw0 sw0-lr0 -- lsp-set-type sw0-lr0 router"
        " -- lsp-set-options sw0-lr0 router-port=lr0-sw0 -- lsp-add sw0 vm1"
    )
    env = {"PATH": PATH}
    subprocess.run(["ovn-nbctl", f"--db={nb}", *words.split()], check=True, env=env)
    address = ["lsp-set-addresses", "vm1", "02:00:00:00:00:11 192.168.0.11"]
    subprocess.run(["ovn-nbctl", f"--db={nb}", *address], check=True, env=env)
    chassis = ["init", "--", "chassis-add", "h7", "geneve", "10.0.0.1"]
    subprocess.run(["ovn-sbctl", f"--db={sb}", *chassis], check=True, env=env)
    items = list(found("ovn", nb=nb, sb=sb).items)
    assert {
        ("port:vm1", "ATTACHED_TO", "network:sw0"),
        ("network:sw0", "CONNECTED_TO", "router:lr0"),
        ("unit:h7/ovn-controller.service", "RUNS_ON", "machine:h7"),
    } <= relations(items)
    assert ("mac", "02:00:00:00:00:11") in keys(records(items)["port:vm1"])


@pytest.mark.sources
def test_a_database_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    need("ovn-nbctl")
    with pytest.raises(SourceError, match=r"ovn-nbctl.*database connection failed"):
        found("ovn", nb=f"unix:{tmp_path}/nobody")
