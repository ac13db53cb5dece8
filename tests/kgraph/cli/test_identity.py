from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]  # see conftest
UUID = "4c4c4544-0042-4210-8052-b9c04f4d3532"
DOCUMENT = """\
format: kgraph.topology/v1
source: {source}
scope: all
complete: true
entities:
  - {{id: {id}, kind: Host, name: {name}, keys: {{{keys}}}, props: {{rack: {rack}}}}}
"""


@pytest.fixture
def told(run: Run, work: Path) -> Callable[..., None]:
    """Let a source tell of one host."""

    def tell(source: str, id: str, keys: str, rack: str = "r1", name: str = "") -> None:  # noqa: A002 - the document's word
        text = DOCUMENT.format(source=source, id=id, name=name or id, keys=keys, rack=rack)
        file = work / f"{source}.yaml"
        file.write_text(text, "utf-8")
        done = run("ingest", "topology", file)
        assert done.code == 0, done.err

    return tell


def hosts(run: Run) -> dict[str, str]:
    found = json.loads(run("graph", "find", "--kind", "Host", "-o", "json").out)
    return {row["name"]: row["uid"] for row in found}


def test_a_merge_says_which_name_counts_where_it_is_not_that_of_the_first(
    run: Run, told: Callable[..., None]
) -> None:
    told("cmdb", "old", "serial: '1'")
    told("dcim", "new", "serial: '2'")  # read later, so its word counts
    done = run("graph", "merge", "old", "new")
    assert done.out.endswith("from now on, and called new\n")
    assert hosts(run).keys() == {"new"}


def test_one_entity_is_explained_by_what_its_sources_claim(
    run: Run, told: Callable[..., None]
) -> None:
    told("cmdb", "ci-1", f"smbiosUuid: {UUID}, serial: '0'")
    told("dcim", "x", f"smbiosUuid: {UUID.upper()}, ip: 192.0.2.1", rack="r2")
    out = run("graph", "explain-identity", "x").out
    assert "cmdb ci-1 (all)" in out
    assert "dcim x (all)" in out
    rows = [line.split() for line in out.splitlines()]
    assert ["rack", "r2", "dcim", "x", "(all)", "counts"] in rows
    document = json.loads(run("graph", "explain-identity", "x", "-o", "json").out)
    claims = {
        claim["namespace"]: (claim["strength"], claim["sharedWith"])
        for record in document["records"]
        for claim in record["claims"]
    }
    assert claims == {
        "smbiosUuid": ("strong", ["cmdb ci-1 (all)"]),
        "serial": ("placeholder", []),
        "ip": ("weak", []),
    }
    assert [each["what"] for each in document["differing"]] == ["name", "rack"]


def test_a_conflict_is_listed_decided_and_gone(run: Run, told: Callable[..., None]) -> None:
    told("cmdb", "h1", f"smbiosUuid: {UUID}, vendorSerial: ACME/A1")
    told("dcim", "h2", f"smbiosUuid: {UUID}, vendorSerial: ACME/B2")
    listed = run("--detailed-exitcode", "graph", "conflicts")
    assert listed.code == 10
    assert "vendorSerial ACME/A1 and ACME/B2" in listed.out
    assert f"smbiosUuid={UUID}" in listed.out  # as it is written on the machine
    assert f"kgraph graph merge {hosts(run)['h1']} {hosts(run)['h2']}" in listed.err
    (row,) = json.loads(run("graph", "conflicts", "-o", "json").out)
    assert [entity["name"] for entity in row["entities"]] == ["h1", "h2"]
    assert "they differ in vendorSerial" in run("graph", "explain-identity", "h1").err
    assert "1 pair of entities with a strong key in common" in run("doctor").out
    before = hosts(run)
    merged = run("graph", "merge", "h1", "h2", "--reason", "a new board")
    assert merged.code == 0, merged.err
    assert list(hosts(run).values()) == [before["h1"]]
    assert run("graph", "conflicts", "-o", "json").out == "[]\n"
    (decision,) = json.loads(run("graph", "decisions", "-o", "json").out)
    assert (decision["verdict"], decision["reason"]) == ("same", "a new board")
    assert "also known as " + before["h2"] in run("graph", "explain-identity", "h2").err
    assert "a new board" in run("graph", "history", "h2").out
    undo = f"graph split {before['h1']} --source dcim"
    assert f"`kgraph {undo}`" in merged.err
    assert run(*undo.split()).code == 0
    assert sorted(hosts(run)) == ["h1", "h2"]


def test_two_things_of_one_kind_and_name_are_told_apart_by_uid_alone(
    run: Run, told: Callable[..., None]
) -> None:
    told("cmdb", "a", "cmdbId: CI-1", name="twin")
    told("dcim", "b", "cmdbId: CI-2", name="twin")
    done = run("graph", "show", "twin")
    assert "; give the uid" in done.err


def test_what_was_one_is_split_and_stays_so(run: Run, told: Callable[..., None]) -> None:
    told("cmdb", "h1", f"smbiosUuid: {UUID}")
    told("dcim", "h2", f"smbiosUuid: {UUID}")
    assert list(hosts(run)) == ["h2"]
    done = run("graph", "split", "h2", "--source", "dcim", "--reason", "a clone")
    assert done.code == 0, done.err
    assert sorted(hosts(run)) == ["h1", "h2"]
    told("dcim", "h2", f"smbiosUuid: {UUID}", rack="r9")
    assert sorted(hosts(run)) == ["h1", "h2"]
    assert run("graph", "conflicts", "-o", "json").out == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "told_"),
    [
        (("merge", "h1", "h1"), "already"),
        (("merge", "h1", "nobody"), "no entity 'nobody'"),
        (("split", "h1", "--source", "dcmi"), "its sources are: cmdb"),
        (("split", "h1", "--source", "cmdb"), "all that is said of Host h1"),
        (("split", "h1", "--source", "cmdb", "--key", "h9"), "it has: cmdb h1 (all)"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    run: Run, told: Callable[..., None], arguments: tuple[str, ...], told_: str
) -> None:
    told("cmdb", "h1", f"smbiosUuid: {UUID}")
    done = run("graph", *arguments)
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert told_ in done.err
    assert run("graph", "decisions", "-o", "json").out == "[]\n"


@pytest.mark.parametrize("serials", [("", ""), ("ACME/A1B2", "ACME/C3D4")])
def test_two_rows_of_one_table_stay_the_one_machine_that_a_person_says_they_are(
    run: Run, work: Path, serials: tuple[str, str]
) -> None:
    rows = "".join(f"{n},Host,h{n},{serial}\n" for n, serial in enumerate(serials))
    (work / "hosts.csv").write_text(f"id,kind,name,key.vendorSerial\n{rows}", "utf-8")
    run("ingest", "csv", "path=hosts.csv")
    assert run("graph", "merge", "h0", "h1").code == 0
    one = hosts(run)
    assert len(one) == 1
    for _ in range(2):
        done = run("ingest", "csv", "path=hosts.csv")
        assert "identity_conflict" not in done.err
        assert hosts(run) == one
