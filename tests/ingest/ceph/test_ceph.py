"""Answers as Ceph documents and prints them; no cluster runs here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kgraph.schema import RelationRecord, SourceError
from kgraph.sourcekit import Found
from tests.ingest.readings import aliases, found, keys, records, relations, well, wrong

Object = dict[str, Any]
FSID = "9f8b1c2d-3e4f-4a5b-8c6d-7e8f90a1b2c3"


def _osd(number: int, status: str = "up", reweight: float = 1.0) -> Object:
    told = {"id": number, "name": f"osd.{number}", "type": "osd", "type_id": 0, "exists": 1}
    return told | {"device_class": "ssd", "status": status, "reweight": reweight}


def _mon(rank: int, name: str) -> Object:
    return {"rank": rank, "name": name, "public_addr": f"10.0.0.{rank + 1}:6789/0"}


ANSWERS: dict[str, Any] = {
    "health detail": {"status": "HEALTH_OK", "checks": {}, "mutes": []},
    "mon dump": {
        "fsid": FSID,
        "mons": [_mon(0, "h1"), _mon(1, "h2"), _mon(2, "h3")],
        "quorum": [0, 1, 2],
    },
    "osd tree": {
        "nodes": [
            {"id": -1, "name": "default", "type": "root", "children": [-2, -3, -4]},
            {"id": -2, "name": "h1", "type": "host", "children": [0, 1]},
            {"id": -3, "name": "h2", "type": "host", "children": [2, 3]},
            {"id": -4, "name": "h3", "type": "host", "children": [4, 5, 6]},
            *(_osd(number) for number in range(6)),
            _osd(6, reweight=0),  # taken out
        ],
        "stray": [],
    },
    "osd pool ls detail": [
        {
            "pool_id": 1,
            "pool_name": "vms",
            "size": 3,
            "min_size": 2,
            "application_metadata": {"rbd": {}},
        },
        {
            "pool_id": 2,
            "pool_name": "files",
            "size": 2,
            "min_size": 2,
            "application_metadata": {"cephfs": {}},
        },
    ],
    "df": {
        "stats": {},
        "pools": [
            {"name": "vms", "id": 1, "stats": {"percent_used": 0.42}},
            {"name": "files", "id": 2, "stats": {"percent_used": 0.97}},
        ],
    },
}


def _found(folder: Path, **changed: Any) -> Found:
    """Read from a `ceph` that prints recorded answers."""
    for words, answer in (ANSWERS | {k.replace("_", " "): v for k, v in changed.items()}).items():
        text = answer if isinstance(answer, str) else json.dumps(answer)
        (folder / words).write_text(text)
    tool = folder / "ceph"
    # ceph --connect-timeout 10 --format json WORDS
    tool.write_text(f'#!/bin/sh\nshift 4\nexec cat "{folder}/$*"\n')
    tool.chmod(0o755)
    return found("ceph", name="prod", via=["env", f"PATH={folder}:/usr/bin:/bin"])


def test_pools_stand_on_osds_and_monitors_and_are_exported_as_libvirt_writes_it(
    tmp_path: Path,
) -> None:
    reading = _found(tmp_path)
    items = list(reading.items)
    rows = records(items)
    assert reading.scope == FSID
    export = "export:rbd://10.0.0.1:6789,10.0.0.2:6789,10.0.0.3:6789/vms"
    assert keys(rows[export]) == {("exportAddress", export.removeprefix("export:"))}
    assert (export, "STORED_ON", "pool:vms") in relations(items)
    assert not [key for key in rows if key.startswith("export:") and key != export]
    assert keys(rows["osd:0"]) == {
        ("name", "h1/ceph-osd@0.service"),
        ("name", f"h1/ceph-{FSID}@osd.0.service"),  # where cephadm has set it up
    }
    named = {key: rows[key].props["alertName"] for key in ("osd:0", "pool:vms", "cluster")}
    assert named == {"osd:0": "osd.0", "pool:vms": "vms", "cluster": FSID}
    assert "osd:6" not in rows
    assert {("osd:2", "RUNS_ON", ("h2",)), ("mon:h3", "RUNS_ON", ("h3", "10.0.0.3"))} <= aliases(
        items
    )


def test_an_osd_that_stands_under_two_roots_is_one(tmp_path: Path) -> None:
    tree = ANSWERS["osd tree"]
    other = {"id": -9, "name": "h1~x", "type": "host", "children": [0, 1]}
    twice = {"nodes": [*tree["nodes"], other, _osd(0), _osd(1)], "stray": []}

    def needs(**changed: Any) -> set[tuple[str, int | None]]:
        items = _found(tmp_path, **changed).items
        return {
            (item.dependency, item.need)
            for item in items
            if isinstance(item, RelationRecord) and item.dependent == "pool:vms"
        }

    assert needs(osd_tree=twice) == needs()


def test_pools_of_one_name_in_two_clusters_are_two(tmp_path: Path) -> None:
    other = ANSWERS["mon dump"] | {"fsid": "0" * 31 + "a"}
    pools = [
        records(_found(tmp_path, **changed).items)["pool:vms"]
        for changed in ({}, {"mon_dump": other})
    ]
    strong = [{value for name, value in keys(pool) if name == "poolUuid"} for pool in pools]
    assert all(strong)
    assert strong[0].isdisjoint(strong[1])


@pytest.mark.parametrize(("pool", "need"), [("vms", 4), ("files", 6)])
def test_a_pool_survives_as_many_hosts_as_its_copies_allow(
    tmp_path: Path, pool: str, need: int
) -> None:
    items = _found(tmp_path).items
    ties = [i for i in items if isinstance(i, RelationRecord) and i.dependent == f"pool:{pool}"]
    assert {t.need for t in ties if t.group == "osds"} == {need}
    assert {t.need for t in ties if t.group == "monitors"} == {2}


def test_all_is_well_but_the_pool_that_is_full(tmp_path: Path) -> None:
    items = list(_found(tmp_path).items)
    assert wrong(items) == {("pool:files", "full"): "97% are used"}
    assert {("cluster", "degraded"), ("osd:0", "down"), ("mon:h1", "down")} <= well(items)


def test_what_ceph_complains_of_is_put_on_what_it_names(tmp_path: Path) -> None:
    tree = json.loads(json.dumps(ANSWERS["osd tree"]))
    tree["nodes"][4]["status"] = "down"
    checks = {
        "OSD_DOWN": {"summary": {"message": "1 osds down"}, "detail": []},
        "PG_AVAILABILITY": {
            "summary": {"message": "Reduced data availability: 1 pg inactive"},
            "detail": [{"message": "pg 1.2a is stuck inactive for 3m, current state undersized"}],
        },
        "PG_DEGRADED": {
            "summary": {"message": "Degraded data redundancy"},
            "detail": [{"message": "pg 2.1 is active+undersized+degraded, acting [2,3]"}],
        },
    }
    health = {"status": "HEALTH_ERR", "checks": checks}
    monitors = ANSWERS["mon dump"] | {"quorum": [0, 1]}
    df = {"pools": []}
    items = _found(tmp_path, health_detail=health, osd_tree=tree, mon_dump=monitors, df=df).items
    seen = wrong(items)
    assert seen.keys() == {
        ("cluster", "degraded"),
        ("osd:0", "down"),
        ("mon:h3", "down"),
        ("pool:vms", "offline"),
        ("pool:files", "degraded"),
    }
    assert seen["cluster", "degraded"].startswith("1 osds down; Reduced data availability")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"mon_dump": "{}"}, "fsid is missing"),
        ({"osd_tree": '{"nodes": 7}'}, "is not a list"),
        ({"df": '{"pools": [{"name": "vms", "stats": {"percent_used": "x"}}]}'}, "its share used"),
        ({"health_detail": '{"status": "HEA'}, "not JSON"),
    ],
)
def test_what_is_no_answer_of_ceph_is_refused(
    tmp_path: Path, changed: dict[str, str], told: str
) -> None:
    with pytest.raises(SourceError, match=told):
        list(_found(tmp_path, **changed).items)
