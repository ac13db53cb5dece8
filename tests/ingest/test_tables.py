from __future__ import annotations

from pathlib import Path

import pytest

from kgraph.schema import InputError, RelationRecord
from tests.ingest.readings import found, keys, machines, records, relations, written

HOSTS = """\
id,kind,name,key.vendorSerial,label.owner,prop.cpus,prop.bay,rel.LOCATED_IN.Rack,any.POWERED_BY.PowerFeed
h1,Host,h1.dc1,ACME/7,storage team,16,007,r1,feed-a;feed-b
h2,Host,h2.dc1,,,8.5,,r1,feed-a

s1,Switch,tor-1,,,,,r1,feed-b
"""


def test_a_table_becomes_entities_with_their_claims(tmp_path: Path) -> None:
    rows = records(found("csv", path=written(tmp_path, "h.csv", HOSTS)).items)
    assert rows["h1"].kind == "Host"
    assert keys(rows["h1"]) == {
        ("vendorSerial", "ACME/7"),
        ("hostname", "h1.dc1"),
    }
    assert dict(rows["h1"].labels) == {"owner": "storage team"}


def test_numbers_are_numbers_and_what_only_looks_like_one_is_text(tmp_path: Path) -> None:
    rows = records(found("csv", path=written(tmp_path, "h.csv", HOSTS)).items)
    assert dict(rows["h1"].props) == {"cpus": 16, "bay": "007"}
    assert dict(rows["h2"].props) == {"cpus": 8.5}


def test_a_column_makes_what_has_no_row_and_alternatives_are_a_group(tmp_path: Path) -> None:
    items = list(found("csv", path=written(tmp_path, "h.csv", HOSTS)).items)
    rows = records(items)
    assert (rows["Rack:r1"].kind, rows["Rack:r1"].name) == ("Rack", "r1")
    assert ("h2", "LOCATED_IN", "Rack:r1") in relations(items)
    feeds = [i for i in items if isinstance(i, RelationRecord) and i.dependent == "h1"]
    assert {(i.dependency, i.group, i.need) for i in feeds if i.type == "POWERED_BY"} == {
        ("PowerFeed:feed-a", "any.POWERED_BY.PowerFeed", 1),
        ("PowerFeed:feed-b", "any.POWERED_BY.PowerFeed", 1),
    }


def test_a_mapping_reads_a_table_as_it_is_and_names_what_it_leaves_out(tmp_path: Path) -> None:
    path = written(tmp_path, "cmdb.csv", "Asset;Host name;Colour\n42;h9;red\n")
    reading = found(
        "csv",
        path=path,
        kind="Host",
        delimiter=";",
        columns={"key.cmdbId": "Asset", "name": "Host name"},
    )
    (row,) = records(reading.items).values()
    assert ("cmdbId", "42") in keys(row)
    mend = "`columns` says what they are, such as address, label.x or prop.x"
    assert reading.findings == (f"columns left out: Colour; {mend}",)


def test_a_column_that_was_given_a_meaning_is_not_mixed_with_the_one_that_had_it(
    tmp_path: Path,
) -> None:
    text = "Guest,name,kind\nweb,a long story,Service\nshop,lost,Service\ndb,,Service\n"
    path = written(tmp_path, "t.csv", text)
    reading = found("csv", path=path, columns={"name": "Guest"})
    assert {row.name for row in records(reading.items).values()} == {"web", "shop", "db"}
    assert reading.findings[0].startswith("columns left out: name; ")


def test_a_column_has_one_meaning(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'Guest' is given to two of them"):
        found("csv", path=tmp_path / "t.csv", columns={"name": "Guest", "id": "Guest"})


def test_machines_are_left_for_the_graph_to_tell(tmp_path: Path) -> None:
    text = "id,kind,address,uuid\nweb1,Machine,10.0.0.7,5f2c3ad2-7e0d-4f44-9d3c-0a1b2c3d4e5f\n"
    (machine,) = machines(found("csv", path=written(tmp_path, "m.csv", text)).items).values()
    assert (machine.name, machine.addresses) == ("web1", ("10.0.0.7",))
    assert machine.uuid.startswith("5f2c")


def test_a_host_that_only_a_column_names_is_one_that_others_tell_of(tmp_path: Path) -> None:
    text = "id,kind,rel.RUNS_ON.Host\nweb1,VirtualMachine,h1\nweb2,VirtualMachine,h1\n"
    items = list(found("csv", path=written(tmp_path, "g.csv", text)).items)
    host = machines(items)["Host:h1"]
    assert (host.name, host.kind) == ("h1", "Host")
    assert {("web1", "RUNS_ON", "Host:h1"), ("web2", "RUNS_ON", "Host:h1")} <= relations(items)


def test_two_rows_of_one_id_that_contradict_each_other_are_told(tmp_path: Path) -> None:
    text = "id,kind,name,rel.RUNS_ON\nh1,Host,a,\nw,Service,,h1\nw,Service,,h2\nh1,Host,b,\n"
    path = written(tmp_path, "t.csv", text)
    reading = found("csv", path=path)
    told = f"{path}:5: 'h1' had a row, which stands; this one differs in name"
    assert reading.findings == (told,)
    assert {("w", "RUNS_ON", "h1"), ("w", "RUNS_ON", "h2")} <= relations(list(reading.items))


def test_relations_have_a_table_of_their_own(tmp_path: Path) -> None:
    path = written(tmp_path, "s.csv", "id,kind\nshop,Service\ndb,Service\nw1,VirtualMachine\n")
    links = written(
        tmp_path, "l.csv", "from,type,to,group,need\nshop,CALLS,db,,\nshop,RUNS_ON,w1,copies,1\n"
    )
    items = list(found("csv", path=path, relations=links).items)
    assert ("shop", "CALLS", "db") in relations(items)
    (copy,) = [i for i in items if isinstance(i, RelationRecord) and i.type == "RUNS_ON"]
    assert (copy.group, copy.need) == ("copies", 1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it is empty"),
        ("id,kind\n,Host\n", r"t.csv:2: neither id nor name"),
        ("id,kind\nx,Hots\n", r"t.csv:2: unknown kind 'Hots'; did you mean Host"),
        ("id\nx\n", r"t.csv:2: no kind; add a column kind"),
        ("id,kind\nx,Host,3\n", r"t.csv:2: 3 cells under 2 headings"),
        ('id,kind\n"x,Host\n', r"t.csv:2: not CSV"),
        ("id,kind,name\nx,Host,a\ny,Ho", r"t.csv:3: the last line ends after 2 of 3 cells: cut"),
        ("id,kind,name\nw,Host\nx,Host,a\ny,Ho", r"t.csv:4: .* 2 of 3 cells: cut"),
        ("id,kind,name\ny,Ho", r"t.csv:2: the last line ends after 2 of 3 cells: cut"),
        ("id,id\nx,Host\n", r"t.csv:1: two columns 'id'"),
        ('{"hosts": 1}\n', r"t.csv: neither a column id nor a column name; its columns: {"),
        ("id;kind\nx;Host\n", r"neither a column id nor .*say by `columns` or `delimiter`"),
        ("id,kind,rel.RUNS\nx,Host,y\n", r"unknown relation 'RUNS'; did you mean RUNS_ON\?"),
        ("id,kind,rel.EATS\nx,Host,y\n", r"unknown relation 'EATS'; known: RUNS_ON"),
        ("id,kind,rel.RUNS_ON.Hots\nx,Host,y\n", r"unknown kind 'Hots'"),
    ],
)
def test_a_broken_table_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        list(found("csv", path=written(tmp_path, "t.csv", text)).items)


@pytest.mark.parametrize(
    "text",
    [
        "id,kind,name\n1,Host,b\n\n ",
        "id,kind,name\n1,Host,b\n,,",
        "id,kind,name\r1,Host\r",
        "id,kind,name,prop.bay\n0,Host,a\n1,Host,b",
        "id,kind,name\n1,Host,b",
    ],
)
def test_a_table_that_is_whole_is_read_however_it_ends(tmp_path: Path, text: str) -> None:
    assert "1" in records(found("csv", path=written(tmp_path, "t.csv", text)).items)


def test_relations_may_all_leave_out_the_columns_that_nobody_has_to_fill_in(
    tmp_path: Path,
) -> None:
    things = written(tmp_path, "t.csv", "id,kind\na,Host\nb,Rack\nc,Rack\n")
    text = "from,type,to,group,need\na,LOCATED_IN,b\na,LOCATED_IN,c"
    links = written(tmp_path, "links.csv", text)
    items = list(found("csv", path=things, relations=links).items)
    assert ("a", "LOCATED_IN", "c") in relations(items)


def test_a_kind_that_no_row_needs_is_checked_all_the_same(tmp_path: Path) -> None:
    path = written(tmp_path, "t.csv", "id,kind\nx,Host\n")
    with pytest.raises(ValueError, match="unknown kind 'Hots'; did you mean Host"):
        found("csv", path=path, kind="Hots")


def test_a_mapping_to_a_column_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    path = written(tmp_path, "t.csv", "a,b\n1,2\n")
    with pytest.raises(InputError, match=r"no column 'c'; its columns: a, b"):
        found("csv", path=path, columns={"id": "c"})


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("shop,,db,,", "no type"),
        ("shop,CALLS,db,g,two", "need 'two' is no number"),
        (f"shop,CALLS,db,g,{'9' * 5000}", "need '9999.*' is no number"),
    ],
)
def test_a_broken_relation_is_told_with_its_line(tmp_path: Path, line: str, told: str) -> None:
    path = written(tmp_path, "s.csv", "id,kind\nshop,Service\n")
    links = written(tmp_path, "l.csv", f"from,type,to,group,need\n{line}\n")
    with pytest.raises(InputError, match=f"l.csv:2: {told}"):
        found("csv", path=path, relations=links)


def test_a_file_that_is_not_utf8_or_not_there_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"id,kind\nh\xff,Host\n")
    with pytest.raises(InputError, match=r"x\.csv:2: byte 9 is not UTF-8"):
        found("csv", path=tmp_path / "x.csv")
    with pytest.raises(InputError, match=r"No such file.*correct the path"):
        found("csv", path=tmp_path / "y.csv")


def test_a_table_with_what_no_text_holds_is_refused_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, "x.csv", "id,kind\nh,Host\n\0\0\0\0")
    with pytest.raises(InputError, match=r"x\.csv:3: holds a NUL character; save the file as"):
        found("csv", path=path)
